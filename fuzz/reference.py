"""A strict parser of delimited text, written apart from the readers so that it can judge them.

It knows RFC 4180 alone: a field is quoted as a whole or holds no quote, every record has the
header's width, CR, LF or CRLF ends a record. It recovers from nothing: what it accepts is a perfect
table, so damage that it accepts is damage that no reader can see.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

UNDECODABLE = "\ufffd"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_LINE_END = re.compile(r"\r\n|\r|\n|\Z")


class NotATable(Exception):
    """The text breaks the grammar, or its records differ in width."""


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    A quote inside quotes is doubled; with an `escape` a quote or the escape may also stand behind
    one, and the escape before anything else is text.
    """

    delimiter: str = ";"
    quote: str = '"'
    escape: str | None = None


@dataclass(frozen=True)
class Table:
    """A header and rows of its width."""

    header: list[str]
    rows: list[list[str]]


def physical_lines(text: str) -> list[str]:
    """The lines with their ends; CR, LF and CRLF end one."""
    return _LINE.findall(text)


def strict_records(text: str, dialect: Dialect) -> list[list[str]]:
    """All records of a text; blank lines are none.

    Raises:
        NotATable: a quote where none may stand, or one that is never closed.
    """
    records: list[list[str]] = []
    position = 0
    while position < len(text):
        cells, position = _record(text, position, dialect)
        if cells != [""] and (len(cells) > 1 or cells[0].strip()):
            records.append(cells)
    return records


def strict_table(text: str, dialect: Dialect, data_rows: Sequence[list[str]] = ()) -> Table:
    """A perfect table, with nothing but one-cell lines above its header.

    Raises:
        NotATable: it is none, or its header is one of `data_rows`.
    """
    records = strict_records(text, dialect)
    while records and len(records[0]) == 1:
        records = records[1:]
    if not records or records[0] in data_rows:
        raise NotATable
    header, *rows = records
    if any(len(row) != len(header) for row in rows) or UNDECODABLE in text:
        raise NotATable
    return Table(header, rows)


def _record(text: str, position: int, dialect: Dialect) -> tuple[list[str], int]:
    """The cells of the record that begins at `position`, and where the next one does."""
    cells: list[str] = []
    while True:
        cell, position = _cell(text, position, dialect)
        cells.append(cell)
        if text.startswith(dialect.delimiter, position):
            position += len(dialect.delimiter)
            continue
        end = _LINE_END.match(text, position)
        if end is None:
            raise NotATable
        return cells, end.end()


def _cell(text: str, position: int, dialect: Dialect) -> tuple[str, int]:
    quoted, pairs, plain = _patterns(dialect)
    if found := quoted.match(text, position):
        return pairs.sub(lambda pair: pair[0][-1], found[1]), found.end()
    found = plain.match(text, position)
    assert found is not None
    return found[0], found.end()


@cache
def _patterns(dialect: Dialect) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """A quoted cell, the pairs in it that stand for their last character, and an unquoted cell."""
    quote, pair = re.escape(dialect.quote), re.escape(dialect.quote * 2)
    plain = re.compile(rf"(?:(?!{re.escape(dialect.delimiter)})[^\r\n{quote}])*+")
    if dialect.escape is None:
        return re.compile(rf"{quote}((?:[^{quote}]|{pair})*+){quote}"), re.compile(pair), plain
    escape = re.escape(dialect.escape)
    inside = rf"(?:[^{quote}{escape}]|{escape}.|{pair})*+"
    quoted = re.compile(rf"{quote}({inside}){quote}", re.DOTALL)
    return quoted, re.compile(rf"{escape}[{quote}{escape}]|{pair}"), plain
