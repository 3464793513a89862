"""The careful path over a table's body: each record is settled, in order, as a row or a reject."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from transform.readers.cellkinds import fits, shape_of
from transform.readers.dialect import QUOTES, Dialect
from transform.readers.encodings import STEP_BYTES, decoded
from transform.readers.export import ReaderLimits
from transform.readers.records import (
    AFTER,
    STRAY,
    TOO_LONG,
    UNCLOSED,
    Parsed,
    count_lines,
    line_end,
    parse_record,
)

CUT_OFF = "the file ends within this line (cut off?)"
GOES_ON = "its last field may go on in the next line (a line break without quotes)"
BEGAN_ABOVE = "its first field may have begun in the line above (a line break without quotes)"
BEHIND_QUOTE = "a line behind a lost quote that does not begin as records do"
DOUBTFUL = "a quoted text of several lines that may as well be several records (a quote lost?)"
BEHIND = "text behind the record's last delimiter"
HEADER_AGAIN = "the header line again"
JOINED = "a byte-order mark within the file (two files joined?)"
_QUOTE_PROBLEMS = (UNCLOSED, STRAY, AFTER)
_MOST_HELD = 100
_SHOWN_BYTES = 65_536
_FOOTER = re.compile(r"\W*(?:итого?|всего|total|sum)\b\D{0,40}\d[\d\s.,]*\W*", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A delimited file as it was understood.

    Args:
        path: the file.
        start: where the record behind the header begins, in bytes.
        line: that record's line, from 1.
        header: the header's cells as they stand.
        columns: the same, made unique.
        encoding: of all records.
        dialect: delimiter, quote, escape.
        shapes: each column's own kind of value, where it has one.
        quoted: records begin with a quote.
        trailing_delimiter: records end with one delimiter more than the header.
        whole: nothing is missing at the file's end.
    """

    path: Path
    start: int
    line: int
    header: Sequence[str]
    columns: list[str]
    encoding: str
    dialect: Dialect
    shapes: Sequence[str | None]
    quoted: bool
    trailing_delimiter: bool
    whole: bool

    @property
    def width(self) -> int:
        """How many fields a record has."""
        return len(self.columns) + self.trailing_delimiter


@dataclass(frozen=True, slots=True)
class Settled:
    """A record as a row (`cells`), or as a reject (`reason`). `next_start` is a place in bytes."""

    line: int
    lines: int
    raw: bytes
    cells: list[str] | None
    reason: str
    open_end: bool
    next_start: int


