"""What an opened export is: columns, batches of text, rejects, and how it was understood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import pyarrow as pa

from transform.errors import UnreadableExport

BATCH_ROWS = 16_384
T = TypeVar("T")


@dataclass(frozen=True)
class Reject:
    """A record that can't be read: its line (or row), its raw text, and why."""

    line: int
    raw: str
    reason: str


@dataclass(frozen=True)
class SourceMapping:
    """What a person knows better than the file says; None: find out.

    Args:
        member: the file inside a ZIP archive.
        sheet: the sheet of a workbook.
        encoding: of a text file, as Python names it.
        delimiter: of a text file.
        header_line: the line of a text file that holds its headers, from 1.
        trailing_delimiter: records end with one delimiter more than the header. Nothing in a file
            tells that from a header that has lost one.
        last_line_open: the last line of every file has no end, so that nothing is cut off there.
    """

    member: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header_line: int | None = None
    trailing_delimiter: bool = False
    last_line_open: bool = False


@dataclass(frozen=True)
class ReaderLimits:
    """Caps. A file beyond one of them is refused."""

    max_decoded_bytes: int = 4 * 1024**3
    max_record_bytes: int = 1024**2
    max_columns: int = 1_000
    max_rejects: int = 100_000
    max_rejected_bytes: int = 64 * 1024**2
    child_memory_bytes: int = 4 * 1024**3
    child_seconds: int = 300
    max_members: int = 1_000
    max_cells: int = 100_000_000
    max_nesting: int = 64


@dataclass(frozen=True)
class Format:
    """How a file was understood."""

    kind: str
    containers: tuple[str, ...] = ()
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header_line: int = 1
    sheet: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LineCount:
    """The lines of a text file: of rows, of rejects, and of neither (header, blank lines)."""

    rows: int
    rejects: int
    others: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.rows + self.rejects + self.others


@dataclass
class Rejects:
    """Collects rejects up to a cap of records and of bytes.

    Raises:
        UnreadableExport: from `add`, when so many come that the file must be misunderstood.
    """

    limits: ReaderLimits
    found: list[Reject] = field(default_factory=list)
    lines: LineCount | None = None
    _characters: int = 0

    def add(self, line: int, raw: str, reason: str) -> None:
        """Note one."""
        self._characters += len(raw)
        too_many = len(self.found) >= self.limits.max_rejects
        if too_many or self._characters > self.limits.max_rejected_bytes:
            first = "; ".join(f"line {r.line}: {r.reason}" for r in self.found[:3])
            raise UnreadableExport(
                "reading an export file",
                f"{len(self.found):,} records and more can't be read, the first ones: {first}",
                "Look at the file with `smartconnect inspect`, and set its format in the mapping.",
            )
        self.found.append(Reject(line, raw, reason))


class Export:
    """An opened file; iterate once, then look at `rejects`.

    Args:
        columns: the header cells, made unique.
        understood: how the file was read.
        read: makes the batches (all columns strings, in the order of `columns`), given where to
            note rejects.
        limits: caps.
    """

    def __init__(
        self,
        columns: list[str],
        understood: Format,
        read: Callable[[Rejects], Iterable[pa.RecordBatch]],
        limits: ReaderLimits,
    ) -> None:
        self.columns = columns
        self.format = understood
        self._read = read
        self._rejects = Rejects(limits)

    @property
    def lines(self) -> LineCount | None:
        """After iteration, of a delimited text: where its lines went."""
        return self._rejects.lines

    @property
    def rejects(self) -> list[Reject]:
        """After iteration: the records that can't be read."""
        return self._rejects.found

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield from self._read(self._rejects)


def text_schema(columns: list[str]) -> pa.Schema:
    """The schema of every batch: all columns strings."""
    return pa.schema([pa.field(name, pa.string()) for name in columns])


def batches_of(columns: list[str], rows: Iterable[list[str]]) -> Iterator[pa.RecordBatch]:
    """Rows of text, each as long as `columns`, as batches of at most `BATCH_ROWS`."""
    schema = text_schema(columns)
    for chunk in batched(rows, BATCH_ROWS):
        arrays = [pa.array(column, pa.string()) for column in zip(*chunk, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items, in order."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def unique_names(cells: list[str]) -> list[str]:
    """Header cells as column names: blank ones get `column_N`, repeated ones `name.2`."""
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column_{number}"
        count = 1
        unique = name
        while unique in names:
            count += 1
            unique = f"{name}.{count}"
        names.append(unique)
    return names
