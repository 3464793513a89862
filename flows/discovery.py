"""What the vendor doesn't publish and a run must know: found out once, from its own answers.

- whether an export includes `date_to`: a day asked for alone is compared with the same day asked
  for together with the next;
- whether messages are selected by their own date or by their thread's start: rows dated after the
  day asked for show the second, threads that come with two neighbouring days show the first.

What is found is kept as a fact in `meta`, with its evidence; a setting overrides it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from extract.errors import RequestRefused
from flows.probing import DAYS_BACK, Seen, date_to_of, probe, selection_of
from flows.run import Run
from flows.stages import in_thread
from flows.windows import ddmmyyyy
from flows.writersession import writer_session
from warehouse.database import Writer
from warehouse.ledger import get_fact, set_fact

DATE_TO, SELECTION = "vendor.date_to", "vendor.selection"


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
            if run.vendor.date_to == "unknown":
                return [f"Whether date_to is included does not show: {evidence}."]
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


async def _seen(run: Run, date_from: date, sent_to: date) -> Seen:
    """What an export from `date_from` to `sent_to`, just so, holds; nothing of it is kept."""
    try:
        return (await probe(run, date_from, sent_to, started_after=datetime.now(UTC))).seen
    except RequestRefused:
        return Seen()  # an empty window, to a vendor that excludes date_to


async def _keep(run: Run, found: list[tuple[str, str, str]]) -> None:
    def keep(writer: Writer) -> None:
        for key, value, evidence in found:
            set_fact(writer, key, value, evidence)

    async with writer_session(run) as writer:
        await in_thread(keep, writer)
