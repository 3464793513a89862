"""A release without the personal columns: database and Parquet written anew, nothing copied.

DuckDB leaves the bytes of what was deleted in its file, and a lake file holds all of its columns,
so neither a copy of the writer's database nor a link into the lake would do. Besides the contract's
personal columns, meta.quarantine loses its records' text, and meta.days the least and greatest
identity, which may be hashed from a text without a key.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa

from warehouse.database import STORAGE_VERSION, Writer
from warehouse.ledger import day_files
from warehouse.martmaking import dataset_columns, make_mart_tables, make_mart_views, read_company
from warehouse.marttables import MART_TABLES
from warehouse.metatables import META_TABLES
from warehouse.schema import (
    Contract,
    dataset_tables,
    fill_dictionary,
    literal,
    make_dataset,
    make_meta,
    quoted,
)
from warehouse.views import make_views

_WITHHELD: Mapping[str, tuple[str, ...]] = {
    "quarantine": ("raw",),
    "days": ("first_id", "last_id"),
    "bulk_tasks": ("fields",),
    "bulk_task_history": ("fields",),
}
_ATTACHED = "public_release"


def public_contract(contract: Contract) -> Contract:
    """The contract without its personal columns."""
    fields = [field for field in contract.schema if not contract.personal(field.name)]
    names = {field.name for field in fields}
    metadata: dict[bytes | str, bytes | str] = dict((contract.schema.metadata or {}).items())
    for role in (b"identity", b"identity_fallback", b"tracked", b"key"):
        kept = [name for name in json.loads(metadata.get(role, b"[]")) if name in names]
        metadata[role] = json.dumps(kept)
    return Contract(pa.schema(fields, metadata=metadata))


def write_public_database(writer: Writer, target: Path) -> None:
    """Make the database of a release without the personal columns."""
    contracts = [public_contract(contract) for contract in writer.contracts.values()]
    with _attached(writer, target), writer.transaction() as connection:
        make_meta(connection)
        connection.execute("DELETE FROM meta.revision")
        for table, columns in _WITHHELD.items():
            for column in columns:
                connection.execute(f"ALTER TABLE meta.{table} DROP COLUMN {quoted(column)}")
        for contract in contracts:
            make_dataset(connection, contract)
        shown = {contract.dataset: contract for contract in contracts}
        make_views(connection, shown)
        company = read_company(connection, "warehouse")
        if company is not None:
            make_mart_tables(connection)
            make_mart_views(connection, dataset_columns(shown), company)
        tables = [f"meta.{name}" for name in META_TABLES if name != "columns"]
        tables += [f"mart.{name}" for name in MART_TABLES if company is not None]
        for table in [*tables, *(name for c in contracts for name in dataset_tables(c))]:
            _fill(writer, table)
        fill_dictionary(connection, contracts, database=_ATTACHED)


@contextmanager
def _attached(writer: Writer, target: Path) -> Iterator[None]:
    """The new file in use within the block, whole and without a log afterwards."""
    connection = writer.connection
    connection.execute(
        f"ATTACH {literal(str(target))} AS {_ATTACHED} (STORAGE_VERSION '{STORAGE_VERSION}')"
    )
    sys.audit("smartconnect.point", "warehouse.publicrelease.attached")
    try:
        connection.execute(f"USE {_ATTACHED}")
        yield
        connection.execute(f"CHECKPOINT {_ATTACHED}")
        sys.audit("smartconnect.point", "warehouse.publicrelease.checkpointed")
    finally:
        connection.execute("USE warehouse")
        connection.execute(f"DETACH {_ATTACHED}")


def _fill(writer: Writer, table: str) -> None:
    described = writer.connection.execute(f"DESCRIBE {_ATTACHED}.{_qualified(table)}").fetchall()
    columns = ", ".join(quoted(str(row[0])) for row in described)
    writer.connection.execute(
        f"INSERT INTO {_ATTACHED}.{_qualified(table)} ({columns}) "
        f"SELECT {columns} FROM warehouse.{_qualified(table)}"
    )


def _qualified(table: str) -> str:
    schema, _, name = table.rpartition(".")
    return f"{schema or 'main'}.{quoted(name)}"


def write_public_parquet(writer: Writer, contract: Contract, root: Path) -> dict[str, object]:
    """A dataset's Parquet tree without the personal columns; what the manifest says of it."""
    columns = ", ".join(map(quoted, public_contract(contract).columns))
    root.mkdir(parents=True)
    sys.audit("smartconnect.point", "warehouse.publicrelease.dataset-folder-made")
    if contract.key:
        _copy(writer, f"SELECT {columns} FROM {quoted(contract.dataset)}", root / "part.parquet")
        return {"files": 1}
    table = quoted(contract.dataset)
    days = sorted(day_files(writer, contract.dataset))
    for day in days:
        shown = f"SELECT {columns} FROM {table} WHERE window_day = '{day}'"
        _copy(writer, shown, _day_folder(root, day) / "part.parquet")
    return {"files": len(days), "days": [day.isoformat() for day in days]}


def _day_folder(root: Path, day: date) -> Path:
    folder = root / f"window_day={day.isoformat()}"
    folder.mkdir()
    sys.audit("smartconnect.point", "warehouse.publicrelease.day-folder-made")
    return folder


def _copy(writer: Writer, sql: str, target: Path) -> None:
    writer.connection.execute(
        f"COPY ({sql}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
    )
    sys.audit("smartconnect.point", "warehouse.publicrelease.query-copied")
