"""Records beside a broken one: damage that parts a record can leave a half of the right width.

Where nothing but a bare line break parts a good row from a broken line, and the line doesn't begin
as records do, neither half is what was written.
"""

from __future__ import annotations

import re
from dataclasses import replace

from transform.readers.encodings import decoded
from transform.readers.records import AFTER, STRAY, UNCLOSED
from transform.readers.table import Settled, Table

GOES_ON = "its last field may go on in the next line (a line break without quotes)"
BEGAN_ABOVE = "its first field may have begun in the line above (a line break without quotes)"
BEHIND_QUOTE = "a line behind a lost quote that does not begin as records do"
HEADER_AGAIN = "the header line again"
_QUOTE_PROBLEMS = (UNCLOSED, STRAY, AFTER)
# A text whose last line is just such words is taken for a total, which docs/reading-files.md says.
_FOOTER = re.compile(r"(?:Итого?|ИТОГО|Всего|ВСЕГО|Total|TOTAL)[\s:;,|=-]*\d[\d\s.,]*[\s;,|]*")


class Neighbours:
    """Judges records by the ones before them.

    Args:
        table: the file as it was understood.
        size_bytes: of the file.
    """

    def __init__(self, table: Table, size_bytes: int) -> None:
        self._table = table
        self._size = size_bytes

    def part(self, held: list[Settled], record: Settled) -> Settled:
        """The record, rejected where it may be the end of the one before it; and a rejected one
        takes with it the rows above that it may be a piece of: no part is what was written.
        """
        before = held[-1]
        if record.cells is None:
            if before.cells is not None and self._goes_on(before, record):
                self._give_up(held)
        elif before.cells is None:
            if self._piece(before, most=1) and not record.raw.startswith(
                self._table.dialect.quote_bytes
            ):
                return replace(record, cells=None, reason=BEGAN_ABOVE)
            in_text = any(row.reason in _QUOTE_PROBLEMS for row in held)
            if in_text and self._table.begins(record.raw) is False:
                return replace(record, cells=None, reason=BEHIND_QUOTE)
        return record

    def _give_up(self, held: list[Settled]) -> None:
        """Back to the row that surely begins a record, which is given up too."""
        for index in reversed(range(len(held))):
            row = held[index]
            if row.cells is None:
                return
            held[index] = replace(row, cells=None, reason=GOES_ON)
            if self._table.surely_begins(row.raw):
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
        table, begins = self._table, self._table.begins(record.raw)
        cells = self._piece(record, most=len(record.raw) + 1)
        if not cells or record.reason == HEADER_AGAIN:
            return False
        if begins is False:
            return True
        if begins and table.shapes[0] is not None and len(cells) > 1:
            return False
        if table.quoted and before.open_end:
            return True
        if record.reason in _QUOTE_PROBLEMS:  # a quote at a line's end may be a misplaced one
            return len(cells) < self._table.width
        return before.open_end and len(cells) <= max(1, self._table.width // 2)
