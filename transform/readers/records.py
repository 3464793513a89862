"""The careful path: record by record and strictly; what doesn't fit is named, never shifted.

A field is either quoted as a whole or holds no quote at all. A quote in the middle of an unquoted
field, or text after a closing quote, is how a lost delimiter looks. A quote that is never closed
costs its own line and no line behind it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from transform.readers.dialect import Dialect

UNCLOSED = "a quote is never closed"
STRAY = "a quote in the middle of an unquoted field (a delimiter may be lost)"
AFTER = "text after a closing quote (a delimiter may be lost)"
ODD_ESCAPE = "a backslash that escapes nothing, where backslashes escape (a quote may be lost)"
TOO_LONG = "the record is longer than the cap"
_LINE_ENDS = re.compile(rb"\r\n|\n|\r")


class Parsed(NamedTuple):
    """One record of a buffer: its fields without quotes and escapes, or why it is none.

    Args:
        fields: as bytes.
        content_end: where its text ends.
        end: where the next record begins.
        problem: why it can't be read; `end` is then behind its first line.
        open_end: the last field isn't quoted, so that nothing proves it whole.
        inner: (fields before it, start, end) of each quoted field that holds a line end.
    """

    fields: list[bytes]
    content_end: int
    end: int
    problem: str | None = None
    open_end: bool = True
    inner: tuple[tuple[int, int, int], ...] = ()


def line_end(buffer: bytes, start: int) -> tuple[int, int]:
    """(end of the line's text, start of the next line); CR, LF and CRLF end a line."""
    feed = buffer.find(b"\n", start)
    text_end = feed if feed >= 0 else len(buffer)
    carriage = buffer.find(b"\r", start, text_end)
    if carriage >= 0:
        return carriage, carriage + 2 if carriage + 1 == feed else carriage + 1
    return text_end, text_end + (feed >= 0)


def count_lines(text: bytes) -> int:
    """How many line ends a text has."""
    if b"\r" not in text:
        return text.count(b"\n")
    return len(_LINE_ENDS.findall(text))


def parse_record(buffer: bytes, start: int, dialect: Dialect, max_bytes: int) -> Parsed:
    """The record at `start`; the buffer reaches `max_bytes` beyond it, or to the file's end."""
    text_end, next_line = line_end(buffer, start)
    if text_end - start > max_bytes:
        return Parsed([], text_end, next_line, TOO_LONG)
    line = buffer[start:text_end]
    if dialect.quote_bytes not in line:
        return Parsed(line.split(dialect.delimiter_bytes), text_end, next_line)
    return _Quoted(buffer, start, dialect, max_bytes).parse(text_end, next_line)


class _Quoted:
    """Parses one record that has quotes."""

    def __init__(self, buffer: bytes, start: int, dialect: Dialect, max_bytes: int) -> None:
        self._buffer = buffer
        self._start = start
        self._limit = min(len(buffer), start + max_bytes)
        self._dialect = dialect
        self._fields: list[bytes] = []
        self._inner: list[tuple[int, int, int]] = []
        self._problem: str | None = None

    def parse(self, text_end: int, next_line: int) -> Parsed:
        delimiter, quote = self._dialect.delimiter_bytes, self._dialect.quote_bytes
        first_end, first_next = text_end, next_line
        position = self._start
        while True:
            quoted = self._buffer.startswith(quote, position)
            if quoted:
                closed = self._quoted_field(position)
                if closed is None:
                    return Parsed(self._fields, first_end, first_next, UNCLOSED)
                position = closed
                if position > text_end:
                    text_end, next_line = line_end(self._buffer, position)
            else:
                found = self._buffer.find(delimiter, position, text_end)
                stop = text_end if found < 0 else found
                value = self._buffer[position:stop]
                if quote in value:
                    return Parsed(self._fields, first_end, first_next, STRAY)
                self._fields.append(value)
                position = stop
            if position >= text_end:
                inner = tuple(self._inner)
                return Parsed(self._fields, text_end, next_line, self._problem, not quoted, inner)
            if not self._buffer.startswith(delimiter, position):
                return Parsed(self._fields, first_end, first_next, AFTER)
            position += len(delimiter)

    def _quoted_field(self, start: int) -> int | None:
        """Take the field whose opening quote is at `start`; where it ended, None: nowhere."""
        pattern, escapes = _quoted_pattern(self._dialect)
        match = pattern.match(self._buffer, start + 1, self._limit)
        if match is None:
            return None
        value = self._buffer[start + 1 : match.end() - 1]
        if b"\n" in value or b"\r" in value:
            self._inner.append((len(self._fields), start + 1, match.end() - 1))
        if self._dialect.quote_bytes in value or (self._dialect.backslash and b"\\" in value):
            plain = escapes.sub(b"", value)
            if self._dialect.backslash and b"\\" in plain:
                self._problem = ODD_ESCAPE
            value = escapes.sub(lambda escape: escape[0][1:], value)
        self._fields.append(value)
        return match.end()


@cache
def _quoted_pattern(dialect: Dialect) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """A quoted field from behind its opening quote to its closing one, and the escapes in it.

    Possessive, so that a text without an end costs one pass.
    """
    quote = re.escape(dialect.quote_bytes)
    if not dialect.backslash:
        plain = rb"[^%b]*+" % quote
        escape = rb"%b%b" % (quote, quote)
        inside = rb"%b(?:%b%b)*+%b" % (plain, escape, plain, quote)
        return re.compile(inside), re.compile(escape)
    plain = rb"[^%b\\]*+" % quote
    inside = rb"%b(?:(?:%b%b|\\.)%b)*+%b" % (plain, quote, quote, plain, quote)
    return re.compile(inside, re.DOTALL), re.compile(rb"%b%b|\\[%b\\]" % (quote, quote, quote))
