"""The files of a release: a copy of the database, and a tree of links into the lake.

A day whose lake file holds rows that are not shown, or whose lake file is gone, gets a file of its
own, so that Parquet and tables tell the same.
"""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path

from warehouse.copying import copy_file
from warehouse.database import Writer
from warehouse.integrity import DATABASE
from warehouse.lake import footer_rows
from warehouse.ledger import day_files
from warehouse.martfiles import mart
from warehouse.martmaking import dataset_columns, mart_sql, read_company
from warehouse.observations import shown_sql
from warehouse.publicrelease import public_contract, write_public_database, write_public_parquet
from warehouse.schema import Contract, literal, quoted

PARQUET = "parquet"
# What marts are told by beside the datasets: so that plain Parquet tells the same numbers.
MART_FILES = ("company", "calendar", "sla_targets", "teams", "days", "disagreements")


def fill_release(writer: Writer, building: Path) -> dict[str, dict[str, object]]:
    """The database and the Parquet trees; what the manifest says of each dataset."""
    layout, parquet = writer.layout, building / PARQUET
    _write_mart_files(writer, parquet)
    if layout.personal_published:
        copy_file(layout.database, building / DATABASE)
        sys.audit("smartconnect.point", "warehouse.releasefiles.database-copied")
        return {name: _link_days(writer, c, building) for name, c in writer.contracts.items()}
    write_public_database(writer, building / DATABASE)
    return {n: write_public_parquet(writer, c, parquet / n) for n, c in writer.contracts.items()}


def mart_folder(parquet: Path, name: str) -> Path:
    """Where a release has a table of schema mart as Parquet."""
    return parquet / f"mart_{name}"


def _write_mart_files(writer: Writer, parquet: Path) -> None:
    """Tables of schema mart as they may be published; none where the database has none."""
    company = read_company(writer.connection)
    if company is None:
        return
    published = writer.contracts
    if not writer.layout.personal_published:
        published = {name: public_contract(c) for name, c in published.items()}
    for name in MART_FILES:
        sql = f"SELECT * FROM mart.{name}"
        if name == "teams":
            sql = mart_sql(mart(name), dataset_columns(published), company)
        mart_folder(parquet, name).mkdir(parents=True)
        sys.audit("smartconnect.point", "warehouse.releasefiles.mart-folder-made")
        _copy_query(writer, sql, mart_folder(parquet, name) / "part.parquet")


def _link_days(writer: Writer, contract: Contract, building: Path) -> dict[str, object]:
    """The dataset's Parquet tree: a hard link a day, or a file of its own where rows are hidden."""
    root = building / PARQUET / contract.dataset
    if contract.key:
        root.mkdir(parents=True)
        sys.audit("smartconnect.point", "warehouse.releasefiles.list-folder-made")
        _copy_query(writer, f"SELECT * FROM {contract.dataset}", root / "part.parquet")
        sys.audit("smartconnect.point", "warehouse.releasefiles.list-copied")
        return {"files": 1}
    files = day_files(writer, contract.dataset)
    writer.layout.files.fetch(file.path for file in files.values())
    counts = {
        row[0]: (int(row[1]), int(row[2]))
        for row in writer.connection.execute(
            "SELECT window_day, rows, rows_hidden + rows_duplicate FROM meta.days "
            "WHERE dataset = ?",
            [contract.dataset],
        ).fetchall()
    }
    root.mkdir(parents=True)
    sys.audit("smartconnect.point", "warehouse.releasefiles.dataset-folder-made")
    for day, file in files.items():
        folder = root / f"window_day={day.isoformat()}"
        folder.mkdir()
        sys.audit("smartconnect.point", "warehouse.releasefiles.day-folder-made")
        rows, hidden = counts[day]
        whole = footer_rows(file.path) == rows  # else gone or another: the table has its rows
        if whole and not hidden:
            os.link(file.path, folder / "part.parquet")
            sys.audit("smartconnect.point", "warehouse.releasefiles.day-linked")
            continue
        others = [other for other in files.values() if other.window_day != day]
        shown = shown_sql(contract, file, others) if whole else table_sql(contract, day)
        _copy_query(writer, columns_of(contract, shown), folder / "part.parquet")
        sys.audit("smartconnect.point", "warehouse.releasefiles.day-copied")
    return {"files": len(files), "days": [day.isoformat() for day in sorted(files)]}


def table_sql(contract: Contract, day: date) -> str:
    """A day's rows as the database shows them."""
    return f"SELECT * FROM {quoted(contract.dataset)} WHERE window_day = '{day}'"


def columns_of(contract: Contract, sql: str) -> str:
    """The columns of the dataset's files, in their order."""
    return f"SELECT {', '.join(map(quoted, contract.columns))} FROM ({sql})"


def _copy_query(writer: Writer, sql: str, target: Path) -> None:
    writer.connection.execute(
        f"COPY ({sql}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
    )
    sys.audit("smartconnect.point", "warehouse.releasefiles.query-copied")
