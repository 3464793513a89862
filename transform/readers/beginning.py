"""The first records of a delimited file, and the header among them: never a data row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from transform.errors import UnreadableExport
from transform.readers.dialect import SAMPLE_RECORDS, Dialect
from transform.readers.encodings import decoded
from transform.readers.export import ReaderLimits, SourceMapping
from transform.readers.headerline import header_row, looks_like_names
from transform.readers.kinds import refuse
from transform.readers.records import count_lines, line_end, parse_record
from transform.readers.table import Table

CURE = "See the file with `smartconnect inspect`, and say in the mapping file how it is written."


class FirstRecord(NamedTuple):
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


def first_records(
    head: bytes, encoding: str, dialect: Dialect, limits: ReaderLimits
) -> Iterator[FirstRecord]:
    """The first records of the file, blank lines left out."""
    position, line, found = 0, 1, 0
    while position < len(head) and found < SAMPLE_RECORDS:
        parsed = parse_record(head, position, dialect, limits.max_record_bytes)
        whole_line = parsed.content_end < parsed.end
        next_line = line + count_lines(head[position : parsed.end]) + (not whole_line)
        if head[position : parsed.content_end].strip(b" "):
            cells = _texts(parsed.fields, encoding)
            foreign = decoded(head[position : parsed.end], encoding)[1]
            readable = parsed.problem is None and foreign is None
            first_line = head[position : line_end(head, position)[0]]
            yield FirstRecord(
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


def _texts(fields: Sequence[bytes], encoding: str) -> list[str]:
    try:
        texts = b"\0".join(fields).decode(encoding).split("\0")
    except UnicodeDecodeError:
        return [decoded(field, encoding)[0] for field in fields]
    return texts if len(texts) == len(fields) else [field.decode(encoding) for field in fields]


def find_header(records: Sequence[FirstRecord], width: int, mapping: SourceMapping) -> FirstRecord:
    """The header, of as many cells as records have fields.

    Raises:
        UnreadableExport: there is none, or a damaged one; a data row is never taken for it.
    """
    names = width - mapping.trailing_delimiter
    if mapping.header_line is not None:
        found = next((r for r in records if r.line == mapping.header_line), None)
        if found is None or not found.readable or len(found.cells) != names:
            raise refuse(
                f"line {mapping.header_line}, named as the header, is none of {names} cells", CURE
            )
        return found
    if mapping.trailing_delimiter:
        header = next((r for r in records if r.readable and len(r.cells) == names), None)
        found_at = header_row([r.cells for r in records if r.readable and len(r.cells) == names])
        if header is None or found_at != 0:
            raise refuse(f"no line is a header of {names} cells", CURE)
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
            CURE,
        )
    header, below = rows[index], records[place + 1 : place + 2]
    broken = below and (not below[0].delimiters or not (header.cells[-1] or below[0].readable))
    if header.open_end and broken:
        raise _damaged_header(header, width, f"may go on in line {below[0].line}")
    return header


def check_header(header: FirstRecord, *, whole: bool, limits: ReaderLimits) -> None:
    """Refuse a header that is too wide, no text, or cut off.

    Raises:
        UnreadableExport: it is.
    """
    if len(header.cells) > limits.max_columns:
        raise refuse(f"it has {len(header.cells)} columns, more than {limits.max_columns}", CURE)
    if any("\0" in cell for cell in header.cells):
        raise refuse("its header holds zero bytes: it is no text, or in an unknown encoding", CURE)
    if not header.ended and not whole:
        raise refuse("the file ends within its header line (cut off?)")


def check_below(
    records: Sequence[FirstRecord], header: FirstRecord, head: bytes, table: Table
) -> None:
    """Refuse a header that may go on in the line below: a broken one that begins no record.

    Raises:
        UnreadableExport: it may.
    """
    below = next((r for r in records if r.line > header.line), None)
    if below is None or not header.open_end:
        return
    raw = head[header.next_start : below.next_start].lstrip(b"\r\n")
    broken = not below.readable or len(below.cells) != table.width
    if broken and table.begins(raw) is False:
        raise _damaged_header(header, table.width, f"may go on in line {below.line}")


def _damaged_header(above: FirstRecord, width: int, what: str) -> UnreadableExport:
    return refuse(
        f"line {above.line} may be the header and {what}, while most records have {width} fields",
        f"{CURE} If every record ends with a delimiter: trailing_delimiter = true.",
    )


def trusted_rows(
    records: Sequence[FirstRecord], header: FirstRecord, width: int
) -> list[FirstRecord]:
    """The rows that tell how records look: those directly behind a broken one may be pieces."""
    whole = (row for above, row in pairwise(records) if above.readable and row.line > header.line)
    return [row for row in whole if row.readable and len(row.cells) == width]


def all_quoted(body: Sequence[FirstRecord]) -> bool:
    """Whether records begin with a quote, all but one or a few that may be damaged."""
    bare = sum(not record.quoted for record in body)
    return len(body) > 1 and bare <= max(1, len(body) // 20) < len(body) / 2
