"""The files of a release: a copy of the database, and a tree of links into the lake.

A day whose lake file holds rows that are not shown, or whose lake file is gone, gets a file of its
own, so that Parquet and tables tell the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from warehouse.copying import copy_file
from warehouse.database import Writer
from warehouse.integrity import DATABASE, Files, is_untouched
from warehouse.lake import footer_rows
from warehouse.ledger import day_files
from warehouse.martfiles import mart
from warehouse.martmaking import dataset_columns, mart_sql, read_company
from warehouse.observations import DayFile, shown_sql
from warehouse.publicrelease import public_contract, write_public_database, write_public_parquet
from warehouse.schema import Contract, literal, quoted
from warehouse.sparetree import PARQUET, PART, take_tree

# What marts are told by beside the datasets: so that plain Parquet tells the same numbers.
MART_FILES = ("company", "calendar", "sla_targets", "teams", "days", "disagreements")


@dataclass
class Filled:
    """What the manifest says of each dataset; folders that are done already, and their files."""

    datasets: dict[str, dict[str, object]] = field(default_factory=dict)
    settled: dict[str, os.stat_result] = field(default_factory=dict)


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
    writer: Writer,
    contract: Contract,
    building: Path,
    known: Files,
    settled: dict[str, os.stat_result],
) -> dict[str, object]:
    """The dataset's Parquet tree: a hard link a day, or a file of its own where rows are hidden."""
    root = building / PARQUET / contract.dataset
    if contract.key:
        root.mkdir(parents=True)
        sys.audit("smartconnect.point", "warehouse.releasefiles.list-folder-made")
        _copy_query(writer, f"SELECT * FROM {contract.dataset}", root / PART)
        sys.audit("smartconnect.point", "warehouse.releasefiles.list-copied")
        return {"files": 1}
    days = {
        f"window_day={day.isoformat()}": (day, f"{writer.layout.root}/{lake}", rows, unseen)
        for day, lake, rows, unseen in writer.connection.execute(
            "SELECT window_day, lake_file, rows, rows_hidden + rows_duplicate FROM meta.days "
            "WHERE dataset = ?",
            [contract.dataset],
        ).fetchall()
    }
    if writer.layout.files.shared:
        writer.layout.files.fetch(Path(lake) for _, lake, _, _ in days.values())
    # Not there, or another than it was loaded from: the table has the day's rows.
    whole = {
        name
        for name, (_, lake, rows, _) in days.items()
        if _is_whole(lake, rows, known.get(f"{PARQUET}/{contract.dataset}/{name}/{PART}", {}))
    }
    links = {name: days[name][1] for name in whole if not days[name][3]}
    there = take_tree(writer.layout, root, links)
    settled |= {f"{root}/{name}": status for name, status in there.items()}
    files: dict[date, DayFile] = {}
    for name in days.keys() - there.keys():
        day = days[name][0]
        folder = root / name
        folder.mkdir()
        sys.audit("smartconnect.point", "warehouse.releasefiles.day-folder-made")
        if name in links:
            os.link(links[name], folder / PART)
            sys.audit("smartconnect.point", "warehouse.releasefiles.day-linked")
            continue
        files = files or day_files(writer, contract.dataset)
        others = [other for other in files.values() if other.window_day != day]
        hidden = name in whole
        shown = shown_sql(contract, files[day], others) if hidden else table_sql(contract, day)
        _copy_query(writer, columns_of(contract, shown), folder / PART)
        sys.audit("smartconnect.point", "warehouse.releasefiles.day-copied")
    return {
        "files": len(days),
        "days": sorted(name.removeprefix("window_day=") for name in days),
    }


def _is_whole(path: str, rows: int, told: Mapping[str, Any]) -> bool:
    """Whether a lake file is there with its rows; of one that is published, its time tells."""
    try:
        status = os.stat(path)  # noqa: PTH116  (a thousand a year: Path is half of the cost)
    except FileNotFoundError:
        return False
    return is_untouched(status, told) or footer_rows(Path(path)) == rows


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
