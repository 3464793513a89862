"""An XLSX workbook: its sheets' rows as text, and what else there is to be told of them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from transform.readers.cellvalues import CellValues
from transform.readers.export import ReaderLimits
from transform.readers.sheetrows import Piece, SheetFacts, SheetReader
from transform.readers.xlsxpackage import Sheet, XlsxPackage

_LISTED = 5


class XlsxBook:
    """An opened workbook.

    Args:
        archive: the workbook's parts.
        limits: caps.
        fast: whether proven pieces of a sheet may be read by patterns.
    """

    def __init__(
        self, archive: zipfile.ZipFile, limits: ReaderLimits, *, fast: bool = True
    ) -> None:
        self._package = XlsxPackage(archive, limits)
        self._limits = limits
        self._fast = fast
        self._values = CellValues(
            self._package.formats(),
            self._package.shared_texts(),
            from_1904=self._package.from_1904,
        )
        self.sheets = self._package.sheets
        self.facts = SheetFacts()

    def pieces(self, sheet: Sheet) -> Iterator[Piece]:
        """A sheet's rows; `facts` are then about this sheet."""
        reader = SheetReader(self._values, self._limits, fast=self._fast)
        self.facts = reader.facts
        self._values.long_numbers = self._values.errors = 0
        yield from reader.pieces(self._package.part(sheet.part))

    def notes(self, _: Sheet) -> list[str]:
        """What a person should know of the sheet that was read."""
        merged = self.facts.merged
        counted = (
            (self.facts.hidden_rows, "hidden rows were read as the others"),
            (self.facts.hidden_columns, "hidden columns or groups of them were read as the others"),
            (self._values.errors, "cells hold an error of a formula, kept as its text"),
            (self.facts.unvalued_formulas, "formulas have no value: the file was not calculated"),
            (
                self._values.long_numbers,
                "numbers have more than 15 digits: a spreadsheet keeps 15, the others may be lost",
            ),
            (
                len(merged),
                "merged cells have their value in the first cell only: "
                + ", ".join(merged[:_LISTED])
                + (", …" if len(merged) > _LISTED else ""),
            ),
        )
        return [f"{count:,} {meaning}" for count, meaning in counted if count]
