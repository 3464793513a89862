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

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.business import Business, Interval

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


WEEK = [date(2024, 1, 1) + timedelta(days=n) for n in range(7)]  # from a Monday on
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
    days = [FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    weekdays = (np.arange(len(days)) + FIRST_DAY.weekday()) % 7
    minutes = np.array([_minutes(business.hours.of(day)) for day in WEEK])[weekdays]
    special = np.zeros(len(days), bool)
    for day in business.days:
        if FIRST_DAY <= day <= LAST_DAY:
            at = (day - FIRST_DAY).days
            minutes[at], special[at] = _minutes(business.hours_of(day)), True
    offsets = np.array([_offset(day, zone) for day in (*days, LAST_DAY + timedelta(days=1))])
    midnights = (np.arange(len(days)) + FIRST_DAY.toordinal() - _EPOCH) * _DAY_SECONDS
    instants = (midnights - offsets[:-1])[:, None] + 60 * minutes
    for changing in np.flatnonzero(offsets[:-1] != offsets[1:]):
        told = [_instant(days[changing], int(minute), zone) for minute in minutes[changing]]
        instants[changing] = told
    starts, ends, opens, pauses, resumes, closes = instants.T
    seconds = closes - opens - (resumes - pauses)
    moments = [_instants(column) for column in (starts, ends, opens, pauses, resumes, closes)]
    before = seconds.cumsum() - seconds
    columns = [days, weekdays + 1, special, seconds > 0, *moments, seconds, before]
    made = zip(COLUMNS.items(), columns, strict=True)
    return pa.table({name: pa.array(column, _TYPES[kind]) for (name, (kind, _)), column in made})


def _minutes(pairs: tuple[Interval, ...]) -> tuple[int, ...]:
    """The minutes of the day of its start, end, opening, pause, resuming and closing."""
    told = [minute for pair in pairs for minute in pair] or [0, 0]
    pause = told[1:3] if len(told) > 2 else told[-1:] * 2
    return (0, 24 * 60, told[0], *pause, told[-1])


def _instants(seconds: npt.NDArray[np.int64]) -> pa.Array[Any]:
    return pa.array(seconds, pa.timestamp("s", "UTC")).cast(_TYPES[_INSTANT])


def _offset(day: date, zone: ZoneInfo) -> int:
    """How many seconds local time is ahead of UTC when a day begins."""
    ahead = zone.utcoffset(datetime(day.year, day.month, day.day))  # noqa: DTZ001
    return ahead.days * _DAY_SECONDS + ahead.seconds if ahead else 0


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
