"""XLSX and XLS, parsed in a child process: a crafted file of 5 kB can abort its reader."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from transform.readers.containers import TemporaryFile, release
from transform.readers.export import (
    Export,
    Format,
    ReaderLimits,
    Rejects,
    SourceMapping,
    batches_of,
    unique_names,
)
from transform.readers.kinds import refuse

ROW_NUMBER = "\x00row"


def open_spreadsheet(
    path: Path, containers: tuple[str, ...], mapping: SourceMapping, limits: ReaderLimits
) -> Export:
    """Read the workbook's one visible table in a child, into an Arrow file beside it.

    Raises:
        UnreadableExport: damaged, several tables and none named, or beyond memory or time.
    """
    table = _parsed(path, mapping, limits)
    rows = [list(map(str, row.values())) for row in table.slice(0, 50).to_pylist()]
    filled = [sum(1 for cell in row[1:] if cell) for row in rows]
    if not rows or max(filled) < 2:
        raise refuse("the workbook has no table of at least two columns")
    header = filled.index(max(filled))
    width = max(index for index, cell in enumerate(rows[header]) if cell)
    names = unique_names(rows[header][1 : width + 1])
    sheet = (table.schema.metadata or {}).get(b"sheet", b"").decode()
    hidden = (table.schema.metadata or {}).get(b"hidden", b"").decode()
    notes = (f"hidden sheets are not read: {hidden}",) if hidden else ()
    understood = Format("spreadsheet", containers, header_line=header + 1, sheet=sheet, notes=notes)

    def read(rejects: Rejects) -> Iterator[list[str]]:
        try:
            for batch in table.slice(header + 1).to_batches(max_chunksize=16_384):
                columns = [column.to_pylist() for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    if not any(cells[1:]):
                        continue
                    if any(cells[width + 1 :]):
                        raw = "\t".join(cells[1:])
                        rejects.add(int(cells[0]), raw, "cells beyond the header's last column")
                        continue
                    yield list(cells[1 : width + 1])
        finally:
            release(path)

    return Export(names, understood, lambda rejects: batches_of(names, read(rejects)), limits)


def _parsed(path: Path, mapping: SourceMapping, limits: ReaderLimits) -> pa.Table:
    kept = TemporaryFile()
    target = kept.path
    command = [
        sys.executable,
        "-m",
        "transform.readers.spreadsheet_child",
        str(path),
        str(target),
        mapping.sheet or "",
        str(limits.child_memory_bytes),
    ]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=limits.child_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise refuse(f"the workbook was not read within {limits.child_seconds} seconds") from None
    if done.returncode == 2:
        raise refuse(done.stdout.decode("utf-8", "replace").strip())
    if done.returncode != 0:
        raise refuse("the workbook is damaged, or needs more memory than its cap")
    with pa.memory_map(str(target)) as source:
        return pa.ipc.open_file(source).read_all()