class CarefulReader:
    """Reads records one by one from an open file.

    Attributes:
        position: where the next record begins; `line` is its line.
        blank_lines: lines passed over.
    """

    def __init__(self, table: Table, file: BinaryIO, size_bytes: int, limits: ReaderLimits) -> None:
        self._table = table
        self._file = file
        self._size = size_bytes
        self._limits = limits
        self._quote = table.dialect.quote_bytes
        self._buffer, self._buffer_start = b"", 0
        self.position, self.line = table.start, table.line
        self.blank_lines = 0

    def read(self, until: int) -> Iterator[Settled]:
        """The records from `position` on; ends behind `until`, where a record surely begins."""
        held: list[Settled] = []
        while self.position < self._size:
            record = self._next()
            if record is None:
                continue
            if held:
                record = self._parted(held, record)
            if record.cells is not None and self.surely_begins(record.raw):
                yield from held
                held = []
                if self.position >= until:
                    return
            elif len(held) > _MOST_HELD:
                yield held.pop(0)
            self.position, self.line = record.next_start, record.line + record.lines
            held.append(record)
        yield from held

    def _next(self) -> Settled | None:
        """The record at `position`, which stays; None where a blank line was passed over."""
        table, start = self._table, self._offset(self.position)
        marked = self._buffer.startswith(BOM_UTF8, start)
        begin = start + len(BOM_UTF8) if marked else start
        parsed = parse_record(self._buffer, begin, table.dialect, self._limits.max_record_bytes)
        if not self._buffer[start : parsed.content_end].strip(b" ") and parsed.problem is None:
            self.position += parsed.end - start
            self.line += 1
            self.blank_lines += 1
            return None
        if parsed.problem == TOO_LONG:
            return self._too_long(start)
        if parsed.inner:
            parsed = self._without_swallowed(start, parsed)
        raw = self._buffer[start : parsed.end]
        next_start = self.position + parsed.end - start
        ended = parsed.content_end < parsed.end or parsed.problem is not None
        cells, reason = self._cells(parsed, raw)
        if marked and cells is not None:
            cells, reason = None, JOINED
        if next_start == self._size and not table.whole and not (ended and _ends_line(raw)):
            cells, reason = None, CUT_OFF
        lines = max(1, count_lines(raw) + (not _ends_line(raw)))
        open_end = parsed.open_end or (parsed.fields[-1:] and parsed.fields[-1].endswith(b"\\"))
        return Settled(self.line, lines, raw, cells, reason, bool(open_end), next_start)

    def _cells(self, parsed: Parsed, raw: bytes) -> tuple[list[str] | None, str]:
        table = self._table
        _, foreign = decoded(raw, table.encoding)
        if foreign is not None:
            return None, foreign
        if parsed.problem is not None:
            return None, parsed.problem
        if len(parsed.fields) != table.width:
            return None, f"{len(parsed.fields)} fields where the header has {table.width}"
        cells = [field.decode(table.encoding) for field in parsed.fields]
        if table.trailing_delimiter and cells.pop():
            return None, BEHIND
        return (None, HEADER_AGAIN) if cells == list(table.header) else (cells, "")

    def _without_swallowed(self, start: int, parsed: Parsed) -> Parsed:
        """A record of several lines that could be several records: by the columns' own values."""
        table = self._table
        if len(parsed.fields) != table.width:
            return parsed
        doubts = [self._as_lines(parsed, place) for place in parsed.inner]
        pieces = next((lines for lines in doubts if lines is not None), None)
        if pieces is None:
            return parsed
        found = [fits(cells, table.shapes) for cells in pieces]
        if all(found):
            _, next_line = line_end(self._buffer, start)
            return Parsed([], next_line, next_line, UNCLOSED)
        return replace(parsed, problem=DOUBTFUL) if None in found else parsed

    def _as_lines(self, parsed: Parsed, place: tuple[int, int, int]) -> list[list[str]] | None:
        """The lines of a quoted field as records of the full width; None where one is none."""
        index, start, end = place
        encoding = self._table.encoding
        delimiter = self._table.dialect.delimiter
        text = decoded(self._buffer[start:end], encoding)[0]
        lines = [line.split(delimiter) for line in re.split(r"\r\n|\n|\r", text)]
        before = [decoded(field, encoding)[0] for field in parsed.fields[:index]]
        after = [decoded(field, encoding)[0] for field in parsed.fields[index + 1 :]]
        records = [before + lines[0], *lines[1:-1], lines[-1] + after]
        return records if all(len(r) == self._table.width for r in records) else None

    def _parted(self, held: list[Settled], record: Settled) -> Settled:
        """The record, rejected where it may be the end of the one before it; and a rejected one
        takes with it the rows above that it may be a piece of: no part is what was written.
        """
        before = held[-1]
        if record.cells is None:
            if before.cells is not None and self._goes_on(before, record):
                self._give_up(held)
        elif before.cells is None:
            if self._piece(before, most=1) and not record.raw.startswith(self._quote):
                return replace(record, cells=None, reason=BEGAN_ABOVE)
            in_text = before.reason in (*_QUOTE_PROBLEMS, BEHIND_QUOTE)
            if in_text and self.begins(record.raw) is False:
                return replace(record, cells=None, reason=BEHIND_QUOTE)
        return record

    def _give_up(self, held: list[Settled]) -> None:
        """Back to the row that surely begins a record, which is given up too."""
        for index in reversed(range(len(held))):
            row = held[index]
            if row.cells is None:
                return
            held[index] = replace(row, cells=None, reason=GOES_ON)
            if self.surely_begins(row.raw):
                return

    def _piece(self, record: Settled, most: int | None = None) -> list[str]:
        """The cells of a line that is too short to be a record with some delimiters lost."""
        text = decoded(record.raw, self._table.encoding)[0].rstrip("\r\n")
        cells = text.split(self._table.dialect.delimiter)
        most = max(1, self._table.width // 2) if most is None else most
        return [] if len(cells) > most or self._is_footer(record, text) else cells

    def _is_footer(self, record: Settled, text: str) -> bool:
        """Whether the file's last line sums up the table."""
        return record.next_start == self._size and bool(_FOOTER.fullmatch(text))

    def _goes_on(self, before: Settled, record: Settled) -> bool:
        """Whether a rejected record may be the rest of the row before it."""
        begins = self.begins(record.raw)
        cells = self._piece(record, most=len(record.raw))
        if not cells or record.reason == HEADER_AGAIN:
            return False
        if begins is False:
            return len(cells) < self._table.width or record.reason in _QUOTE_PROBLEMS
        if begins and len(cells) > 1:
            return False
        if record.reason in _QUOTE_PROBLEMS:  # a quote at a line's end may be a misplaced one
            return len(cells) < self._table.width
        return before.open_end and len(cells) <= max(1, self._table.width // 2)

    def surely_begins(self, raw: bytes) -> bool:
        """Whether nothing speaks against a record's beginning here."""
        return self.begins(raw) is not False

    def begins(self, raw: bytes) -> bool | None:
        """Whether a line begins as the table's records do: by its quote and its first value.

        None: they have neither in common.
        """
        table, shape = self._table, self._table.shapes[0]
        if table.quoted and not raw.startswith(self._quote):
            return False
        if shape is None:
            return True if table.quoted else None
        end = line_end(raw, 0)[0]
        first = raw[:end].split(table.dialect.delimiter_bytes, 1)[0]
        text = decoded(first, table.encoding)[0]
        return shape_of(text.strip("".join(QUOTES))) == shape

    def _too_long(self, start: int) -> Settled:
        """A line beyond the cap: its beginning is kept, the rest of it passed over."""
        raw = self._buffer[start : start + _SHOWN_BYTES]
        position = self.position
        while position < self._size:
            self._file.seek(position)
            chunk = self._file.read(STEP_BYTES)
            text_end, next_line = line_end(chunk, 0)
            if text_end < len(chunk):
                position += next_line
                break
            position += len(chunk)
        return Settled(self.line, 1, raw, None, TOO_LONG, False, position)

    def _offset(self, position: int) -> int:
        """Where `position` is in the buffer, which then reaches far enough for any record."""
        need = min(self._size, position + self._limits.max_record_bytes + 2)
        end = self._buffer_start + len(self._buffer)
        if not self._buffer_start <= position <= end or need > end:
            self._file.seek(position)
            self._buffer = self._file.read(STEP_BYTES + self._limits.max_record_bytes)
            self._buffer_start = position
        return position - self._buffer_start


def _ends_line(raw: bytes) -> bool:
    return raw.endswith((b"\n", b"\r"))
