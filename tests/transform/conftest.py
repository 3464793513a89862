"""An export in memory, and the way from its rows to typed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from transform.contract import Dataset
from transform.datasets import CHATS
from transform.normalise import NormalisedExport, Origin, Report, Rules, normalise_export

DAY = date(2026, 2, 1)


@dataclass(frozen=True)
class MemoryReject:
    line: int
    raw: str
    reason: str


@dataclass
class MemoryExport:
    columns: list[str]
    rows: list[Sequence[str | None]]
    batch_rows: int = 1000
    rejects: list[MemoryReject] = field(default_factory=list)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for start in range(0, len(self.rows), self.batch_rows):
            part = self.rows[start : start + self.batch_rows]
            arrays = [
                pa.array([row[i] for row in part], pa.string()) for i in range(len(self.columns))
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=self.columns)


@dataclass(frozen=True)
class Outcome:
    table: pa.Table
    quarantine: pa.Table
    report: Report

    @property
    def rows(self) -> list[dict[str, object]]:
        return self.table.to_pylist()

    def column(self, name: str) -> list[object]:
        return self.table.column(name).to_pylist()


Normalise = Callable[..., Outcome]


def _normalise(
    columns: list[str],
    rows: list[Sequence[str | None]],
    dataset: Dataset = CHATS,
    *,
    day: date = DAY,
    zone: str = "Europe/Moscow",
    batch_rows: int = 1000,
    rejects: list[MemoryReject] | None = None,
    expect: str | None = "message",
    **rules: object,
) -> Outcome:
    origin = Origin(day, datetime(2026, 2, 2, 0, 15, tzinfo=UTC), "load-1", zone)
    export = MemoryExport(columns, rows, batch_rows, rejects or [])
    done: NormalisedExport = normalise_export(
        export, dataset, origin, expect=expect, rules=Rules(**rules)
    )
    batches = list(done)
    for batch in batches:
        batch.validate(full=True)
        assert batch.schema.equals(dataset.arrow_schema(), check_metadata=True)
    return Outcome(pa.Table.from_batches(batches, schema=done.schema), done.quarantine, done.report)


@pytest.fixture(scope="session")
def normalise() -> Normalise:
    """Rows of text under headers → what normalising makes of them."""
    return _normalise


@pytest.fixture(scope="session")
def reject() -> type[MemoryReject]:
    """A record that the reader couldn't read."""
    return MemoryReject


@pytest.fixture(scope="session")
def memory_export() -> type[MemoryExport]:
    """An export of rows in memory."""
    return MemoryExport


@pytest.fixture(scope="session")
def origin() -> Origin:
    """1 February 2026, Moscow."""
    return Origin(DAY, datetime(2026, 2, 2, 0, 15, tzinfo=UTC), "load-1", "Europe/Moscow")
