"""CSV and its kin: how a file is written is found out here; `reading` reads it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from transform.errors import UnreadableExport
from transform.readers.careful import Table
from transform.readers.cellkinds import column_shapes
from transform.readers.containers import TemporaryFile, keep, release
from transform.readers.dialect import (
    LEAST_SHARE,
    SAMPLE_RECORDS,
    Dialect,
    Trial,
    best,
    candidates,
    sep_line,
    tried,
)
from transform.readers.encodings import CYRILLIC, STEP_BYTES, decoded, encoding_of
from transform.readers.export import (
    Export,
    Format,
    ReaderLimits,
    Rejects,
    SourceMapping,
    unique_names,
)
from transform.readers.headerline import header_row, looks_like_names
from transform.readers.kinds import refuse
from transform.readers.reading import Reading
from transform.readers.records import count_lines, line_end, parse_record

_CURE = "See the file with `smartconnect inspect`, and say in the mapping file how it is written."


@dataclass(frozen=True)
class _Record:
    """A record of the file's beginning: its line from 1, its cells, and where the next one is."""

    line: int
    cells: list[str]
    readable: bool
    open_end: bool
    ended: bool
    next_line: int
    next_start: int
    delimiters: int
    quoted: bool


def open_delimited(
    path: Path,
    containers: tuple[str, ...],
    mapping: SourceMapping,
    limits: ReaderLimits,
    *,
    whole: bool = False,
    fast: bool = True,
    block_bytes: int = STEP_BYTES,
) -> Export:
    """Understand a text file: encoding from all of it, dialect by how its records agree.

    Args:
        path: the unwrapped file.
        containers: what it was wrapped in.
        mapping: what a person knows better.
        limits: caps.
        whole: it is known that nothing of the file is missing; else a last line without its end
            is taken for cut off.
        fast: whether blocks that are proven well-formed may be parsed at once.
        block_bytes: the size of these.

    Raises:
        UnreadableExport: no encoding, no dialect or no header line makes a table of it.
    """
    encoding = _known(mapping.encoding) if mapping.encoding else encoding_of(path)
    codec = encoding if encoding in CYRILLIC else "utf-8"
    if encoding not in ("utf-8", "utf-8-sig", *CYRILLIC):
        path = _as_utf8(path, encoding)
    start = 3 if encoding == "utf-8-sig" else 0
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(STEP_BYTES + limits.max_record_bytes)
    trial = _dialect(head, codec, mapping, limits)
    records = list(_records(head, codec, trial.dialect, limits))
    header = _header(records, trial.width, mapping)
    body = [r for r in records if r.line > header.line and len(r.cells) == trial.width]
    _check_header(header, whole=whole or bool(containers), limits=limits)
    table = Table(
        path=path,
        start=start + header.next_start,
        line=header.next_line,
        header=header.cells,
        columns=unique_names(header.cells),
        encoding=codec,
        dialect=trial.dialect,
        shapes=column_shapes([r.cells for r in body], len(header.cells)),
        quoted=_all_quoted(body),
        trailing_delimiter=mapping.trailing_delimiter,
        whole=whole or bool(containers),
    )
    understood = Format(
        "delimited",
        containers,
        encoding,
        trial.dialect.delimiter,
        trial.dialect.quote,
        header.line,
        notes=tuple(_notes(header, trial.dialect)),
    )
    reading = Reading(table, limits, block_bytes if fast else 0)

    def read(rejects: Rejects) -> Iterator[pa.RecordBatch]:
        try:
            yield from reading.batches(rejects)
        finally:
            release(path)

    return Export(table.columns, understood, read, limits)


def _as_utf8(path: Path, encoding: str) -> Path:
    """A file in an encoding that doesn't hold ASCII as it is, in UTF-8, as a temporary file.

    Raises:
        UnreadableExport: it holds what isn't in that encoding, or is cut within a character.
    """
    target = TemporaryFile()
    try:
        with (
            path.open(encoding=encoding, newline="") as source,
            target.path.open("w", encoding="utf-8", newline="") as file,
        ):
            while text := source.read(STEP_BYTES):
                file.write(text)
    except UnicodeError:
        raise refuse(f"it is not {encoding} to its end (cut off?)") from None
    release(path)
    return keep(target)


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise refuse(f"no encoding is called {encoding!r}", "Correct the mapping file.") from None
    return name


