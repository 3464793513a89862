"""What the vendor doesn't publish and a run must know: found out once, from its own answers.

- whether an export includes `date_to`: a day asked for alone is compared with the same day asked
  for together with the next;
- whether messages are selected by their own date or by their thread's start: rows dated after the
  day asked for show the second, threads that come with two neighbouring days show the first.

What is found is kept as a fact in `meta`, with its evidence; a setting overrides it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from extract.errors import RequestRefused
from flows.fetching import fetch
from flows.loader import writer_session
from flows.run import Run
from flows.settings import Boundary
from flows.stages import in_thread
from flows.windows import ddmmyyyy
from transform.datasets import DATASETS
from transform.normalise import Origin, normalise_export
from transform.readers import open_export
from warehouse.database import Writer
from warehouse.ledger import get_fact, set_fact

DATE_TO, SELECTION = "vendor.date_to", "vendor.selection"
DAYS_BACK = (2, 3, 5, 8, 15, 30)
ENOUGH_SHARE = 0.9


@dataclass
class Seen:
    """What one export held: messages a date, and the threads of each date."""

    dates: Counter[date] = field(default_factory=Counter)
    threads: set[str] = field(default_factory=set)

    @property
    def rows(self) -> int:
        """All messages."""
        return sum(self.dates.values())


async def learn_vendor(run: Run, *, ask: bool = True) -> list[str]:
    """Fill `run.vendor` from the settings, the facts of `meta`, or by asking the vendor.

    Args:
        run: the current run.
        ask: whether the vendor may be asked; what isn't known stays unknown if not.

    Returns:
        What was found out just now, in sentences; nothing where all was known.
    """
    async with writer_session(run) as writer:
        facts = await in_thread(_facts, writer)
    vendor = run.vendor
    if vendor.date_to == "unknown" and facts[DATE_TO] is not None:
        vendor.date_to = "inclusive" if facts[DATE_TO] == "inclusive" else "exclusive"
    if vendor.selection == "unknown" and facts[SELECTION] is not None:
        vendor.selection = "message" if facts[SELECTION] == "message" else "thread"
    if not ask or (vendor.date_to != "unknown" and vendor.selection != "unknown"):
        return []
    return await _ask_vendor(run)


def _facts(writer: Writer) -> dict[str, str | None]:
    return {key: get_fact(writer, key) for key in (DATE_TO, SELECTION)}


async def _ask_vendor(run: Run) -> list[str]:
    """Probe the most recent days that have messages."""
    yesterday = datetime.now(run.zone).date() - timedelta(days=1)
    for back in DAYS_BACK:
        day = yesterday - timedelta(days=back - 1)
        alone = await _seen(run, day, day)
        both = await _seen(run, day, day + timedelta(days=1))
        if both.rows == 0:
            continue
        found: list[tuple[str, str, str]] = []
        if run.vendor.date_to == "unknown":
            run.vendor.date_to = date_to_of(day, alone, both)
            evidence = (
                f"{ddmmyyyy(day)} alone: {alone.rows} messages; "
                f"with the next day: {both.dates[day]} of that day"
            )
            found.append((DATE_TO, run.vendor.date_to, evidence))
        if run.vendor.selection == "unknown":
            found += await _ask_selection(run, day, alone, both)
        await _keep(run, found)
        return [f"Found out: {key} is {value} ({evidence})." for key, value, evidence in found]
    return ["The vendor's way to read a window is not known yet: every day probed came empty."]


async def _ask_selection(
    run: Run, day: date, alone: Seen, both: Seen
) -> list[tuple[str, str, str]]:
    next_day = day + timedelta(days=1)
    if run.vendor.date_to == "inclusive":
        first, second = alone, await _seen(run, next_day, next_day)
    else:
        first, second = both, await _seen(run, next_day, next_day + timedelta(days=1))
    selection = selection_of(day, first, second)
    if selection is None:
        return []
    run.vendor.selection = "thread" if selection == "thread" else "message"
    shared = len(first.threads & second.threads)
    later = sum(count for when, count in first.dates.items() if when > day)
    evidence = f"{later} messages dated after {ddmmyyyy(day)}, {shared} threads on two days"
    return [(SELECTION, selection, evidence)]


def date_to_of(day: date, alone: Seen, both: Seen) -> Boundary:
    """`inclusive` if the day asked for alone brought (nearly) all that it brings with the next."""
    whole = both.dates[day]
    return "inclusive" if alone.dates[day] >= ENOUGH_SHARE * whole and whole else "exclusive"


def selection_of(day: date, first: Seen, second: Seen) -> str | None:
    """`thread`, `message`, or None where the two days' exports don't show it.

    Args:
        day: the day that `first` is the export of.
        first: that day's export.
        second: the export of the day after.
    """
    if any(when > day for when in first.dates):
        return "thread"
    return "message" if first.threads & second.threads else None


async def _seen(run: Run, date_from: date, sent_to: date) -> Seen:
    """What an export from `date_from` to `sent_to`, just so, holds; nothing of it is kept."""
    request = run.plain_request("chats", date_from, sent_to)
    try:
        async with run.jobs.claim(request, started_after=datetime.now(UTC)) as claim:
            fetched = await fetch(run, claim, "chats")
            claim.finish()
    except RequestRefused:
        return Seen()  # an empty window, to a vendor that excludes date_to
    try:
        origin = Origin(date_from, fetched.ready.started_at, "probe", run.settings.time_zone)
        mapping = run.mapping.of("chats")
        export = open_export(fetched.file.path, mapping.source, whole=True)
        rows = normalise_export(
            export, DATASETS["chats"], origin, expect="thread", rules=mapping.rules()
        )
        return await in_thread(_count, rows)
    finally:
        fetched.file.path.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "flows.discovery.probe-removed")


def _count(batches: Iterable[object]) -> Seen:
    seen = Seen()
    for batch in batches:
        seen.dates.update(batch.column("date").to_pylist())  # type: ignore[attr-defined]
        seen.threads.update(
            thread
            for thread in batch.column("chat_id").to_pylist()  # type: ignore[attr-defined]
            if thread is not None
        )
    return seen


async def _keep(run: Run, found: list[tuple[str, str, str]]) -> None:
    def keep(writer: Writer) -> None:
        for key, value, evidence in found:
            set_fact(writer, key, value, evidence)

    async with writer_session(run) as writer:
        await in_thread(keep, writer)
