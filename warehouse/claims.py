"""Claims: messages as callbacks told them, in the segments of the inbox that they came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa


@dataclass(frozen=True)
class Segment:
    """A segment of the inbox, kept in raw/."""

    sha256: str
    received_day: date
    first_received_at: datetime | None
    last_received_at: datetime | None
    records: int
    torn: int


@dataclass(frozen=True)
class ClaimsLoad:
    """Typed claims of segments, in the order received.

    Args:
        schema: the dataset's.
        table: rows of it.
        places: for each row its segment's hash, its line, and its text as it came (or None).
        rejected: what is no row: segment, line, reason, text.
    """

    schema: pa.Schema
    load_id: str
    flow_run_id: str
    mapping_version: str
    segments: Sequence[Segment]
    table: pa.Table
    places: Sequence[tuple[str, int, str | None]]
    rejected: Iterable[tuple[str, int, str, str | None]]
    source: str = "callbacks"


@dataclass(frozen=True)
class ClaimsResult:
    """What became of them: records = loaded + duplicates + quarantined."""

    records: int
    loaded: int
    duplicates: int
    quarantined: int
    days: int


def segments_table(segments: Sequence[Segment]) -> pa.Table:
    """Segments as rows."""
    fields: list[tuple[str, pa.DataType]] = [
        ("sha256", pa.string()),
        ("received_day", pa.date32()),
        ("first_received_at", pa.timestamp("us", tz="UTC")),
        ("last_received_at", pa.timestamp("us", tz="UTC")),
        ("records", pa.int64()),
        ("torn", pa.int64()),
    ]
    return pa.Table.from_pylist([s.__dict__ for s in segments], schema=pa.schema(fields))
