"""One export made to learn how the vendor behaves: what it held is counted, nothing is kept."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa

from extract.download import Downloaded
from extract.exports import ReadyExport
from flows.fetching import fetch
from flows.run import Run
from flows.settings import Boundary
from flows.stages import in_thread
from transform.datasets import DATASETS
from transform.normalise import Origin, normalise_export
from transform.readers import Format, open_export

DAYS_BACK = (2, 3, 5, 8, 15, 30)
ENOUGH_SHARE, HARDLY_ANY_SHARE = 0.9, 0.1
NEWEST_KEPT = 20
# Offsets from UTC in use beside the whole hours, in quarters of an hour.
_ODD_QUARTERS = frozenset({-38, -14, -10, 14, 18, 22, 23, 26, 35, 38, 42, 51})


@dataclass
class Seen:
    """What one export held: messages a date, the threads, and the newest moments."""

    dates: Counter[date] = field(default_factory=Counter)
    threads: set[str] = field(default_factory=set)
    newest: list[datetime] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All messages."""
        return sum(self.dates.values())


@dataclass(frozen=True)
class Probe:
    """An export, what it held, and how its file was understood."""

    seen: Seen
    format: Format
    ready: ReadyExport
    file: Downloaded


async def probe(
    run: Run,
    date_from: date,
    sent_to: date,
    *,
    dataset: str = "chats",
    started_after: datetime | None = None,
    located: Callable[[ReadyExport], None] | None = None,
) -> Probe:
    """An export from `date_from` to `sent_to`, just so.

    Args:
        run: the current run.
        date_from: first day.
        sent_to: what is sent as `date_to`.
        dataset: chats or statistics.
        started_after: a dead run's export is taken up only from then on.
        located: is told where the file is, before it is asked for.

    Raises:
        extract.errors.ExtractError, transform.errors.TransformError: by how to recover.
    """
    request = run.plain_request(dataset, date_from, sent_to)
    async with run.jobs.claim(request, started_after=started_after) as claim:
        if located is not None:
            located(await claim.locate())
        fetched = await fetch(run, claim, dataset)
        claim.finish()
    try:
        origin = Origin(date_from, fetched.ready.started_at, "probe", run.settings.time_zone)
        found, understood = await in_thread(_read, run, dataset, fetched.file, origin)
    finally:
        fetched.file.path.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "flows.probing.probe-removed")
    return Probe(found, understood, fetched.ready, fetched.file)


def _read(run: Run, dataset: str, file: Downloaded, origin: Origin) -> tuple[Seen, Format]:
    mapping = run.mapping.of(dataset)
    export = open_export(file.path, mapping.source, whole=True)
    # Where its rows lie is what is asked here: nothing is concluded from it while they are read.
    rules = replace(mapping.rules(), min_rows_judged=sys.maxsize)
    rows = normalise_export(export, DATASETS[dataset], origin, expect="thread", rules=rules)
    return _count(rows), export.format


def _count(batches: Iterable[pa.RecordBatch]) -> Seen:
    seen = Seen()
    for batch in batches:
        seen.dates.update(day for day in batch.column("date").to_pylist() if day is not None)
        if "chat_id" not in batch.schema.names:
            continue
        threads = batch.column("chat_id").to_pylist()
        seen.threads.update(str(thread) for thread in threads if thread is not None)
        moments = [m for m in batch.column("sent_at").to_pylist() if m is not None]
        seen.newest = sorted([*seen.newest, *moments])[-NEWEST_KEPT:]
    return seen


def date_to_of(day: date, alone: Seen, both: Seen) -> Boundary:
    """`inclusive` if the day asked for alone brought (nearly) all that it brings with the next,
    `exclusive` if hardly anything; `unknown` between, which neither explains.
    """
    whole = both.dates[day]
    if whole and alone.dates[day] >= ENOUGH_SHARE * whole:
        return "inclusive"
    return "exclusive" if alone.dates[day] <= HARDLY_ANY_SHARE * whole else "unknown"


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


def offsets_of(newest: list[datetime], now_utc: datetime, slack: timedelta) -> list[timedelta]:
    """The offsets from UTC under which the newest messages could have been written just now.

    Messages come as often as the newest of them did among each other; so the last one is hardly
    older than twice the longest of these pauses, and none is later than now. Several offsets where
    messages come too seldom to tell; none where nobody has written for longer than usual.

    Args:
        newest: moments as the vendor writes them, sorted, without a time zone.
        now_utc: when the file was made, naive.
        slack: how far the clocks may differ.
    """
    if len(newest) < 3:
        return []
    longest = max(b - a for a, b in pairwise(newest))
    found = []
    for quarters in range(-12 * 4, 14 * 4 + 1):
        if quarters % 4 and quarters not in _ODD_QUARTERS:
            continue
        offset = timedelta(minutes=15 * quarters)
        age = now_utc + offset - newest[-1]
        if -slack <= age <= 2 * longest + slack:
            found.append(offset)
    return found
