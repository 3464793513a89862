"""Which days a report is about, and whether they are loaded yet.

A report is of days that are over. A day is ready once an export that was started after its end is
loaded in the release that readers see, and isn't held.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from flows.completeness import ranges
from flows.errors import InvalidWindow
from flows.personal import data_directory
from flows.settings import Settings
from flows.showing import shown_directory
from flows.stages import in_thread
from flows.windows import checked_window, day_end, ddmmyyyy
from warehouse.completeness import DAY_FACTS_SQL, day_facts
from warehouse.errors import NoSuchRelease
from warehouse.figures import Period
from warehouse.layout import DataDirectory
from warehouse.published import current_release
from warehouse.reading import query_release

Kind = Literal["day", "week", "month"]
LOOK_SECONDS = 30.0
DATASET = "chats"
_OF: dict[Kind, Callable[[date], Period]] = {
    "day": Period.day,
    "week": Period.week,
    "month": Period.month,
}


@dataclass(frozen=True)
class Unready:
    """Days of a period that can't be told of yet, and why."""

    missing: tuple[date, ...] = ()
    early: tuple[date, ...] = ()
    held: tuple[date, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.early or self.held)

    def __str__(self) -> str:
        named = (
            ("not loaded", self.missing),
            ("loaded before they were over", self.early),
            ("held", self.held),
        )
        return "; ".join(f"{why}: {', '.join(ranges(days))}" for why, days in named if days)


def period_of(kind: Kind, day: date | None, today: date) -> Period:
    """The day, week or month that `day` is in; the last one that is over if None.

    Raises:
        InvalidWindow: it isn't over yet.
    """
    of = _OF[kind]
    period = of(today).previous() if day is None else of(day)
    if period.last >= today:
        raise InvalidWindow(
            f"The {kind} of {ddmmyyyy(period.first)} isn't over before {ddmmyyyy(period.last)} "
            "ends: ask for an earlier one, or for the days so far (date_from and date_to; --from "
            "and --to)."
        )
    return period


def period_between(first: date, last: date | None, today: date) -> Period:
    """Any days, up to yesterday if the last isn't given.

    Raises:
        InvalidWindow: the wrong order, or a day that isn't over.
    """
    window = checked_window(first, last, today)
    if window.date_to >= today:
        raise InvalidWindow(
            f"{ddmmyyyy(window.date_to)} isn't over yet: a report is of days that are, up to "
            f"{ddmmyyyy(today - timedelta(days=1))}."
        )
    return Period(window.date_from, window.date_to)


def unready_days(layout: DataDirectory, period: Period, zone: ZoneInfo) -> Unready:
    """The days of `period` that the current release doesn't tell of for good."""
    days = [period.first + timedelta(days=n) for n in range(period.days)]
    try:
        answer = query_release(layout, DAY_FACTS_SQL)
    except NoSuchRelease:
        return Unready(missing=tuple(days))
    known = day_facts(answer.rows).get(DATASET, {})
    missing, early, held = [], [], []
    for day in days:
        facts = known.get(day)
        if facts is not None and facts.held:
            held.append(day)
        elif facts is None or facts.rows is None or facts.observed_at is None:
            missing.append(day)
        elif facts.observed_at < day_end(day, zone):
            early.append(day)
    return Unready(tuple(missing), tuple(early), tuple(held))


async def wait_for_days(
    settings: Settings, period: Period, wait_seconds: float, tell: Callable[[str], None]
) -> Unready:
    """Wait until every day is ready, at most so long; those that aren't.

    Args:
        settings: of the company.
        period: its days.
        wait_seconds: how long at most; 0 looks once.
        tell: called with a sentence when the wait begins, whenever other days are waited for, and
            when a release is brought from the object store.
    """
    own, told = data_directory(settings), ""
    deadline = time.monotonic() + wait_seconds
    seen, found = None, Unready()
    while True:
        layout = await in_thread(shown_directory, settings, own, tell=tell)
        current = current_release(layout)
        if told == "" or current != seen:  # nothing changes but with a release
            seen, found = current, await in_thread(unready_days, layout, period, settings.zone)
        left = deadline - time.monotonic()
        if not found or left <= 0:
            return found
        if str(found) != told:
            told = str(found)
            tell(f"Waiting for days, {left / 60:.0f} minutes at most: {told}.")
        await asyncio.sleep(min(LOOK_SECONDS, left))
