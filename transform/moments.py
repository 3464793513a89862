"""Dates in a column of text → microseconds, strictly and fast.

`pyarrow.compute.strptime` reads 31.02.2026 as 3 March and the year 26 as 0026, and
`pandas.to_datetime` costs thirty times as much. Here the texts of equal length are one matrix of
bytes: where an example has figures every row must have figures, where it has a dot every row must
have that dot, and the day must exist in its month.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import numpy as np
import pyarrow as pa

from transform.columns import Bools, Bytes, Ints, value_bytes, value_offsets
from transform.dateformats import YEARS, DateFormat

MICROS = 1_000_000
DAY_MICROS = 86_400 * MICROS
_ZERO = ord("0")
_MAX_BYTES = 40  # no format is longer
_MAX_LAYOUTS = 8  # layouts tried on texts of one length before the rest is read one by one

_MONTHS = [(year, month) for year in YEARS for month in range(1, 13)]
_EPOCH = date(1970, 1, 1).toordinal()
_MONTH_STARTS = np.array(
    [date(year, month, 1).toordinal() - _EPOCH for year, month in _MONTHS]
    + [date(YEARS.stop, 1, 1).toordinal() - _EPOCH],
    dtype=np.int64,
)


@dataclass(frozen=True)
class Moments:
    """What a column of text says.

    Attributes:
        micros: microseconds since 1970, local as written (UTC for unix times); 0 where not `ok`.
        offsets: seconds east of UTC as written; None where the format has no zone.
        ok: the value is a moment that exists.
        has_time: the value has a time of day, not only a date.
    """

    micros: Ints
    offsets: Ints | None
    ok: Bools
    has_time: Bools


@dataclass(frozen=True)
class _Layout:
    """Where the figures stand in texts of one length."""

    template: Bytes  # the literal byte, or '0' where a figure stands
    slack: Bytes  # 9 where a figure stands, 0 elsewhere
    spans: dict[str, tuple[int, int]]
    zone_sign: int  # 0: in UTC or without a zone


def parse(texts: pa.StringArray, date_format: DateFormat) -> Moments:
    """Read a column without nulls in one format; what doesn't fit is not `ok` and never raises."""
    count = len(texts)
    found = Moments(
        micros=np.zeros(count, np.int64),
        offsets=np.zeros(count, np.int64) if date_format.zoned or date_format.is_unix else None,
        ok=np.zeros(count, np.bool_),
        has_time=np.zeros(count, np.bool_),
    )
    for rows, matrix in by_length(texts):
        if matrix.shape[1]:
            _parse_equal_lengths(found, rows, matrix, date_format)
    return found


def by_length(texts: pa.StringArray) -> Iterator[tuple[Ints, Bytes]]:
    """The rows of each length in bytes, with their bytes as a matrix: one row a text.

    Texts longer than any date are left out, unless all are of one length.
    """
    offsets, data = value_offsets(texts), value_bytes(texts)
    lengths = offsets[1:] - offsets[:-1]
    if len(lengths) and lengths.min() == lengths.max():
        yield np.arange(len(lengths)), data[offsets[0] : offsets[-1]].reshape(len(lengths), -1)
        return
    for length in np.unique(lengths[lengths <= _MAX_BYTES]):
        rows = np.flatnonzero(lengths == length)
        yield rows, data[offsets[rows][:, None] + np.arange(length)]


def _parse_equal_lengths(
    found: Moments, rows: Ints, matrix: Bytes, date_format: DateFormat
) -> None:
    fill = _fill_unix if date_format.is_unix else _fill_calendar
    for _ in range(_MAX_LAYOUTS):
        if not len(rows):
            return
        rest = _fill_like_first(found, rows, matrix, date_format, fill)
        rows, matrix = rows[rest], matrix[rest]
    for index in range(len(rows)):
        one = slice(index, index + 1)
        _fill_like_first(found, rows[one], matrix[one], date_format, fill)


