"""Named extracts: parts of days beside the main tables, for a person; they never touch a day.

An extract is a folder of `data/extracts/`, private to its owner, made aside and named by one
rename. What it is stands in it (`description.json`), and `meta.extracts` is filled from these, so
that table and folders can't disagree for long.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.database import Writer, bump_revision
from warehouse.disk import on_disk
from warehouse.errors import ExtractRefused
from warehouse.layout import PRIVATE_DIR, PRIVATE_FILE, DataDirectory, sync
from warehouse.ledger import insert_row, utc
from warehouse.personfiles import Format, for_a_person

ROWS, REJECTED, DESCRIPTION = "chats.parquet", "rejected.parquet", "description.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def require_new(layout: DataDirectory, name: str) -> None:
    """Refuse a name that can't be one, or that is taken.

    Raises:
        ExtractRefused: which of both.
    """
    if not _NAME.fullmatch(name):
        raise ExtractRefused(
            f"An extract can't be called {name[:64]!r}: use up to 64 of a-z, 0-9, - and _, and "
            "begin with a letter or a figure. Nothing was started."
        )
    folder = layout.extracts / name
    if folder.exists() or layout.files.names(folder):
        raise ExtractRefused(
            f"There is an extract {name} already: take another name, or remove "
            f"{layout.extracts / name}. Nothing was started."
        )


@on_disk("write an extract")
def write_extract(
    layout: DataDirectory, schema: pa.Schema, batches: Iterable[pa.RecordBatch], kind: Format
) -> tuple[Path, int]:
    """Rows as Parquet, and as CSV or XLSX for a person, in a folder that has no name yet.

    Returns:
        The folder, and how many rows.

    Raises:
        ExtractRefused: more rows than a sheet has.
    """
    folder = layout.building / f"extract-{os.urandom(8).hex()}"
    folder.mkdir(mode=PRIVATE_DIR)
    sys.audit("smartconnect.point", "warehouse.extracts.folder-made")
    rows = 0
    try:
        with (
            pq.ParquetWriter(folder / ROWS, schema, compression="zstd") as parquet,
            for_a_person(folder, schema, kind) as person,
        ):
            for batch in batches:
                parquet.write_batch(batch)
                rows += batch.num_rows
                person.add(batch)
        sys.audit("smartconnect.point", "warehouse.extracts.rows-written")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder, rows


@on_disk("name an extract")
def name_extract(
    layout: DataDirectory, folder: Path, name: str, told: dict[str, Any], rejected: pa.Table
) -> Path:
    """Describe a folder, make it durable, and give it its name: whole, or not at all.

    Raises:
        ExtractRefused: another run took the name meanwhile.
    """
    if rejected.num_rows:
        pq.write_table(rejected, folder / REJECTED, compression="zstd")
        sys.audit("smartconnect.point", "warehouse.extracts.rejects-written")
    (folder / DESCRIPTION).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    sys.audit("smartconnect.point", "warehouse.extracts.described")
    for path in folder.iterdir():
        path.chmod(PRIVATE_FILE)
        sys.audit("smartconnect.point", "warehouse.extracts.file-closed")
        sync(path)
    sync(folder)
    layout.extracts.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.extracts.parent-made")
    require_new(layout, name)
    target = layout.extracts / name
    for path in sorted(folder.iterdir(), key=lambda path: path.name == DESCRIPTION):
        layout.files.keep(path, target / path.name)  # it is one once it is described
    folder.rename(target)
    sys.audit("smartconnect.point", "warehouse.extracts.named")
    sync(layout.extracts)
    sync(layout.root)
    return target


@on_disk("describe the extracts")
def describe_extracts(writer: Writer) -> list[str]:
    """Fill `meta.extracts` from the folders that are there; their names."""
    found = []
    layout = writer.layout
    for path, content in layout.files.documents(layout.extracts, "", DESCRIPTION).items():
        told = json.loads(content)
        found.append({**told, "extract": path.parent.name})
    known = writer.connection.execute("SELECT extract, made_at FROM meta.extracts").fetchall()
    there = {(row["extract"], datetime.fromisoformat(row["made_at"])) for row in found}
    if {(name, utc(made_at)) for name, made_at in known} == there:
        return [row["extract"] for row in found]
    with writer.transaction() as connection:
        connection.execute("DELETE FROM meta.extracts")
        for row in found:
            made_at = datetime.fromisoformat(row["made_at"])
            days = {key: date.fromisoformat(row[key]) for key in ("date_from", "date_to")}
            insert_row(writer, "meta.extracts", {**row, "made_at": made_at, **days})
        bump_revision(connection)
        sys.audit("smartconnect.point", "warehouse.extracts.table-filled")
    return [row["extract"] for row in found]


def extracts_holding(
    layout: DataDirectory,
    in_rows: Callable[[pa.RecordBatch], bool],
    in_record: Callable[[str], bool],
) -> list[Path]:
    """The extracts with rows or rejected records that one of both says yes to, or that can't be
    read.
    """
    paths = layout.files.names(layout.extracts)
    layout.files.fetch(paths)
    folders = sorted({path.parent for path in paths})
    return [folder for folder in folders if _holds(folder, in_rows, in_record)]


def _holds(
    folder: Path, in_rows: Callable[[pa.RecordBatch], bool], in_record: Callable[[str], bool]
) -> bool:
    try:
        if any(map(in_rows, pq.read_table(folder / ROWS).to_batches())):
            return True
        rejected = folder / REJECTED
        if not rejected.exists():
            return False
        raws = pq.read_table(rejected, columns=["raw"]).column("raw").to_pylist()
        return any(in_record(raw) for raw in raws if raw is not None)
    except (OSError, pa.ArrowException):
        return True


@on_disk("remove an extract")
def remove_extract(layout: DataDirectory, folder: Path) -> None:
    """Remove an extract with all its files; it loses its name first."""
    for path in layout.files.names(folder) if layout.files.shared else ():
        layout.files.remove(path)  # also after a kill: until it is gone there, it is found
    if folder.exists():
        layout.remove_folder(folder)
