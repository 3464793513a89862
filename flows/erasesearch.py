"""What is kept, looked through for persons: raw files, the lake, extracts; which of it has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.erasefiles import FileEraser, Found
from flows.erasesegments import SegmentEraser
from transform.contract import Dataset
from transform.datasets import DATASETS, INCOMING
from transform.errors import TransformError
from transform.mapping import MappingFile
from transform.suppression import RowFinder, Suppression
from warehouse.extracts import extracts_holding
from warehouse.layout import DataDirectory
from warehouse.raw import raw_files


def concerned(suppression: Suppression) -> list[Dataset]:
    """The datasets that may hold rows of those on a list."""
    return [dataset for dataset in DATASETS.values() if suppression.concerns(dataset)]


def held(eraser: FileEraser | SegmentEraser, path: Path) -> Found | None:
    """What a file holds of them, None: nothing. Of one that can't be read and may, no rows."""
    try:
        found = eraser.find(path)
    except TransformError:
        return Found(0, frozenset()) if eraser.holds_unread(path) else None
    return found if found.rows else None


@dataclass(frozen=True)
class Kept:
    """What one data directory keeps, read by its mapping; every file is brought here first."""

    layout: DataDirectory
    mapping: MappingFile

    def raw(self) -> Iterator[tuple[Dataset, date, Path]]:
        """Every raw file that may hold persons, and the first day of its window."""
        for dataset in concerned(Suppression(frozenset({""}))):
            found = raw_files(self.layout, dataset.name)
            self.layout.files.fetch(path for _, path in found)
            for day, path in found:
                yield dataset, day, path

    def lake(self) -> Iterator[tuple[date, Path]]:
        """Every file of the lake that may hold persons, and its day."""
        for dataset in concerned(Suppression(frozenset({""}))):
            for path in self.below(self.layout.lake / dataset.name):
                yield date.fromisoformat(path.parent.name.partition("=")[2]), path

    def below(self, folder: Path) -> list[Path]:
        """Every file below a folder."""
        paths = self.layout.files.names(folder)
        self.layout.files.fetch(paths)
        return paths

    def eraser(self, dataset: Dataset, suppression: Suppression) -> FileEraser | SegmentEraser:
        """What finds and takes out rows of a dataset's raw files."""
        if dataset is INCOMING:
            return SegmentEraser(suppression)
        return FileEraser(dataset, self.mapping.of(dataset.name), suppression)

    def with_threads(self, suppression: Suppression) -> Suppression:
        """The list with every thread that one of their rows belongs to."""
        threads: set[str] = set()
        for dataset, _, path in self.raw():
            try:
                threads |= self.eraser(dataset, suppression).find(path).threads
            except TransformError:
                continue
        for _, path in self.lake():
            table = pq.read_table(path)
            finder = RowFinder.of_rows(suppression, table.schema.names)
            for batch in table.to_batches():
                finder.look(batch)
            threads |= finder.threads
        return replace(suppression, words=suppression.words | suppression.thread_words(threads))

    def extracts(self, suppression: Suppression) -> list[Path]:
        """The named extracts that hold rows of theirs, or can't be read."""
        return extracts_holding(
            self.layout, lambda batch: in_rows(suppression, batch), suppression.in_record
        )

    def holding(self, suppression: Suppression) -> list[Path]:
        """The raw files and files of the lake that hold rows of theirs; the latter once a batch."""
        left = [p for d, _, p in self.raw() if held(self.eraser(d, suppression), p)]
        for _, path in self.lake():
            batches = pq.read_table(path).to_batches()
            left += [path for batch in batches if in_rows(suppression, batch)]
        return left


def in_rows(suppression: Suppression, batch: pa.RecordBatch) -> bool:
    """Whether a batch of a dataset's rows has some of theirs."""
    finder = RowFinder.of_rows(suppression, batch.schema.names)
    return bool(finder.found(batch).any())