def _fill_like_first(
    found: Moments,
    rows: Ints,
    matrix: Bytes,
    date_format: DateFormat,
    fill: Callable[[Moments, Ints, Bytes, _Layout, DateFormat], None],
) -> Bools:
    """Read every row that is laid out as the first one; says which rows are left."""
    layout = _layout(matrix[0].tobytes().decode("utf-8", "replace"), date_format)
    rest = np.ones(len(rows), np.bool_)
    if layout is None:
        rest[0] = False
        return rest
    figures = matrix - layout.template
    fits = figures <= layout.slack
    if fits.all():
        fill(found, rows, figures, layout, date_format)
        rest[:] = False
        return rest
    alike = cast("Bools", fits.all(axis=1))
    fill(found, rows[alike], figures[alike], layout, date_format)
    return ~alike


def _layout(example: str, date_format: DateFormat) -> _Layout | None:
    match = date_format.pattern.fullmatch(example)
    if match is None:
        return None
    if date_format.is_unix:
        spans = {"count": (0, len(example))}
    else:
        spans = {name: match.span(name) for name in match.groupdict() if match[name] is not None}
    sign = 0
    if "zone" in spans:
        start, stop = spans.pop("zone")
        sign = {"+": 1, "-": -1}.get(example[start], 0)
        if sign:
            spans["zone_hour"] = (start + 1, start + 3)
        if sign and stop - start > 3:
            spans["zone_minute"] = (stop - 2, stop)
    template = np.frombuffer(example.encode(), np.uint8).copy()
    slack = np.zeros(len(template), np.uint8)
    for start, stop in spans.values():
        template[start:stop] = _ZERO
        slack[start:stop] = 9
    return _Layout(template, slack, spans, sign)


def _number(figures: Bytes, layout: _Layout, name: str) -> Ints:
    start, stop = layout.spans.get(name, (0, 0))
    narrow = np.int32 if stop - start <= 9 else np.int64  # half the bytes to move
    total: Any = np.zeros(len(figures), narrow)
    for position in range(start, stop):
        total *= 10
        total += figures[:, position]
    return cast("Ints", total)


def _fill_calendar(
    found: Moments, rows: Ints, figures: Bytes, layout: _Layout, _: DateFormat
) -> None:
    year, month, day, hour, minute, second = (
        _number(figures, layout, name)
        for name in ("year", "month", "day", "hour", "minute", "second")
    )
    ok = (year >= YEARS.start) & (year < YEARS.stop) & (month >= 1) & (month <= 12)
    ok &= (hour < 24) & (minute < 60) & (second < 60)
    index = np.where(ok, (year - YEARS.start) * 12 + month - 1, 0)
    ok &= (day >= 1) & (day <= _MONTH_STARTS[index + 1] - _MONTH_STARTS[index])
    seconds = (hour * 60 + minute) * 60 + second
    days = _MONTH_STARTS[index] + day - 1
    micros = days * DAY_MICROS + seconds * np.int64(MICROS) + _fraction_micros(figures, layout)
    found.ok[rows] = ok
    found.micros[rows] = np.where(ok, micros, 0)
    found.has_time[rows] = "hour" in layout.spans
    if found.offsets is not None:
        _fill_zone(found, rows, figures, layout)


def _fraction_micros(figures: Bytes, layout: _Layout) -> Ints | int:
    start, stop = layout.spans.get("fraction", (0, 0))
    if start == stop:
        return 0
    number = _number(figures, layout, "fraction")
    places = stop - start
    return number * np.int64(10 ** (6 - places)) if places <= 6 else number // 10 ** (places - 6)


def _fill_zone(found: Moments, rows: Ints, figures: Bytes, layout: _Layout) -> None:
    assert found.offsets is not None
    if not layout.zone_sign:
        # A bare date says no zone: such a row is no moment in a zoned column.
        found.ok[rows] &= "hour" in layout.spans
        return
    hours = _number(figures, layout, "zone_hour")
    minutes = _number(figures, layout, "zone_minute")
    found.offsets[rows] = layout.zone_sign * (hours * 60 + minutes) * 60
    found.ok[rows] &= (hours <= 14) & (minutes < 60)


def _fill_unix(
    found: Moments, rows: Ints, figures: Bytes, layout: _Layout, date_format: DateFormat
) -> None:
    scale = MICROS if date_format.order == "unix seconds" else 1000
    micros = _number(figures, layout, "count") * np.int64(scale)
    ok = (micros >= _MONTH_STARTS[0] * DAY_MICROS) & (micros < _MONTH_STARTS[-1] * DAY_MICROS)
    found.ok[rows] = ok
    found.micros[rows] = np.where(ok, micros, 0)
    found.has_time[rows] = True
