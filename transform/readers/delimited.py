"""CSV and its kin: how a file is written is found out here; `reading` reads it."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from transform.readers.beginning import (
    CURE,
    FirstRecord,
    all_quoted,
    check_below,
    check_header,
    find_header,
    first_records,
    trusted_rows,
)
from transform.readers.cellkinds import column_shapes
from transform.readers.containers import TemporaryFile, keep, release
from transform.readers.dialect import (
    LEAST_SHARE,
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
from transform.readers.kinds import refuse
from transform.readers.reading import Reading
from transform.readers.table import Table


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
    encoding, proven = encoding_of(path) if not mapping.encoding else (_known(mapping), False)
    codec = encoding if encoding in CYRILLIC else "utf-8"
    if encoding not in ("utf-8", "utf-8-sig", *CYRILLIC):
        path = _as_utf8(path, encoding)
    start = 3 if encoding == "utf-8-sig" else 0
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(STEP_BYTES + limits.max_record_bytes)
    trial, records = _dialect(head, codec, mapping, limits)
    header = find_header(records, trial.width, mapping)
    body = trusted_rows(records, header, trial.width)
    check_header(header, whole=whole or bool(containers), limits=limits)
    table = Table(
        path=path,
        start=start + header.next_start,
        line=header.next_line,
        header=header.cells,
        columns=unique_names(header.cells),
        encoding=codec,
        proven_utf8=proven,
        dialect=trial.dialect,
        shapes=column_shapes([r.cells for r in body], len(header.cells)),
        quoted=all_quoted(body),
        trailing_delimiter=mapping.trailing_delimiter,
        whole=whole or bool(containers),
    )
    check_below(records, header, head, table)
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


def _known(mapping: SourceMapping) -> str:
    encoding = mapping.encoding or ""
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise refuse(f"no encoding is called {encoding!r}", "Correct the mapping file.") from None
    return name


def _dialect(
    head: bytes, encoding: str, mapping: SourceMapping, limits: ReaderLimits
) -> tuple[Trial, list[FirstRecord]]:
    if mapping.delimiter is not None and not mapping.delimiter.isascii():
        raise refuse("the mapping's delimiter is no ASCII character", "Correct the mapping file.")
    first = decoded(head[:100].split(b"\n")[0], encoding)[0]
    delimiter = mapping.delimiter or sep_line(first)
    read = {
        dialect: list(first_records(head, encoding, dialect, limits))
        for dialect in candidates(head, delimiter)
    }
    trial = best([tried(dialect, _cells(records)) for dialect, records in read.items()])
    if trial is None:
        raise refuse("no delimiter (; , tab |) makes a table of at least two columns of it", CURE)
    if trial.share < LEAST_SHARE:
        raise refuse(
            f"with its likeliest delimiter {trial.dialect.delimiter!r} only {trial.share:.0%} of "
            "its first records have the same number of fields",
            CURE,
        )
    return trial, read[trial.dialect]


def _cells(records: Iterable[FirstRecord]) -> Iterator[Sequence[str] | None]:
    for record in records:
        yield record.cells if record.readable else None


def _notes(header: FirstRecord, dialect: Dialect) -> Iterator[str]:
    if header.line > 1:
        yield f"lines above the header, not read: {header.line - 1}"
    if dialect.backslash:
        yield "quotes inside fields stand behind a backslash"
