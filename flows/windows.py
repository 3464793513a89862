"""Which days a run asks for: dates as the vendor writes them, windows, lookback and gaps.

A window is inclusive on both ends and in the company's days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from flows.errors import InvalidWindow

EXPECTED = "a date is written dd.mm.yyyy, such as 01.02.2026"
_DDMMYYYY = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})")


def parse_ddmmyyyy(text: object) -> date:
    """`01.02.2026` → 1 February 2026; a date passes as it is.

    Raises:
        InvalidWindow: anything else, and days that no calendar has.
    """
    if isinstance(text, date) and not isinstance(text, datetime):
        return text
    match = _DDMMYYYY.fullmatch(str(text).strip())
    if match is None:
        raise InvalidWindow(f"{str(text)[:40]!r} is not a date: {EXPECTED}.")
    day, month, year = (int(part) for part in match.groups())
    try:
        return date(year, month, day)
    except ValueError:
        raise InvalidWindow(f"{text!s} is in no calendar: {EXPECTED}.") from None


def ddmmyyyy(day: date) -> str:
    """The vendor's way to write a date (published)."""
    return day.strftime("%d.%m.%Y")


_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": r"^[0-9]{2}\.[0-9]{2}\.[0-9]{4}$",
    "examples": ["01.02.2026"],
}
# A flow's parameter: a form field with a pattern in the UI, a date in the flow.
Day = Annotated[
    date,
    BeforeValidator(parse_ddmmyyyy),
    PlainSerializer(ddmmyyyy),
    WithJsonSchema({**_SCHEMA, "title": "Day"}),
]


@dataclass(frozen=True)
class Window:
    """Days from `date_from` to `date_to`, both inclusive, in the company's time zone."""

    date_from: date
    date_to: date

    def days(self) -> list[date]:
        """Every day of the window, the oldest first."""
        count = (self.date_to - self.date_from).days + 1
        return [self.date_from + timedelta(days=n) for n in range(count)]

    def __str__(self) -> str:
        return f"{ddmmyyyy(self.date_from)}–{ddmmyyyy(self.date_to)}"


def checked_window(date_from: object, date_to: object | None, today: date) -> Window:
    """A window that can be asked for; without `date_to` it ends yesterday.

    Raises:
        InvalidWindow: no date, the first after the last, or days that haven't come yet.
    """
    first = parse_ddmmyyyy(date_from)
    last = today - timedelta(days=1) if date_to in (None, "") else parse_ddmmyyyy(date_to)
    if first > today or last > today:
        late = max(first, last)
        raise InvalidWindow(
            f"{ddmmyyyy(late)} is in the future: the last day that can be asked for is today, "
            f"{ddmmyyyy(today)}."
        )
    if first > last:
        raise InvalidWindow(
            f"date_from ({ddmmyyyy(first)}) is after date_to ({ddmmyyyy(last)}): "
            "give the earlier day first."
        )
    return Window(first, last)


def day_end(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which `day` is over, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def nightly_days(
    yesterday: date,
    *,
    lookback_days: int,
    catch_up_days: int,
    revisit_days: Iterable[int],
    observed: Mapping[date, datetime],
    zone: ZoneInfo,
) -> list[date]:
    """The days a nightly asks for, the oldest first.

    The last `lookback_days`; the ages in `revisit_days`; and, once anything was ever loaded, each
    day of the last `catch_up_days` that is missing or was observed before it had ended.

    Args:
        yesterday: the newest day that has ended.
        lookback_days: days asked for every night.
        catch_up_days: how far back gaps are looked for.
        revisit_days: ages in days, 1 is yesterday; none where selection is by message date.
        observed: when each loaded day was last observed.
        zone: the company's time zone.
    """
    wanted = {yesterday - timedelta(days=n) for n in range(lookback_days)}
    known_from = min(observed, default=None)
    if known_from is not None:
        wanted |= {
            day
            for age in revisit_days
            if (day := yesterday - timedelta(days=age - 1)) >= known_from
        }
        for n in range(catch_up_days):
            day = yesterday - timedelta(days=n)
            if day >= known_from and is_gap(day, observed, zone):
                wanted.add(day)
    return sorted(wanted)


def is_gap(day: date, observed: Mapping[date, datetime], zone: ZoneInfo) -> bool:
    """Whether `day` was never loaded, or only before it had ended."""
    return day not in observed or observed[day] < day_end(day, zone)
