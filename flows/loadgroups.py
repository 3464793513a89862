"""Days that wait for the loader, and which of them are loaded in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flows.reading import ExportedDay, NormalisedDay
from flows.summary import DayOutcome

# So many rows are worth a commit of their own: four row groups of a table.
TOGETHER_ROWS = 500_000
Item = NormalisedDay | ExportedDay


@dataclass
class Waiting:
    """A day that is ready, and whoever asked for it."""

    item: Item
    result: asyncio.Future[DayOutcome]

    def settle(self, outcome: DayOutcome) -> None:
        """Tell what became of it, if anybody still waits."""
        if not self.result.done():
            self.result.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """Tell why it isn't loaded, unless it was told what became of it."""
        if not self.result.done():
            self.result.set_exception(error)


def groups(batch: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """The batch in its order, in groups that are closed once they have `TOGETHER_ROWS` rows."""
    group: list[Waiting] = []
    rows = 0
    for waiting in batch:
        group.append(waiting)
        rows += waiting.item.report.rows_out if isinstance(waiting.item, NormalisedDay) else 0
        if rows >= TOGETHER_ROWS:
            yield group
            group, rows = [], 0
    if group:
        yield group
