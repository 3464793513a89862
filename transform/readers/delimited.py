"""CSV and its kin, record by record and strictly: what doesn't fit is a reject, never shifted.

A field is either quoted as a whole (quotes inside doubled) or holds no quote at all; a quote in the
middle of an unquoted field, or text after a closing quote, is how a lost delimiter looks, so that
record is rejected. A quote that is never closed costs its own line and no line behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from transform.readers.containers import release
from transform.readers.encodings import encoding_of
from transform.readers.export import (
    Export,
    Format,
    ReaderLimits,
    Rejects,
    SourceMapping,
    batches_of,
    unique_names,
)
from transform.readers.kinds import refuse

DELIMITERS = (";", ",", "\t", "|")
QUOTE = '"'
_SAMPLE_RECORDS = 200


@dataclass(frozen=True)
class Record:
    """Some lines of the file: their fields, or why they can't be read."""

    line: int
    fields: list[str]
    raw: str
    problem: str | None = None


class Lines:
    """The physical lines of a text, with one line of look-ahead for each record that goes on.

    CR, LF and CRLF end a line; nothing else does. Each line keeps its end.
    """

    def __init__(self, source: Iterable[str]) -> None:
        self._source = iter(source)
        self._pushed: list[str] = []
        self.number = 0

    def next(self) -> str | None:
        """The next line with its end, or None."""
        line = self._pushed.pop() if self._pushed else next(self._source, None)
        if line is not None:
            self.number += 1
        return line

    def push_back(self, lines: list[str]) -> None:
        """Give lines back, the first of them to come first."""
        self._pushed.extend(reversed(lines))
        self.number -= len(lines)


def records(source: Iterable[str], delimiter: str, limits: ReaderLimits) -> Iterator[Record]:
    """Every record of a text, readable or not, in order; blank lines are no records."""
    lines = Lines(source)
    while (line := lines.next()) is not None:
        number = lines.number
        body = _without_end(line)
        if QUOTE not in body:
            if body.strip():
                yield Record(number, body.split(delimiter), line)
            continue
        yield _quoted_record(lines, line, number, delimiter, limits)


def _quoted_record(
    lines: Lines, first: str, number: int, delimiter: str, limits: ReaderLimits
) -> Record:
    """A record that has quotes, over as many lines as its quoted fields go."""
    taken = [first]
    size = len(first)
    while True:
        text = "".join(taken)
        fields, problem = parse_record(_without_end(text), delimiter)
        if problem != UNCLOSED:
            break
        more = lines.next() if size <= limits.max_record_bytes else None
        if more is None:
            break
        taken.append(more)
        size += len(more)
    if problem is None:
        return Record(number, fields, text)
    # Only the first line is given up: what an unclosed quote swallowed is read again by itself.
    lines.push_back(taken[1:])
    return Record(number, [], first, problem)


UNCLOSED = "a quote is never closed"
_STRAY = "a quote in the middle of an unquoted field (a delimiter may be lost)"
_AFTER = "text after a closing quote (a delimiter may be lost)"


def parse_record(text: str, delimiter: str) -> tuple[list[str], str | None]:
    """The fields of one record without its line end, or why it is none."""
    fields: list[str] = []
    position, length = 0, len(text)
    while True:
        if position < length and text[position] == QUOTE:
            value, position, problem = _quoted_field(text, position + 1)
            if problem is not None:
                return fields, problem
            if position < length and text[position] != delimiter:
                return fields, _AFTER
        else:
            end = text.find(delimiter, position)
            end = length if end < 0 else end
            value = text[position:end]
            if QUOTE in value:
                return fields, _STRAY
            position = end
        fields.append(value)
        if position >= length:
            return fields, None
        position += 1


def _quoted_field(text: str, position: int) -> tuple[str, int, str | None]:
    """From behind the opening quote: the value, and where it ended."""
    parts: list[str] = []
    while True:
        end = text.find(QUOTE, position)
        if end < 0:
            return "", position, UNCLOSED
        parts.append(text[position:end])
        if text[end + 1 : end + 2] != QUOTE:
            return "".join(parts), end + 1, None
        parts.append(QUOTE)
        position = end + 2


def _without_end(line: str) -> str:
    if line.endswith("\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith(("\n", "\r")) else line


def open_delimited(
    path: Path, containers: tuple[str, ...], mapping: SourceMapping, limits: ReaderLimits
) -> Export:
    """Understand a text file: encoding from all of it, delimiter by how its records agree.

    Raises:
        UnreadableExport: no encoding or no delimiter makes a table of it.
    """
    encoding = mapping.encoding or encoding_of(path)
    candidates = (mapping.delimiter,) if mapping.delimiter else DELIMITERS
    delimiter = max(candidates, key=lambda mark: _agreement(path, encoding, mark, limits))
    if _agreement(path, encoding, delimiter, limits) == (0, 0):
        raise refuse("no delimiter (; , tab |) makes a table of at least two columns of it")
    width = _width(path, encoding, delimiter, limits)
    header = next(r for r in _records(path, encoding, delimiter, limits) if len(r.fields) == width)
    understood = Format("delimited", containers, encoding, delimiter, header.line)

    def rows(rejects: Rejects) -> Iterator[list[str]]:
        try:
            for record in _records(path, encoding, delimiter, limits):
                if record.line <= header.line:
                    continue
                if record.problem is None and len(record.fields) == width:
                    yield record.fields
                    continue
                found = f"{len(record.fields)} fields where the header has {width}"
                rejects.add(record.line, record.raw, record.problem or found)
        finally:
            release(path)

    names = unique_names(header.fields)
    return Export(names, understood, lambda rejects: batches_of(names, rows(rejects)), limits)


def _text_lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of the file, ends kept; only CR, LF and CRLF end one."""
    with path.open(encoding=encoding, newline="") as file:
        yield from file


def _records(path: Path, encoding: str, delimiter: str, limits: ReaderLimits) -> Iterator[Record]:
    return records(_text_lines(path, encoding), delimiter, limits)


def _sample(path: Path, encoding: str, delimiter: str, limits: ReaderLimits) -> Counter[int]:
    """How many of the first records have how many fields."""
    widths: Counter[int] = Counter()
    for number, record in enumerate(_records(path, encoding, delimiter, limits)):
        if number >= _SAMPLE_RECORDS:
            break
        widths[len(record.fields) if record.problem is None else 0] += 1
    return widths


def _agreement(
    path: Path, encoding: str, delimiter: str, limits: ReaderLimits
) -> tuple[float, int]:
    """(share of records that agree, their width); (0, 0) where they have one column."""
    widths = _sample(path, encoding, delimiter, limits)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    return (0, 0) if width < 2 else (count / sum(widths.values()), width)


def _width(path: Path, encoding: str, delimiter: str, limits: ReaderLimits) -> int:
    return _agreement(path, encoding, delimiter, limits)[1]
