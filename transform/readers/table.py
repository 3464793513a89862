"""A delimited file as it was understood, and a record of it as it was settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transform.readers.cellkinds import shape_of
from transform.readers.dialect import QUOTES, Dialect
from transform.readers.encodings import decoded
from transform.readers.records import line_end


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
        proven_utf8: every byte of the file was proven to be UTF-8.
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
    proven_utf8: bool
    dialect: Dialect
    shapes: Sequence[str | None]
    quoted: bool
    trailing_delimiter: bool
    whole: bool

    @property
    def width(self) -> int:
        """How many fields a record has."""
        return len(self.columns) + self.trailing_delimiter

    def surely_begins(self, raw: bytes) -> bool:
        """Whether nothing speaks against a record's beginning here."""
        return self.begins(raw) is not False

    def begins(self, raw: bytes) -> bool | None:
        """Whether a line begins as the table's records do: by its quote and its first value.

        None: they have neither in common.
        """
        shape = self.shapes[0]
        if self.quoted and not raw.startswith(self.dialect.quote_bytes):
            return False
        if shape is None:
            return True if self.quoted else None
        end = line_end(raw, 0)[0]
        first = raw[:end].split(self.dialect.delimiter_bytes, 1)[0]
        text = decoded(first, self.encoding)[0]
        return shape_of(text.strip("".join(QUOTES))) == shape


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
