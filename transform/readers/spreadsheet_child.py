"""The child that parses one workbook: `python -m … SOURCE TARGET SHEET MEMORY_BYTES`.

Every cell becomes text: text as it is, whole numbers without `.0`, dates as ISO (calamine decodes
`_x000D_` escapes itself). The first column is the row's number. Exit code 2: refused, the reason is
on standard output.
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
from collections.abc import Sequence

import pyarrow as pa
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

CHUNK_ROWS = 16_384


def cell_text(value: object) -> str:
    """A cell's value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.timedelta):
        return str(value)
    return "" if value is None else str(value)


def main(source: str, target: str, sheet: str, memory_bytes: int) -> int:
    """Parse and write an Arrow file."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    workbook = CalamineWorkbook.from_path(source)
    tables = [m for m in workbook.sheets_metadata if m.typ == SheetTypeEnum.WorkSheet]
    visible = [m.name for m in tables if m.visible == SheetVisibleEnum.Visible]
    hidden = [m.name for m in tables if m.visible != SheetVisibleEnum.Visible]
    if not sheet and len(visible) == 1:
        sheet = visible[0]
    wanted = (
        [sheet] if sheet else [n for n in visible if workbook.get_sheet_by_name(n).total_height]
    )
    if len(wanted) != 1 or (sheet and sheet not in workbook.sheet_names):
        sys.stdout.write(
            f"the workbook has the tables {', '.join(visible) or 'none'}: name the sheet"
        )
        return 2
    rows = workbook.get_sheet_by_name(wanted[0]).to_python(skip_empty_area=False)
    width = max((len(row) for row in rows), default=0)
    schema = pa.schema(
        [pa.field(str(number), pa.string()) for number in range(width + 1)],
        metadata={"sheet": wanted[0], "hidden": ", ".join(hidden)},
    )
    with pa.OSFile(target, "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for start in range(0, len(rows), CHUNK_ROWS):
            writer.write_batch(_batch(rows[start : start + CHUNK_ROWS], start, width, schema))
    return 0


def _batch(
    rows: Sequence[Sequence[object]], start: int, width: int, schema: pa.Schema
) -> pa.RecordBatch:
    numbers = pa.array([str(start + offset + 1) for offset in range(len(rows))], pa.string())
    columns = [
        pa.array([cell_text(row[index]) for row in rows], pa.string()) for index in range(width)
    ]
    return pa.RecordBatch.from_arrays([numbers, *columns], schema=schema)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
