"""The careful path over a table's body: each record is settled, in order, as a row or a reject."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO

from transform.readers.cellkinds import fits
from transform.readers.encodings import STEP_BYTES, decoded
from transform.readers.export import ReaderLimits
from transform.readers.neighbours import HEADER_AGAIN, Neighbours
from transform.readers.records import (
    TOO_LONG,
    UNCLOSED,
    Parsed,
    count_lines,
    line_end,
    parse_record,
)
from transform.readers.table import Settled, Table

CUT_OFF = "the file ends within this line (cut off?)"
DOUBTFUL = "a quoted text of several lines that may as well be several records (a quote lost?)"
BEHIND = "text behind the record's last delimiter"
JOINED = "a byte-order mark within the file (two files joined?)"
_MOST_HELD = 100
_SHOWN_BYTES = 65_536


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
        self._neighbours = Neighbours(table, size_bytes)
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
                record = self._neighbours.part(held, record)
            if record.cells is not None and self._table.surely_begins(record.raw):
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
        return parsed._replace(problem=DOUBTFUL) if None in found else parsed

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
