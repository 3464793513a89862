"""Export files in every format the vendor may use: CSV, XLSX, JSON; plain, gzip or ZIP."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from datetime import datetime

import xlsxwriter

from sandbox.options import SandboxOptions
from sandbox.tables import Cell, Table

_DATE_CELL = {"num_format": "dd.mm.yyyy hh:mm:ss"}


def export_file(table: Table, options: SandboxOptions) -> tuple[bytes, str]:
    """The file's bytes and its name's ending."""
    if options.format == "xlsx":
        content, ending = xlsx(table), "xlsx"
    elif options.format == "json":
        content, ending = as_json(table), "json"
    else:
        content, ending = as_csv(table, options.delimiter, options.encoding), "csv"
    if options.wrap == "gzip":
        return gzip.compress(content, mtime=0), f"{ending}.gz"
    if options.wrap == "zip":
        return zipped(content, f"export.{ending}"), "zip"
    return content, ending


def text_of(cell: Cell) -> str:
    """A cell as text."""
    if isinstance(cell, datetime):
        return cell.strftime("%d.%m.%Y %H:%M:%S")
    return "" if cell is None else str(cell)


def as_csv(table: Table, delimiter: str, encoding: str) -> bytes:
    """Comma- or otherwise separated; in UTF-8 with BOM where `encoding` can't hold the text."""
    header, rows = table
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([text_of(cell) for cell in row] for row in rows)
    text = buffer.getvalue()
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode("utf-8-sig")


def as_json(table: Table) -> bytes:
    """An array of objects."""
    header, rows = table
    records = [dict(zip(header, map(text_of, row), strict=True)) for row in rows]
    return json.dumps(records, ensure_ascii=False).encode()


def xlsx(table: Table) -> bytes:
    """A workbook with one sheet; times are date cells."""
    header, rows = table
    buffer = io.BytesIO()
    settings = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(buffer, settings) as workbook:
        workbook.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001
        date_format = workbook.add_format(_DATE_CELL)
        sheet = workbook.add_worksheet("Export")
        for column, name in enumerate(header):
            sheet.write_string(0, column, name)
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(number, column, cell, date_format)
                elif isinstance(cell, int):
                    sheet.write_number(number, column, cell)
                elif cell:
                    sheet.write_string(number, column, cell)
    return buffer.getvalue()


def zipped(content: bytes, name: str) -> bytes:
    """A ZIP with one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()
