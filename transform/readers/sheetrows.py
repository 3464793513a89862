"""The rows of a sheet as a stream: quickly where a piece of XML is proven simple, else by expat.

Most sheets are millions of cells written alike. A piece of such a sheet is read by patterns that
account for every tag in it; whatever they can't account for goes to the XML parser. Both ways end
in the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from transform.readers.cellvalues import CellValues
from transform.readers.export import ReaderLimits
from transform.readers.kinds import refuse
from transform.readers.sheetlayout import Alike, Layout
from transform.readers.sheetpatterns import Cell, Row, proven_text, simple_rows
from transform.readers.xmlparts import Attributes, PartReader, TextReader

_TRUE = ("1", "true")
_LAST_ROW = 1_048_576
_LONGEST_NUMBER = 20
_LAST_COLUMN = 16_384
_OPEN = b"<sheetData>"
_ROW_END = b"</row>"
_PREFIX = b"x14ac:"
_LONGEST_ROW_BYTES = 4 * 1024**2
_UTF8 = re.compile(
    rb"""\s*(?:<\?xml(?:(?!encoding)[^>])*(?:encoding=["']utf-8["'][^>]*)?\?>)?\s*<\w""", re.I
)
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")


class Piece(NamedTuple):
    """Some rows: their numbers in the sheet, and their texts by column."""

    numbers: list[int]
    columns: list[Sequence[str]]


@dataclass
class SheetFacts:
    """What else is to be told of a sheet; complete when all its rows were read."""

    merged: list[str] = field(default_factory=list)
    hidden_rows: int = 0
    hidden_columns: int = 0
    unvalued_formulas: int = 0
    cells: int = 0


class SheetReader:
    """Reads one sheet.

    Args:
        values: turns cells into text.
        limits: caps on cells.
        fast: whether proven pieces may be read by patterns.
    """

    def __init__(self, values: CellValues, limits: ReaderLimits, *, fast: bool = True) -> None:
        self.facts = SheetFacts()
        self._values = values
        self._limits = limits
        self._fast = fast
        self._xml = _SheetXml(self.facts)
        self._layout = Layout()
        self._last_row = 0
        self._has_prefix = False

    def pieces(self, content: Iterable[bytes]) -> Iterator[Piece]:
        """The sheet's rows in order, blank ones left out.

        Raises:
            UnreadableExport: damaged, or beyond a cap.
        """
        buffer, in_rows = b"", False
        for more in content:
            buffer += more
            if not in_rows:
                in_rows, buffer = self._head(buffer)
            cut = buffer.rfind(_ROW_END) + len(_ROW_END) if in_rows else len(buffer)
            if cut < len(_ROW_END):
                cut = len(buffer) if len(buffer) > _LONGEST_ROW_BYTES else 0
            yield from self._piece(buffer[:cut])
            buffer = buffer[cut:]
        self._xml.feed(buffer, last=True)
        yield from self._slow()

    def _head(self, buffer: bytes) -> tuple[bool, bytes]:
        """Feeds what comes before the rows; tells whether they begin, and what is left."""
        head, found, rest = buffer.partition(_OPEN)
        if not found:
            return len(buffer) > _LONGEST_ROW_BYTES or _ROW_END in buffer, buffer
        self._fast = self._fast and bool(_UTF8.match(head.removeprefix(b"\xef\xbb\xbf")))
        self._has_prefix = b"xmlns:" + _PREFIX.replace(b":", b"=") in head
        self._xml.feed(head + found)
        return True, rest

    def _piece(self, xml: bytes) -> Iterator[Piece]:
        if not xml:
            return
        fast = self._fast and self._xml.is_between_rows
        text = proven_text(xml) if fast and (self._has_prefix or _PREFIX not in xml) else None
        if text is not None and (found := self._layout.rows(text)) is not None:
            yield self._alike(found)
        elif text is not None and (rows := simple_rows(text)) is not None:
            self._layout.learn(rows)
            yield from self._placed(rows)
        else:
            self._xml.feed(xml)
            yield from self._slow()

    def _alike(self, found: Alike) -> Piece:
        numbers = found.numbers
        self.facts.hidden_rows += found.hidden
        self._count(len(numbers) * len(found.columns))
        if any(a >= b for a, b in zip([self._last_row, *numbers], numbers, strict=False)):
            raise refuse("the workbook is damaged: its rows are out of order")
        self._check_row(numbers[-1])
        self._last_row = numbers[-1]
        blank = [""] * len(numbers)
        texts: list[Sequence[str]] = [blank] * (found.columns[-1].at + 1)
        for column in found.columns:
            texts[column.at] = column.texts(self._values)
        return Piece(numbers, texts)

    def _slow(self) -> Iterator[Piece]:
        rows, self._xml.rows = self._xml.rows, []
        yield from self._placed(rows)

    def _placed(self, rows: list[Row]) -> Iterator[Piece]:
        numbers: list[int] = []
        table: list[list[str]] = []
        for row in rows:
            number = self._number(row)
            self.facts.hidden_rows += row.hidden
            self._count(len(row.cells))
            if cells := self._texts(row, number):
                numbers.append(number)
                table.append(cells)
        if table:
            width = max(map(len, table))
            padded = (cells + [""] * (width - len(cells)) for cells in table)
            yield Piece(numbers, list(zip(*padded, strict=True)))

    def _number(self, row: Row) -> int:
        number = _whole(row.number) if row.number else self._last_row + 1
        if number <= self._last_row:
            raise refuse("the workbook is damaged: its rows are out of order")
        self._check_row(number)
        self._last_row = number
        return number

    def _check_row(self, number: int) -> None:
        if number > _LAST_ROW:
            raise refuse(f"the sheet has a row {number:,}; the last one there can be is 1,048,576")

    def _count(self, cells: int) -> None:
        self.facts.cells += cells
        if self.facts.cells > self._limits.max_cells:
            raise refuse(f"the sheet has more than {self._limits.max_cells:,} cells")

    def _texts(self, row: Row, number: int) -> list[str]:
        texts: list[str] = []
        for cell in row.cells:
            index = _column(cell.reference, number) if cell.reference else len(texts)
            if index < len(texts):
                raise refuse(f"the workbook is damaged: two cells for one place in row {number:,}")
            if cell.value:
                texts.extend([""] * (index - len(texts)))
                texts.append(self._values.one(cell.kind, cell.style, cell.value))
        return texts


class _SheetXml:
    """The rows of a sheet by the XML parser; those of one `feed` are in `rows`."""

    def __init__(self, facts: SheetFacts) -> None:
        self.rows: list[Row] = []
        self._facts = facts
        self._reader = PartReader(self._begin, self._end, self._text)
        self._inline = TextReader(self._take, "is")
        self._inside = False
        self._row: Row | None = None
        self._cell: tuple[str, str, str] | None = None
        self._value: list[str] | None = None
        self._found = ""
        self._has_formula = False

    @property
    def is_between_rows(self) -> bool:
        """Whether the parser stands in the sheet's data, outside of a row."""
        return self._inside and self._row is None

    def feed(self, xml: bytes, *, last: bool = False) -> None:
        """Parse on."""
        self._reader.feed(xml, last=last)

    def _begin(self, name: str, found: Attributes) -> None:
        if name == "c" and self._row is not None:
            self._cell = (found.get("r", ""), found.get("s", ""), found.get("t", ""))
            self._found, self._has_formula = "", False
        elif name == "v" and self._cell is not None:
            self._value = []
        elif name == "row" and self._inside:
            self._row = Row(found.get("r", "").strip(), found.get("hidden") in _TRUE, [])
        elif name == "f":
            self._has_formula = True
        elif name == "sheetData":
            self._inside = True
        elif name == "mergeCell":
            self._facts.merged.append(found.get("ref", ""))
        elif name == "col" and found.get("hidden") in _TRUE:
            self._facts.hidden_columns += 1
        else:
            self._inline.begin(name, found)

    def _end(self, name: str) -> None:
        if name == "c" and self._row is not None and self._cell is not None:
            reference, style, kind = self._cell
            self._row.cells.append(Cell(reference, style, kind, self._found))
            self._facts.unvalued_formulas += self._has_formula and not self._found
            self._cell = None
        elif name == "v" and self._value is not None:
            self._found, self._value = "".join(self._value), None
        elif name == "row" and self._row is not None:
            self.rows.append(self._row)
            self._row = None
        elif name == "sheetData":
            self._inside = False
        else:
            self._inline.end(name)

    def _text(self, piece: str) -> None:
        if self._value is not None:
            self._value.append(piece)
        else:
            self._inline.text(piece)

    def _take(self, text: str) -> None:
        self._found = text


def _whole(number: str) -> int:
    if not (number.isdecimal() and number.isascii()):
        raise refuse("the workbook is damaged: a row has no number")
    return int(number[:_LONGEST_NUMBER])


def _column(reference: str, number: int) -> int:
    found = _REFERENCE.fullmatch(reference)
    if found is None or int(found.group(2)) != number:
        raise refuse(f"the workbook is damaged: a cell of row {number:,} names another place")
    return column_index(found.group(1))


def column_index(letters: str) -> int:
    """A column's index from 0: A is 0, AA is 26."""
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    if index > _LAST_COLUMN:
        raise refuse(f"the sheet has a column {letters}; the last one there can be is XFD")
    return index - 1
