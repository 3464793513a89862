"""The table in a sheet: where its header is, what below it is a record, and what is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, takewhile
from statistics import multimode

import pyarrow as pa

from transform.readers.export import ReaderLimits, Reject, Rejects, unique_names
from transform.readers.headerline import header_row
from transform.readers.kinds import refuse
from transform.readers.sheetrows import Piece

_SEARCHED_ROWS = 50
_TOTALS = re.compile(r"\W*(итог|всего|total|grand total)", re.IGNORECASE)
_BEYOND = "cells beyond the header's last column"
_IS_TOTALS = "a totals line, not a record"


@dataclass
class SheetTable:
    """A table as it is found while its sheet is read.

    Args:
        pieces: the sheet's rows.
        header_line: the header's row, where a person has named it.
        limits: caps on columns and rejects.

    Raises:
        UnreadableExport: no row is a header.
    """

    pieces: Iterable[Piece]
    header_line: int | None
    limits: ReaderLimits
    header: int = field(init=False)
    columns: list[str] = field(init=False)
    above: int = field(init=False)
    found: Rejects = field(init=False)
    _body: Iterator[Piece] = field(init=False)

    def __post_init__(self) -> None:
        self.found = Rejects(self.limits)
        pieces = iter(self.pieces)
        first = _first_rows(pieces, self.header_line or 0)
        if not first.numbers:
            raise refuse("the sheet is empty")
        rows = list(zip(*first.columns, strict=True))
        index = self._header_index(first.numbers, rows)
        cells = _trimmed(rows[index])
        if len(cells) < 2:
            raise refuse("the sheet has no table of at least two columns")
        if len(cells) > self.limits.max_columns:
            raise refuse(f"the sheet has more than {self.limits.max_columns:,} columns")
        self.header, self.above = first.numbers[index], index
        self.columns = unique_names(cells)
        below = Piece(first.numbers[index + 1 :], [cells[index + 1 :] for cells in first.columns])
        self._body = chain([below], pieces)

    @property
    def rejects(self) -> list[Reject]:
        """The records that can't be read, so far."""
        return self.found.found

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The table's records, as batches of text."""
        pending: Piece | None = None
        for piece in self._body:
            records = self._records(piece)
            if records.numbers:
                if pending is not None:
                    yield self._batch(pending)
                pending = records
        if pending is not None and (last := self._without_totals(pending)).numbers:
            yield self._batch(last)

    def _header_index(self, numbers: list[int], rows: list[tuple[str, ...]]) -> int:
        if self.header_line is not None:
            if self.header_line not in numbers:
                raise refuse(
                    f"row {self.header_line} of the sheet, named as its header, is blank",
                    "Correct `header_line` in the mapping.",
                )
            return numbers.index(self.header_line)
        width = max(multimode(len(_trimmed(row)) for row in rows))
        titles = sum(1 for _ in takewhile(_is_title, rows))
        index = header_row([(*row, *[""] * width)[:width] for row in rows[titles:]])
        if index is None:
            raise refuse(
                f"none of the sheet's first rows looks like a header (from row {numbers[0]} on)",
                "Name its row as `header_line` in the mapping.",
            )
        return titles + index

    def _records(self, piece: Piece) -> Piece:
        """Rows that are not blank, exactly as wide as the header; the others are rejects."""
        width = len(self.columns)
        columns = piece.columns[:width]
        beyond = any(map(any, piece.columns[width:]))
        if not beyond and any(all(map(str.strip, column)) for column in columns):
            return Piece(piece.numbers, columns)
        numbers, kept = [], []
        for number, cells in zip(piece.numbers, zip(*piece.columns, strict=True), strict=True):
            if any(cells[width:]):
                self.found.add(number, "\t".join(_trimmed(cells)), _BEYOND)
            elif any(cell.strip() for cell in cells):
                numbers.append(number)
                kept.append(cells[:width])
        return Piece(numbers, list(zip(*kept, strict=True)))

    def _without_totals(self, piece: Piece) -> Piece:
        last = [column[-1] for column in piece.columns]
        filled = [cell for cell in last if cell.strip()]
        if 2 * len(filled) > len(self.columns) or not _TOTALS.match(filled[0]):
            return piece
        self.found.add(piece.numbers[-1], "\t".join(_trimmed(last)), _IS_TOTALS)
        return Piece(piece.numbers[:-1], [column[:-1] for column in piece.columns])

    def _batch(self, piece: Piece) -> pa.RecordBatch:
        missing = len(self.columns) - len(piece.columns)
        columns = [*piece.columns, *[[""] * len(piece.numbers)] * missing]
        arrays = [pa.array(column, pa.string()) for column in columns]
        return pa.RecordBatch.from_arrays(arrays, names=self.columns)


def _first_rows(pieces: Iterator[Piece], header_line: int) -> Piece:
    """The sheet's first rows that aren't blank, as one piece."""
    numbers: list[int] = []
    rows: list[Sequence[str]] = []
    for piece in pieces:
        for number, cells in zip(piece.numbers, zip(*piece.columns, strict=True), strict=True):
            if any(cell.strip() for cell in cells):
                numbers.append(number)
                rows.append(cells)
        if len(rows) >= _SEARCHED_ROWS and numbers[-1] >= header_line:
            break
    width = max(map(len, rows), default=0)
    padded = ((*cells, *[""] * (width - len(cells))) for cells in rows)
    return Piece(numbers, list(zip(*padded, strict=True)))


def _is_title(cells: Sequence[str]) -> bool:
    """A line with one cell heads no table, since a table has two columns at least."""
    return sum(1 for cell in cells if cell.strip()) < 2


def _trimmed(cells: Sequence[str]) -> list[str]:
    width = max((index for index, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return list(cells[:width])
