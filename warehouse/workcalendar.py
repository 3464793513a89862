"""The company's calendar: each day with its working time, as instants in UTC.

Instants make working time exact where clocks change: the hour that is said twice counts twice, the
one that is skipped not at all. Each day also says how much working time all days before it had, so
that the working time between two instants is one subtraction (warehouse/sql/responses.sql).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from warehouse.business import Business

FIRST_DAY, LAST_DAY = date(2010, 1, 1), date(2039, 12, 31)
COMMENT = (
    "One row a day of the years 2010 to 2039: the company's working time, by reporting.toml. Hours "
    "are local; the instants are in UTC, so that working time is exact where clocks change."
)
_INSTANT = "TIMESTAMPTZ"
COLUMNS: dict[str, tuple[str, str]] = {
    "date": ("DATE", "The day, in the company's time zone."),
    "weekday": ("INTEGER", "1 Monday to 7 Sunday."),
    "is_special": ("BOOLEAN", "reporting.toml says its hours by date, as those of a holiday."),
    "is_working": ("BOOLEAN", "It has working time."),
    "starts_at_utc": (_INSTANT, "When the day begins."),
    "ends_at_utc": (_INSTANT, "When the next day begins."),
    "opens_at_utc": (_INSTANT, "When work begins; on a day without any, as starts_at_utc."),
    "pauses_at_utc": (_INSTANT, "When the pause begins; without one, as closes_at_utc."),
    "resumes_at_utc": (_INSTANT, "When the pause ends; without one, as closes_at_utc."),
    "closes_at_utc": (_INSTANT, "When work ends; on a day without any, as starts_at_utc."),
    "working_seconds": ("BIGINT", "Its working time."),
    "working_seconds_before": ("BIGINT", "The working time of all days before it."),
}


_EPOCH = date(1970, 1, 1).toordinal()
_DAY_SECONDS = 24 * 60 * 60
_TYPES = {
    "DATE": pa.date32(),
    "INTEGER": pa.int32(),
    "BOOLEAN": pa.bool_(),
    "BIGINT": pa.int64(),
    _INSTANT: pa.timestamp("us", "UTC"),
}


def calendar_table(business: Business, time_zone: str) -> pa.Table:
    """The calendar of `COLUMNS`."""
    return _calendar(business.model_dump_json(), time_zone)


@lru_cache(maxsize=2)
def _calendar(said: str, time_zone: str) -> pa.Table:
    business, zone = Business.model_validate_json(said), ZoneInfo(time_zone)
    rows: list[tuple[Any, ...]] = []
    worked, offset = 0, _offset(FIRST_DAY, zone)
    for number in range((LAST_DAY - FIRST_DAY).days + 1):
        day = FIRST_DAY + timedelta(days=number)
        following = _offset(day + timedelta(days=1), zone)
        pairs = business.hours_of(day)
        minutes = [0, 24 * 60, *(minute for pair in pairs for minute in pair)]
        if offset == following:
            midnight = (day.toordinal() - _EPOCH) * _DAY_SECONDS - offset
            starts, ends, *moments = [midnight + 60 * minute for minute in minutes]
        else:
            starts, ends, *moments = [_instant(day, minute, zone) for minute in minutes]
        opens, closes = (moments[0], moments[-1]) if moments else (starts, starts)
        pauses, resumes = moments[1:3] if len(moments) > 2 else (closes, closes)
        seconds = closes - opens - (resumes - pauses)
        told = (day, day.isoweekday(), day in business.days, seconds > 0)
        rows.append((*told, starts, ends, opens, pauses, resumes, closes, seconds, worked))
        worked, offset = worked + seconds, following
    columns = zip(COLUMNS.items(), zip(*rows, strict=True), strict=True)
    return pa.table({name: _array(values, kind) for (name, (kind, _)), values in columns})


def _array(values: tuple[Any, ...], kind: str) -> pa.Array[Any]:
    if kind == _INSTANT:
        return pa.array(values, pa.timestamp("s", "UTC")).cast(_TYPES[kind])
    return pa.array(values, _TYPES[kind])


def _offset(day: date, zone: ZoneInfo) -> int:
    """How many seconds local time is ahead of UTC when a day begins."""
    ahead = datetime(day.year, day.month, day.day, tzinfo=zone).utcoffset()
    return int(ahead.total_seconds()) if ahead else 0


def _instant(day: date, minute: int, zone: ZoneInfo) -> int:
    """A local time of a day as seconds of UTC; 24:00 is the next day's beginning.

    Of a time that is said twice, the first is meant; one that is skipped is the end of the gap.
    """
    local = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001
    while True:
        instant = local.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == local:
            return int(instant.timestamp())
        local += timedelta(minutes=1)