def _dialect(head: bytes, encoding: str, mapping: SourceMapping, limits: ReaderLimits) -> Trial:
    if mapping.delimiter is not None and not mapping.delimiter.isascii():
        raise refuse("the mapping's delimiter is no ASCII character", "Correct the mapping file.")
    first = decoded(head[:100].split(b"\n")[0], encoding)[0]
    delimiter = mapping.delimiter or sep_line(first)
    trials = [
        tried(dialect, _cells(head, encoding, dialect, limits))
        for dialect in candidates(head, delimiter)
    ]
    trial = best(trials)
    if trial is None:
        raise refuse("no delimiter (; , tab |) makes a table of at least two columns of it", _CURE)
    if trial.share < LEAST_SHARE:
        raise refuse(
            f"with its likeliest delimiter {trial.dialect.delimiter!r} only {trial.share:.0%} of "
            "its first records have the same number of fields",
            _CURE,
        )
    return trial


def _cells(
    head: bytes, encoding: str, dialect: Dialect, limits: ReaderLimits
) -> Iterator[Sequence[str] | None]:
    for record in _records(head, encoding, dialect, limits):
        yield record.cells if record.readable else None


def _records(
    head: bytes, encoding: str, dialect: Dialect, limits: ReaderLimits
) -> Iterator[_Record]:
    """The first records of the file, blank lines left out."""
    position, line, found = 0, 1, 0
    while position < len(head) and found < SAMPLE_RECORDS:
        parsed = parse_record(head, position, dialect, limits.max_record_bytes)
        whole_line = parsed.content_end < parsed.end
        next_line = line + count_lines(head[position : parsed.end]) + (not whole_line)
        if head[position : parsed.content_end].strip(b" "):
            cells = [decoded(field, encoding)[0] for field in parsed.fields]
            foreign = decoded(head[position : parsed.end], encoding)[1]
            readable = parsed.problem is None and foreign is None
            first_line = head[position : line_end(head, position)[0]]
            yield _Record(
                line,
                cells,
                readable,
                parsed.open_end,
                whole_line,
                next_line,
                parsed.end,
                first_line.count(dialect.delimiter_bytes),
                first_line.startswith(dialect.quote_bytes),
            )
            found += 1
        position, line = parsed.end, next_line


def _header(records: Sequence[_Record], width: int, mapping: SourceMapping) -> _Record:
    """The header, of as many cells as records have fields.

    Raises:
        UnreadableExport: there is none, or a damaged one; a data row is never taken for it.
    """
    names = width - mapping.trailing_delimiter
    if mapping.header_line is not None:
        found = next((r for r in records if r.line == mapping.header_line), None)
        if found is None or not found.readable or len(found.cells) != names:
            raise refuse(
                f"line {mapping.header_line}, named as the header, is none of {names} cells", _CURE
            )
        return found
    if mapping.trailing_delimiter:
        header = next((r for r in records if r.readable and len(r.cells) == names), None)
        found_at = header_row([r.cells for r in records if r.readable and len(r.cells) == names])
        if header is None or found_at != 0:
            raise refuse(f"no line is a header of {names} cells", _CURE)
        return header
    rows = [r for r in records if r.readable and len(r.cells) == width]
    index = header_row([r.cells for r in rows])
    place = records.index(rows[index or 0])
    for above in records[:place]:
        if not above.readable:
            raise _damaged_header(above, width, "can't be read")
        if len(above.cells) != width and looks_like_names(above.cells, width):
            raise _damaged_header(above, width, f"has {len(above.cells)} cells")
    if index is None:
        raise refuse(
            f"no line is a header: line {rows[0].line}, the first with {width} fields, reads like "
            "data",
            _CURE,
        )
    header, below = rows[index], records[place + 1 : place + 2]
    if header.open_end and below and not below[0].delimiters:
        raise _damaged_header(header, width, f"may go on in line {below[0].line}")
    return header


def _all_quoted(body: Sequence[_Record]) -> bool:
    """Whether records begin with a quote, all but one or a few that may be damaged."""
    bare = sum(not record.quoted for record in body)
    return len(body) > 1 and bare <= max(1, len(body) // 20) < len(body) / 2


def _check_header(header: _Record, *, whole: bool, limits: ReaderLimits) -> None:
    if len(header.cells) > limits.max_columns:
        raise refuse(f"it has {len(header.cells)} columns, more than {limits.max_columns}", _CURE)
    if any("\0" in cell for cell in header.cells):
        raise refuse("its header holds zero bytes: it is no text, or in an unknown encoding", _CURE)
    if not header.ended and not whole:
        raise refuse("the file ends within its header line (cut off?)")


def _damaged_header(above: _Record, width: int, what: str) -> UnreadableExport:
    return refuse(
        f"line {above.line} may be the header and {what}, while most records have {width} fields",
        f"{_CURE} If every record ends with a delimiter: trailing_delimiter = true.",
    )


def _notes(header: _Record, dialect: Dialect) -> Iterator[str]:
    if header.line > 1:
        yield f"lines above the header, not read: {header.line - 1}"
    if dialect.backslash:
        yield "quotes inside fields stand behind a backslash"
