"""How much there is of a person, before anything is taken out: counts, which a person is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from extract.inboxsegments import inbox_segments
from flows.erasesearch import Kept, held
from transform.datasets import INCOMING
from transform.suppression import Person, RowFinder, Suppression
from warehouse.published import releases


@dataclass(frozen=True)
class Counts:
    """What there is of a person: counts alone.

    Attributes:
        raw_files: export files that hold records of theirs, or can't be read and may.
        raw_rows: these records.
        days: days of which rows are loaded.
        rows: these rows.
        quarantined: records in the quarantine.
        releases: releases that are kept now: all are replaced by one.
        mentions: other people's messages that name them, which stay.
        extracts: named extracts that hold rows of theirs: these are removed whole.
    """

    raw_files: int = 0
    raw_rows: int = 0
    days: int = 0
    rows: int = 0
    quarantined: int = 0
    releases: int = 0
    mentions: int = 0
    extracts: int = 0

    @property
    def nothing(self) -> bool:
        """Whether nothing is there of them."""
        return not (self.raw_files or self.rows or self.quarantined or self.extracts)


def counted(kept: Kept, suppression: Suppression, person: Person | None) -> Counts:
    """What a list's persons have in what is kept, and who mentions this one."""
    layout = kept.layout
    files = rows_raw = 0
    waiting = [(INCOMING, path) for path in inbox_segments(layout.inbox)]
    for dataset, path in [*waiting, *((file[0], file[2]) for file in kept.raw())]:
        found = held(kept.eraser(dataset, suppression), path)
        if found is not None:
            files, rows_raw = files + 1, rows_raw + found.rows
    days: set[date] = set()
    rows = mentions = 0
    for day, path in kept.lake():
        for batch in pq.read_table(path).to_batches():
            gone = RowFinder.of_rows(suppression, batch.schema.names).found(batch)
            rows += int(gone.sum())
            if gone.any():
                days.add(day)
            mentions += _mentions(batch.filter(pa.array(~gone)), person)
    quarantined = sum(
        suppression.in_record(raw)
        for path in kept.below(layout.quarantine)
        for raw in pq.read_table(path, columns=["raw"]).column("raw").to_pylist()
    )
    shown, extracts = len(releases(layout)), len(kept.extracts(suppression))
    return Counts(files, rows_raw, len(days), rows, quarantined, shown, mentions, extracts)


def _mentions(batch: pa.RecordBatch, person: Person | None) -> int:
    if person is None:
        return 0
    texts = [batch.column(name).to_pylist() for name in ("text", "extra")]
    return sum(
        any(person.mentioned_in(text) for text in row if text) for row in zip(*texts, strict=True)
    )
