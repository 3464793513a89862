"""Rows as a file that a person opens: CSV or a sheet, in which no cell is ever a formula."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import xlsxwriter

from warehouse.errors import ExtractRefused

Format = Literal["csv", "xlsx", "none"]
XLSX_ROWS = 1_048_575  # beside the header
CELL_CHARACTERS = 32_767
# What a spreadsheet may take for a formula (OWASP); a blank before it doesn't help.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Nothing:
    """No file for a person."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_: object) -> None: ...

    def add(self, batch: pa.RecordBatch) -> None:
        """Nothing."""


class _Csv(_Nothing):
    """`;`, UTF-8 with BOM: what Excel opens by itself in a Russian Windows."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("x", encoding="utf-8-sig", newline="")
        sys.audit("smartconnect.point", "warehouse.personfiles.csv-made")
        self._writer = csv.writer(self._file, delimiter=";")
        self._writer.writerow(schema.names)

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """The batch's rows."""
        columns = [column.to_pylist() for column in batch.columns]
        self._writer.writerows(
            [safe_cell(value) for value in row] for row in zip(*columns, strict=True)
        )
        sys.audit("smartconnect.point", "warehouse.personfiles.csv-written")


class _Xlsx(_Nothing):
    """A sheet of text, whole numbers and moments; no cell is ever a formula or a link."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
            "default_date_format": "yyyy-mm-dd hh:mm:ss",
            "tmpdir": str(path.parent),
        }
        self._book = xlsxwriter.Workbook(path, options)
        self._sheet = self._book.add_worksheet("chats")
        self._row = 0
        self._put(schema.names)

    def __exit__(self, *_: object) -> None:
        self._book.close()
        sys.audit("smartconnect.point", "warehouse.personfiles.sheet-written")

    def add(self, batch: pa.RecordBatch) -> None:
        """The batch's rows."""
        if self._row + batch.num_rows > XLSX_ROWS:
            raise ExtractRefused(
                f"A sheet has {XLSX_ROWS:,} rows, and more came: ask for CSV, or a shorter window."
            )
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            self._put(row)

    def _put(self, row: Iterable[Any]) -> None:
        for column, value in enumerate(row):
            if isinstance(value, str):
                self._sheet.write_string(self._row, column, value[:CELL_CHARACTERS])
            elif value is not None:
                self._sheet.write(self._row, column, value)
        self._row += 1


def for_a_person(folder: Path, schema: pa.Schema, kind: Format) -> _Nothing:
    """The file that a person opens, in a folder: batches are added to it within a `with` block.

    Raises:
        ExtractRefused: when more rows are added than a sheet has.
    """
    if kind == "csv":
        return _Csv(folder / "chats.csv", schema)
    return _Xlsx(folder / "chats.xlsx", schema) if kind == "xlsx" else _Nothing()


def safe_cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, str) and value.lstrip(" \u00a0\ufeff").startswith(_FORMULA):
        return f"'{value}"
    return value
