"""Was a damaged file read truthfully? Every row is held against the truth, every line is counted.

- **Truth.** The rows must be, in order and cell by cell, rows of the good file, or of the good file
  with some of its damages, where these make a perfect table again (`fuzz.reference`): damage that
  changes neither the number of fields of a record nor the quoting can be seen by no reader.
- **Account.** The damaged text without the header, what stands above it, and the lines of rejects
  must be, to the strict parser, exactly the rows that came out: nothing vanished, nothing appeared.
- **Delivery.** Rows that no damage touched, nor a neighbour's, are counted: came out or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, combinations
from pathlib import Path

from fuzz.damage import Damage, apply
from fuzz.reference import (
    UNDECODABLE,
    Dialect,
    NotATable,
    Table,
    physical_lines,
    strict_records,
    strict_table,
)
from fuzz.shapes import GoodFile
from transform.readers import Reject, UnreadableExport, open_export
from transform.readers.export import ReaderLimits

# What the readers say when their own account of the lines does not come out.
OWN_FAULT = "fault of the reader"


@dataclass(frozen=True)
class Reading:
    """What a reader made of a file: a table with rejects, or a refusal."""

    columns: list[str]
    rows: list[list[str]]
    rejects: list[Reject]
    header_line: int = 1
    refusal: str | None = None
    crash: str | None = None


@dataclass(frozen=True)
class Verdict:
    """`silent`: what came out wrong without a word (or a crash), None where nothing did."""

    silent: str | None
    refused: bool
    intact: int
    delivered: int


def read(path: Path, limits: ReaderLimits | None = None, *, whole: bool = False) -> Reading:
    """The file through the readers' seam; `whole`: it is known that its end isn't missing."""
    try:
        export = open_export(path, limits=limits, whole=whole)
        columns = [batch.to_pydict().values() for batch in export]
    except UnreadableExport as error:
        if OWN_FAULT in str(error):
            return Reading([], [], [], crash=str(error))
        return Reading([], [], [], refusal=str(error))
    except Exception as error:  # noqa: BLE001 - whatever else escapes is what is looked for
        return Reading([], [], [], crash=f"{type(error).__name__}: {error}")
    rows = [list(row) for batch in columns for row in zip(*batch, strict=True)]
    return Reading(export.columns, rows, export.rejects, export.format.header_line)


def judge(good: GoodFile, damages: Sequence[Damage], reading: Reading) -> Verdict:
    """Hold a reading of the damaged file against the truth."""
    intact = _intact(good, damages)
    if reading.crash is not None:
        return Verdict(f"an error that is not UnreadableExport: {reading.crash}", False, 0, 0)
    if reading.refusal is not None:
        return Verdict(None, True, intact.total(), 0)
    silent = _untrue(good, damages, reading) or unaccounted(
        _decoded(good, apply(good, damages)), good.dialect, reading
    )
    delivered = intact & Counter(map(tuple, reading.rows))
    return Verdict(silent, False, intact.total(), delivered.total())


def _intact(good: GoodFile, damages: Sequence[Damage]) -> Counter[tuple[str, ...]]:
    """The rows that neither a damage nor a damaged neighbour can have spoilt.

    None where the header is damaged: then no reader can name the columns, and a refusal is right.
    """
    if any(damage.touched.start == 0 for damage in damages):
        return Counter()
    last = len(good.records)
    spoilt: set[int] = set()
    for damage in damages:
        spoilt.update(range(damage.touched.start - 1, damage.touched.stop + 1))
        if damage.cuts:
            last = damage.touched.start
    return Counter(tuple(good.cells[n]) for n in range(1, last) if n not in spoilt)


def _untrue(good: GoodFile, damages: Sequence[Damage], reading: Reading) -> str | None:
    truths = list(_truths(good, damages))
    if any(_tells(table, reading) for table in truths):
        return None
    named = [table for table in truths if _same_names(reading.columns, table.header)]
    if not named:
        return f"columns that are not the header: {reading.columns}"
    untrue = min((_untrue_rows(table, reading) for table in named), key=len)
    if untrue:
        return f"a row that is none of the true ones: {untrue[0]}"
    return "true rows in another order"


def _untrue_rows(table: Table, reading: Reading) -> list[list[str]]:
    true = Counter(map(tuple, table.rows))
    untrue = []
    for row in reading.rows:
        if not true[tuple(row)]:
            untrue.append(row)
        true[tuple(row)] -= 1
    return untrue


def _truths(good: GoodFile, damages: Sequence[Damage]) -> Iterator[Table]:
    """The tables that a perfect reader may take the damaged file for."""
    subsets = chain.from_iterable(combinations(damages, n) for n in range(len(damages) + 1))
    for subset in subsets:
        # Another encoding can be seen even where its bytes mean something in the file's own.
        if any(damage.name == "mix encodings" for damage in subset) and good.encoding != "utf-8":
            continue
        text = _decoded(good, apply(good, subset, bare=True))
        for dialect in _fair(good.dialect):
            with suppress(NotATable):
                yield strict_table(text, dialect, good.rows)


def _fair(dialect: Dialect) -> tuple[Dialect, Dialect]:
    """A text that is perfect with backslashes as escapes, or as text, may be read so."""
    return replace(dialect, escape=None), replace(dialect, escape="\\")


def _decoded(good: GoodFile, content: bytes) -> str:
    return content.removeprefix(good.mark).decode(good.byte_encoding, "replace")


def _tells(table: Table, reading: Reading) -> bool:
    if not _same_names(reading.columns, table.header):
        return False
    expected = iter(table.rows)
    return all(any(row == true for true in expected) for row in reading.rows)


def _same_names(columns: list[str], header: list[str]) -> bool:
    """Blank names may be filled, repeated ones numbered."""
    pairs = zip(columns, header, strict=False)
    return len(columns) == len(header) and all(
        not cell.strip() or column.startswith(cell.strip()) for column, cell in pairs
    )


def unaccounted(text: str, dialect: Dialect, reading: Reading) -> str | None:
    """What is wrong with the account of a text's lines: header, rows and rejects; None: nothing."""
    lines = physical_lines(text)
    rejected = [False] * len(lines)
    for reject in reading.rejects:
        taken = range(reject.line - 1, reject.line - 1 + max(len(physical_lines(reject.raw)), 1))
        if taken.stop > len(lines):
            return f"the reject of line {reject.line} goes beyond the file"
        if any(rejected[number] for number in taken):
            return f"line {reject.line} is rejected twice"
        if not _same_text("".join(lines[n] for n in taken), reject.raw):
            return f"the raw text rejected in line {reject.line} is not that line"
        for number in taken:
            rejected[number] = True
    kept = [
        [line for line, is_rejected in group if not is_rejected]
        for group in _runs(lines[reading.header_line - 1 :], rejected[reading.header_line - 1 :])
    ]
    return _differs(kept, dialect, reading)


def _same_text(text: str, raw: str) -> bool:
    return UNDECODABLE in text or text.rstrip("\r\n") == raw.rstrip("\r\n")


def _runs(lines: list[str], rejected: list[bool]) -> Iterator[list[tuple[str, bool]]]:
    """Lines between rejects: no record goes over one."""
    run: list[tuple[str, bool]] = []
    for pair in zip(lines, rejected, strict=True):
        if pair[1]:
            yield run
            run = []
        else:
            run.append(pair)
    yield run


def _differs(kept: list[list[str]], dialect: Dialect, reading: Reading) -> str | None:
    found: list[list[str]] = []
    for fair in _fair(dialect):
        with suppress(NotATable):
            found = [row for run in kept for row in strict_records("".join(run), fair)]
            if found[1:] == reading.rows:
                return None
    if not found:
        return "lines that are no record are neither in rows nor in rejects"
    missing = Counter(map(tuple, found[1:])) - Counter(map(tuple, reading.rows))
    return f"the lines that are not rejected hold other rows; missing: {list(missing)[:1]}"
