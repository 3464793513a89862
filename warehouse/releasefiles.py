"""The files of a release: a copy of the database, and a tree of links into the lake.

A day whose lake file holds rows that are not shown, or whose lake file is gone, gets a file of its
own, so that Parquet and tables tell the same.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from warehouse.copying import copy_file
from warehouse.database import Writer
from warehouse.integrity import DATABASE, Files, is_untouched
from warehouse.lake import footer_rows
from warehouse.ledger import day_files
from warehouse.martfiles import mart
from warehouse.martmaking import dataset_columns, mart_sql, read_company
from warehouse.observations import shown_sql
from warehouse.publicrelease import public_contract, write_public_database, write_public_parquet
from warehouse.schema import Contract, literal, quoted
from warehouse.sparetree import PARQUET, PART, take_tree

# What marts are told by beside the datasets: so that plain Parquet tells the same numbers.
MART_FILES = ("company", "calendar", "sla_targets", "teams", "days", "disagreements")


@dataclass
class Filled:
    """What the manifest says of each dataset, and folders that are open and durable already."""

    datasets: dict[str, dict[str, object]] = field(default_factory=dict)
    settled: set[Path] = field(default_factory=set)


def fill_release(writer: Writer, building: Path, known: Files) -> Filled:
    """The database and the Parquet trees; `known`: the files of the release before."""
    layout, parquet = writer.layout, building / PARQUET
    _write_mart_files(writer, parquet)
    if layout.personal_published:
        copy_file(layout.database, building / DATABASE)
        sys.audit("smartconnect.point", "warehouse.releasefiles.database-copied")
        filled = Filled()
        for name, contract in writer.contracts.items():
            filled.datasets[name] = _link_days(writer, contract, building, known, filled.settled)
        return filled
    write_public_database(writer, building / DATABASE)
    contracts = writer.contracts.items()
    return Filled({n: write_public_parquet(writer, c, parquet / n) for n, c in contracts})


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
        _copy_query(writer, sql, mart_folder(parquet, name) / PART)


def _link_days(
    writer: Writer, contract: Contract, building: Path, known: Files, settled: set[Path]
) -> dict[str, object]:
    """The dataset's Parquet tree: a hard link a day, or a file of its own where rows are hidden."""
    root = building / PARQUET / contract.dataset
    if contract.key:
        root.mkdir(parents=True)
        sys.audit("smartconnect.point", "warehouse.releasefiles.list-folder-made")
        _copy_query(writer, f"SELECT * FROM {contract.dataset}", root / PART)
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
    # Not there, or another than it was loaded from: the table has the day's rows.
    whole = {day for day, file in files.items() if _is_whole(file.path, counts[day][0], known)}
    linked = {day for day in whole if not counts[day][1]}
    links = {f"window_day={day.isoformat()}": files[day].path for day in linked}
    there = take_tree(writer.layout, root, links)
    settled |= {root / name for name in there}
    for day, file in files.items():
        folder = root / f"window_day={day.isoformat()}"
        if folder.name in there:
            continue
        folder.mkdir()
        sys.audit("smartconnect.point", "warehouse.releasefiles.day-folder-made")
        if day in linked:
            os.link(file.path, folder / PART)
            sys.audit("smartconnect.point", "warehouse.releasefiles.day-linked")
            continue
        others = [other for other in files.values() if other.window_day != day]
        shown = shown_sql(contract, file, others) if day in whole else table_sql(contract, day)
        _copy_query(writer, columns_of(contract, shown), folder / PART)
        sys.audit("smartconnect.point", "warehouse.releasefiles.day-copied")
    return {"files": len(files), "days": [day.isoformat() for day in sorted(files)]}


def _is_whole(path: Path, rows: int, known: Files) -> bool:
    """Whether a lake file is there with its rows; of one that is published, its time tells."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    dataset, day = path.parts[-3:-1]
    name = f"{PARQUET}/{dataset}/{day}/{PART}"
    return is_untouched(status, known.get(name, {})) or footer_rows(path) == rows


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
