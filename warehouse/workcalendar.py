"""The company's calendar: each day with its working time, as instants in UTC.

Instants make working time exact where clocks change: the hour that is said twice counts twice, the
one that is skipped not at all. Each day also says how much working time all days before it had, so
that the working time between two instants is one subtraction (warehouse/sql/responses.sql).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
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


def calendar_table(business: Business, time_zone: str) -> pa.Table:
    """The calendar of `COLUMNS`."""
    zone, day, worked = ZoneInfo(time_zone), FIRST_DAY, 0
    starts = _instant(day, 0, zone)
    rows: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    while day <= LAST_DAY:
        following = day + timedelta(days=1)
        ends, pairs = _instant(following, 0, zone), business.hours_of(day)
        moments = [_instant(day, minute, zone) for pair in pairs for minute in pair]
        opens, closes = (moments[0], moments[-1]) if moments else (starts, starts)
        pauses, resumes = moments[1:3] if len(moments) > 2 else (closes, closes)
        seconds = int((closes - opens - (resumes - pauses)).total_seconds())
        told = (day, day.isoweekday(), day in business.days, seconds > 0, starts, ends)
        row = (*told, opens, pauses, resumes, closes, seconds, worked)
        for name, value in zip(COLUMNS, row, strict=True):
            rows[name].append(value)
        day, starts, worked = following, ends, worked + seconds
    instant = pa.timestamp("us", "UTC")
    kinds = {"DATE": pa.date32(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_()}
    kinds |= {"BIGINT": pa.int64(), _INSTANT: instant}
    return pa.table({name: pa.array(rows[name], kinds[COLUMNS[name][0]]) for name in COLUMNS})


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """A local time of a day in UTC; 24:00 is the next day's beginning."""
    if minute == 24 * 60:
        day, minute = day + timedelta(days=1), 0
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone)
    return local.astimezone(UTC)
