"""The child that parses one workbook, under limits of its own; `spreadsheet` starts it.

It gets a request and leaves three files in the folder it is given: `answer.json`, and where the
workbook could be read `table` (a spool of batches) and `rejects`.
"""

from __future__ import annotations

import gc
import json
import re
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from transform.errors import UnreadableExport
from transform.readers.archives import opened_zip
from transform.readers.calaminerows import CalamineBook
from transform.readers.export import ReaderLimits
from transform.readers.kinds import refuse
from transform.readers.sheettable import SheetTable
from transform.readers.spool import SpoolWriter, write_rejects
from transform.readers.xlsxbook import XlsxBook
from transform.readers.xlsxpackage import BinaryWorkbook, Sheet

ANSWER, TABLE, REJECTS = "answer.json", "table", "rejects"
_NAME_A_SHEET = "Name one of them as `sheet` in the mapping."
_ONE_HEADER = "Have it exported with one row of names above the data."
_ROWS = re.compile(r"[A-Z]+([0-9]+):[A-Z]+([0-9]+)")

Book = XlsxBook | CalamineBook


@dataclass(frozen=True)
class Request:
    """What the child is asked: which file, where to put the results, what a person has named."""

    source: str
    folder: str
    sheet: str | None
    header_line: int | None
    limits: dict[str, int]

    def as_json(self) -> str:
        """As it is handed over."""
        return json.dumps(asdict(self))


def main(request_json: str) -> None:
    """Answer one request; an answer is either a table or a refusal."""
    request = Request(**json.loads(request_json))
    limits = ReaderLimits(**request.limits)
    _confine(limits)
    gc.disable()  # millions of texts live to the end; nothing here makes cycles
    try:
        answer = _read(request, limits)
    except UnreadableExport as error:
        answer = {"refused": [error.came, error.cure]}
    except MemoryError:
        answer = {"refused": _memory(limits)}
    (Path(request.folder) / ANSWER).write_text(json.dumps(answer), encoding="utf-8")


def _confine(limits: ReaderLimits) -> None:
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    resource.setrlimit(resource.RLIMIT_AS, (limits.child_memory_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (limits.child_seconds,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _memory(limits: ReaderLimits) -> list[str]:
    return [
        f"the workbook needs more than {limits.child_memory_bytes:,} bytes of memory",
        "Ask for a shorter window, or for CSV.",
    ]


def _read(request: Request, limits: ReaderLimits) -> dict[str, Any]:
    folder = Path(request.folder)
    with _book(Path(request.source), limits) as book:
        sheet = _chosen(book, request.sheet)
        table = SheetTable(book.pieces(sheet), request.header_line, limits)
        with SpoolWriter(folder / TABLE, limits.max_decoded_bytes) as spool:
            for batch in table.batches():
                spool.write(batch)
        write_rejects(folder / REJECTS, table.rejects)
        if isinstance(book, XlsxBook):
            _refuse_double_header(book.facts.merged, table.header)
        return {
            "columns": table.columns,
            "header_line": table.header,
            "sheet": sheet.name,
            "notes": [*_hidden(book), *_above(table), *book.notes(sheet)],
        }


@contextmanager
def _book(path: Path, limits: ReaderLimits) -> Iterator[Book]:
    with path.open("rb") as file:
        is_package = file.read(4) == b"PK\x03\x04"
    if not is_package:
        yield CalamineBook(path, limits)
        return
    with opened_zip(path, limits) as archive:
        yield _package(path, archive, limits)


def _package(path: Path, archive: zipfile.ZipFile, limits: ReaderLimits) -> Book:
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > limits.max_decoded_bytes:
        raise refuse(f"the workbook unpacks to more than {limits.max_decoded_bytes:,} bytes")
    if "mimetype" in archive.namelist():
        return CalamineBook(path, limits)
    try:
        return XlsxBook(archive, limits)
    except BinaryWorkbook:
        return CalamineBook(path, limits)


def _chosen(book: Book, name: str | None) -> Sheet:
    tables = [sheet for sheet in book.sheets if sheet.is_table]
    if name is not None:
        named = [sheet for sheet in tables if sheet.name == name]
        if named:
            return named[0]
        raise refuse(f"the workbook has no sheet {name!r}, but {_listed(tables)}", _NAME_A_SHEET)
    visible = [sheet for sheet in tables if not sheet.hidden]
    if len(visible) == 1:
        return visible[0]
    filled = [sheet for sheet in visible if any(True for _ in book.pieces(sheet))]
    if len(filled) == 1:
        return filled[0]
    if not visible:
        raise refuse(f"the workbook has no visible sheet, but {_listed(tables)}", _NAME_A_SHEET)
    if not filled:
        raise refuse("all sheets of the workbook are empty")
    raise refuse(f"the workbook has several tables: {_listed(filled)}", _NAME_A_SHEET)


def _listed(sheets: list[Sheet]) -> str:
    return ", ".join(repr(sheet.name) for sheet in sheets[:10]) or "none"


def _hidden(book: Book) -> list[str]:
    hidden = [sheet for sheet in book.sheets if sheet.is_table and sheet.hidden]
    return [f"hidden sheets are not read: {_listed(hidden)}"] if hidden else []


def _above(table: SheetTable) -> list[str]:
    return [f"{table.above} rows above the header are no records"] if table.above else []


def _refuse_double_header(merged: list[str], header: int) -> None:
    """A header over two rows has its names in both; read as one, the second would be data."""
    for place in merged:
        found = _ROWS.fullmatch(place.replace("$", ""))
        if found is None:
            continue
        first, last = int(found.group(1)), int(found.group(2))
        if first <= header <= last and first != last:
            raise refuse(
                f"the header is spread over several rows (merged cells {place})", _ONE_HEADER
            )
