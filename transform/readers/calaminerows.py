"""XLS, XLSB and ODS through calamine: old and rare formats, for which it is the best reader.

It tells no number formats, so a padded number has lost its zeros here; the notes say so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from transform.readers.cellformats import clock_text, number_text
from transform.readers.export import ReaderLimits
from transform.readers.kinds import refuse
from transform.readers.sheetrows import Piece
from transform.readers.xlsxpackage import Sheet

_CHUNK_ROWS = 16_384


class CalamineBook:
    """A workbook that is no XLSX.

    Raises:
        UnreadableExport: calamine can't read it.
    """

    def __init__(self, path: Path, limits: ReaderLimits) -> None:
        self._limits = limits
        try:
            self._book = CalamineWorkbook.from_path(path)
        except (CalamineError, OSError) as error:
            raise refuse(f"the workbook is damaged ({type(error).__name__})") from None
        self.sheets = [
            Sheet(
                found.name,
                found.name,
                found.visible != SheetVisibleEnum.Visible,
                found.typ == SheetTypeEnum.WorkSheet,
            )
            for found in self._book.sheets_metadata
        ]

    def pieces(self, sheet: Sheet) -> Iterator[Piece]:
        """A sheet's rows."""
        try:
            found = self._book.get_sheet_by_name(sheet.name)
            if found.total_height * found.total_width > self._limits.max_cells:
                raise refuse(f"the sheet has more than {self._limits.max_cells:,} cells")
            rows = found.to_python(skip_empty_area=False)
        except CalamineError as error:
            raise refuse(f"the workbook is damaged ({type(error).__name__})") from None
        for start in range(0, len(rows), _CHUNK_ROWS):
            chunk = rows[start : start + _CHUNK_ROWS]
            numbers = list(range(start + 1, start + len(chunk) + 1))
            columns = [list(map(cell_text, column)) for column in zip(*chunk, strict=True)]
            yield Piece(numbers, list(columns))

    def notes(self, sheet: Sheet) -> list[str]:
        """What a person should know of a sheet."""
        merged = self._book.get_sheet_by_name(sheet.name).merged_cell_ranges or []
        found = ["number formats are not told in this kind of workbook: padding zeros are lost"]
        if merged:
            found.append(f"{len(merged)} merged cells: the value is in the first one only")
        return found


def cell_text(value: object) -> str:
    """A value of calamine as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(repr(value))
    return _time_text(value)


def _time_text(value: object) -> str:
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.timedelta):
        return clock_text(round(value.total_seconds() * 1_000))
    if isinstance(value, dt.time):
        return _moment(dt.datetime.combine(dt.date(2000, 1, 1), value))[11:] or "00:00:00"
    return "" if value is None else str(value)


def _moment(value: dt.datetime) -> str:
    rounded = value + dt.timedelta(microseconds=500)
    milliseconds = rounded.microsecond // 1_000
    text = rounded.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{milliseconds:03}" if milliseconds else text.removesuffix(" 00:00:00")
