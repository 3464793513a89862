"""The fast path: a block of records that is proven to be well-formed is parsed by Arrow at once.

Proven means: by the positions of its quotes, delimiters and line ends the careful path would take
the same records from it. Whatever is not proven is left to the careful path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

from transform.readers.dialect import Dialect
from transform.readers.encodings import CYRILLIC, is_unusual, valid_utf8
from transform.readers.export import text_schema

Codes = np.ndarray[Any, np.dtype[np.uint8]]
Positions = np.ndarray[Any, np.dtype[np.intp]]
_FEED, _CARRIAGE = 10, 13


@dataclass(frozen=True)
class Block:
    """A parsed block: its rows, and how many lines they took."""

    batch: pa.RecordBatch
    lines: int


@dataclass(frozen=True)
class _Layout:
    """Where a block's line ends are, and which of them end a record."""

    feeds: Positions
    inside: np.ndarray[Any, np.dtype[np.bool_]]

    @property
    def record_ends(self) -> Positions:
        ends: Positions = self.feeds[~self.inside]
        return ends


class BlockParser:
    """Parses blocks that begin and end where records do.

    Args:
        dialect: delimiter, quote and escape.
        encoding: of the file, its BOM left aside.
        columns: names of the fields of each record, all unique.
        max_record_bytes: no record may be longer.
        proven_utf8: the file's bytes need not be looked at again.
    """

    def __init__(
        self,
        dialect: Dialect,
        encoding: str,
        columns: Sequence[str],
        max_record_bytes: int,
        *,
        proven_utf8: bool = False,
    ) -> None:
        self._dialect = dialect
        self._encoding = encoding
        self._proven_utf8 = proven_utf8
        self._width = len(columns)
        self._max_record_bytes = max_record_bytes
        self._schema = text_schema(list(columns))
        self._names = [f"c{number}" for number in range(self._width)]
        types = dict.fromkeys(self._names, pa.string())
        self._convert = pc_csv.ConvertOptions(
            check_utf8=False, column_types=types, strings_can_be_null=False
        )

    @property
    def possible(self) -> bool:
        """Whether the dialect is one that Arrow reads as well."""
        return len(self._dialect.delimiter) == 1

    def parse(self, block: bytes) -> Block | None:
        """The rows of a block that ends with a line end; None: the careful path must read it."""
        if self._dialect.backslash and b"\\" in block:
            return None
        text = self._as_utf8(block)
        if text is None:
            return None
        layout = self._layout(text)
        if layout is None:
            return None
        quoted = self._dialect.quote_bytes in text
        table = self._table(text, quoted=quoted, newlines=bool(layout.inside.any()))
        if table is None or table.num_rows != len(layout.record_ends):
            return None
        arrays = [_one_array(column) for column in table.columns]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        return Block(batch, len(layout.feeds))

    def _as_utf8(self, block: bytes) -> bytes | None:
        if self._encoding not in CYRILLIC:
            return block if self._proven_utf8 or valid_utf8(block) else None
        if block.isascii():
            return block
        if is_unusual(block, self._encoding):
            return None
        return block.decode(self._encoding).encode()

    def _layout(self, text: bytes) -> _Layout | None:
        """Quotes only where fields begin and end, no blank line, no lone CR, no doubtful record."""
        codes = np.frombuffer(text, np.uint8)
        feeds = np.flatnonzero(codes == _FEED)
        if not _line_ends_are_plain(codes, feeds):
            return None
        quotes = (
            np.flatnonzero(codes == ord(self._dialect.quote))
            if self._dialect.quote_bytes in text
            else feeds[:0]
        )
        if not self._quotes_are_plain(codes, quotes):
            return None
        inside = (np.searchsorted(quotes, feeds) & 1).astype(np.bool_)
        layout = _Layout(feeds, inside)
        ends = layout.record_ends
        longest = np.diff(ends, prepend=-1).max(initial=0)
        if longest > self._max_record_bytes or _has_blank_line(codes, ends):
            return None
        return None if self._may_swallow(text, layout) else layout

    def _quotes_are_plain(self, codes: Codes, quotes: Positions) -> bool:
        if not len(quotes):
            return True
        if len(quotes) % 2:
            return False
        opening, closing = quotes[0::2], quotes[1::2]
        delimiter = ord(self._dialect.delimiter)
        doubled = opening[1:] == closing[:-1] + 1
        before, after = codes[opening[1:] - 1], codes[closing + 1]
        opens = (before == delimiter) | (before == _FEED) | doubled
        closes = (after == delimiter) | (after == _FEED) | (after == _CARRIAGE)
        closes[:-1] |= doubled
        first = int(opening[0])
        first_opens = first == 0 or codes[first - 1] in (delimiter, _FEED)
        return bool(first_opens and opens.all() and closes.all())

    def _may_swallow(self, text: bytes, layout: _Layout) -> bool:
        """Whether a text of several lines could as well be several records (a quote lost).

        Two lines beside each other with enough delimiters are enough to look more carefully.
        """
        if not layout.inside.any():
            return False
        starts = np.concatenate(([0], layout.feeds[:-1] + 1))
        within = np.flatnonzero(layout.inside)
        delimiter, fewest = self._dialect.delimiter_bytes, self._width - 1

        def is_wide(lines: Positions) -> Iterator[bool]:
            places = zip(starts[lines].tolist(), layout.feeds[lines].tolist(), strict=True)
            return (text.count(delimiter, start, end) >= fewest for start, end in places)

        return any(
            above and below
            for above, below in zip(is_wide(within), is_wide(within + 1), strict=True)
        )

    def _table(self, text: bytes, *, quoted: bool, newlines: bool) -> pa.Table | None:
        invalid = False

        def note(_: pc_csv.InvalidRow) -> Literal["skip"]:
            nonlocal invalid
            invalid = True
            return "skip"

        parse = pc_csv.ParseOptions(
            delimiter=self._dialect.delimiter,
            quote_char=self._dialect.quote if quoted else False,
            double_quote=True,
            newlines_in_values=newlines,
            ignore_empty_lines=False,
            invalid_row_handler=note,
        )
        read = pc_csv.ReadOptions(
            use_threads=False, block_size=len(text) + 1, column_names=self._names
        )
        try:
            source = cast("IO[Any]", pa.BufferReader(text))
            table = pc_csv.read_csv(source, read, parse, self._convert)
        except pa.ArrowInvalid:
            return None
        return None if invalid else table


def _one_array(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    return pa.concat_arrays(column.chunks)


def _line_ends_are_plain(codes: Codes, feeds: Positions) -> bool:
    """Whether every CR belongs to a CRLF."""
    carriages = int(np.count_nonzero(codes == _CARRIAGE))
    return not carriages or carriages == np.count_nonzero(codes[feeds - 1] == _CARRIAGE)


def _has_blank_line(codes: Codes, ends: Positions) -> bool:
    lengths = np.diff(ends, prepend=-1)
    short = ends[lengths <= 2]
    if not len(short):
        return False
    return bool(((lengths == 1).any()) or (codes[short - 1] == _CARRIAGE).any())


def last_record_end(text: bytes, dialect: Dialect) -> int:
    """Where the last whole record of a text that begins with one ends; 0: nowhere."""
    position = text.rfind(b"\n") + 1
    quote = dialect.quote_bytes
    if position and text.count(quote, 0, position) % 2:
        opened = text.rfind(quote, 0, position)
        position = text.rfind(b"\n", 0, opened) + 1
    return position
