"""How a delimited text is written: its delimiter, quote and escape, told by how records agree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

DELIMITERS = (";", ",", "\t", "|", "; ", ", ")
QUOTES = ('"', "'")
_SEP_LINE = re.compile(r'"?sep=(.)"?')
_FIELD_BEGINS = tuple(re.compile(rb"(?:^|[;,\t|\r\n] ?)" + quote.encode()) for quote in QUOTES)
SAMPLE_RECORDS = 300
_AS_GOOD = 0.02
LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Dialect:
    """The marks of a delimited text.

    Args:
        delimiter: between fields; with a blank where one always follows it.
        quote: around fields; doubled inside them.
        backslash: a quote or backslash inside a quoted field may also stand behind a backslash.
    """

    delimiter: str
    quote: str = '"'
    backslash: bool = False

    @cached_property
    def delimiter_bytes(self) -> bytes:
        """The delimiter in every encoding that we read (all of them hold ASCII as it is)."""
        return self.delimiter.encode("ascii")

    @cached_property
    def quote_bytes(self) -> bytes:
        """The quote likewise."""
        return self.quote.encode("ascii")


@dataclass(frozen=True)
class Trial:
    """A dialect tried on the first records.

    Args:
        dialect: the one.
        width: how many fields most records have.
        agreeing: how many records can be read and have that many fields.
        share: of the records, those that can be read and have that many fields.
        foreign: of the cells, the share that holds another delimiter or a blank edge.
        holding: delimiter → the share of records that have it in some cell.
        first_holds: the delimiters in the cells of the first record of more than one.
    """

    dialect: Dialect
    width: int
    agreeing: int
    share: float
    foreign: float
    holding: Mapping[str, float]
    first_holds: frozenset[str]


def candidates(head: bytes, delimiter: str | None) -> Iterator[Dialect]:
    """The dialects to try on a text that begins with `head`.

    A single quote is an apostrophe unless it stands where fields begin and no double one does.
    """
    single = not _FIELD_BEGINS[0].search(head) and len(_FIELD_BEGINS[1].findall(head)) > 2
    marks = (delimiter,) if delimiter else [m for m in DELIMITERS if m.encode() in head]
    for quote in QUOTES if single else QUOTES[:1]:
        escaped = b"\\" + quote.encode()
        behind_backslash = b"\\" in head and escaped in head  # one byte is found much sooner
        for mark in marks:
            yield Dialect(mark, quote)
            if behind_backslash:
                yield Dialect(mark, quote, backslash=True)


def tried(dialect: Dialect, sample: Iterable[Sequence[str] | None]) -> Trial:
    """Judge a dialect by the fields of its first records; None stands for an unreadable one."""
    widths: Counter[int] = Counter()
    holding: Counter[str] = Counter()
    first: set[str] | None = None
    cells = foreign = 0
    is_foreign, may_hold_one = (pattern.search for pattern in _foreign_cell(dialect))
    for record in sample:
        fields = record or ()
        widths[len(fields)] += 1
        cells += len(fields)
        text = "\n".join(fields)
        if may_hold_one(text):
            foreign += sum(map(bool, map(is_foreign, fields)))
        held = {mark for mark in DELIMITERS[:4] if mark in text}
        holding.update(held)
        first = held if first is None and len(fields) > 1 else first
    readable = {width: count for width, count in widths.items() if width >= 2}
    if not readable:
        return Trial(dialect, 0, 0, 0.0, 1.0, {}, frozenset())
    width, count = max(readable.items(), key=lambda item: (item[1], item[0]))
    records = widths.total()
    shares = {mark: found / records for mark, found in holding.items()}
    share = foreign / max(cells, 1)
    return Trial(dialect, width, count, count / records, share, shares, frozenset(first or ()))


@cache
def _foreign_cell(dialect: Dialect) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Matches a cell that holds another delimiter, has a blank edge or is in the other quotes.

    The second one is searched sooner: in a line a cell, it finds a place wherever the first does.
    """
    others = "".join(mark for mark in DELIMITERS[:4] if mark != dialect.delimiter[0])
    quote = QUOTES[dialect.quote == QUOTES[0]]
    marks = re.escape(others)
    return (
        re.compile(rf"\A | \Z|[{marks}]|\A{quote}.*{quote}\Z", re.DOTALL),
        re.compile(rf"^ | $|[{marks}]|^{quote}", re.MULTILINE),
    )


def best(trials: Iterable[Trial]) -> Trial | None:
    """The dialect in which most records agree; of equal ones that with the cleaner cells.

    Backslashes escape quotes only where more records can be read so: a text may end with one.
    None: no dialect makes a table of at least two columns of it.
    """
    tables = [trial for trial in trials if trial.width >= 2]
    plain = _best([trial for trial in tables if not trial.dialect.backslash])
    escaped = _best([trial for trial in tables if trial.dialect.backslash])
    if plain is None or escaped is None:
        return plain or escaped
    return escaped if escaped.agreeing > plain.agreeing else plain


def _best(tables: Sequence[Trial]) -> Trial | None:
    found = [trial for trial in tables if not any(_is_within(trial, other) for other in tables)]
    if not found:
        return None
    top = max(trial.share for trial in found)
    equal = [trial for trial in found if trial.share >= top - _AS_GOOD]
    return min(equal, key=lambda trial: (round(trial.foreign, 2), -trial.width, -trial.share))


def _is_within(trial: Trial, other: Trial) -> bool:
    """Whether a narrow table's cells are themselves rows of a wider one: `a;b;2,5` by its comma."""
    mark = other.dialect.delimiter[0]
    if mark == trial.dialect.delimiter[0] or mark not in trial.first_holds:
        return False
    wider = other.width > trial.width and other.share >= LEAST_SHARE
    return wider and trial.holding.get(mark, 0.0) >= LEAST_SHARE


def sep_line(line: str) -> str | None:
    """The delimiter that a spreadsheet program's first line names, such as `sep=;`."""
    match = _SEP_LINE.fullmatch(line.strip("\ufeff\r\n"))
    return match[1] if match and match[1] in DELIMITERS else None
