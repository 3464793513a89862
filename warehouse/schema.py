"""DDL and COMMENTs from the contract, which comes in an Arrow schema's metadata.

The tables of a dataset are made from its schema; those of `meta` are declared here. Every table
and every column has a COMMENT, for whoever opens the file in any client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.errors import ContractChanged
from warehouse.martfiles import PERSONAL
from warehouse.metatables import META_TABLES

WINDOW_DAY = "The day whose export brought the row, in the company's time zone."
_HISTORY = {
    "valid_from": ("TIMESTAMPTZ", "The version holds from this observation on, included."),
    "valid_to": ("TIMESTAMPTZ", "To this observation, excluded; NULL: it holds now."),
}


@dataclass(frozen=True)
class Contract:
    """What the warehouse knows of a dataset: names and roles of columns, from the metadata."""

    schema: pa.Schema

    def _text(self, key: str, default: str = "") -> str:
        found = (self.schema.metadata or {}).get(key.encode())
        return found.decode() if found is not None else default

    def _list(self, key: str) -> list[str]:
        return list(json.loads(self._text(key, "[]")))

    @property
    def dataset(self) -> str:
        """Its name, which is its table's."""
        return self._text("dataset")

    @property
    def grain(self) -> str:
        """What one row is."""
        return self._text("grain", self.dataset)

    @property
    def identity(self) -> list[str]:
        """Columns that name a row for good; none: rows are never merged."""
        return self._list("identity")

    @property
    def fallback(self) -> list[str]:
        """Columns that never change, for rows whose identity is null."""
        return self._list("identity_fallback")

    @property
    def key(self) -> list[str]:
        """The key of a list that is kept in snapshots."""
        return self._list("key")

    @property
    def tracked(self) -> list[str]:
        """Columns whose change makes a new version."""
        return self._list("tracked")

    @property
    def order_by(self) -> str:
        """The column that rows are sorted by in the table."""
        return self._text("order_by")

    @property
    def columns(self) -> list[str]:
        """All columns of its files, in order."""
        return list(self.schema.names)

    def comment(self, column: str) -> str:
        """The meaning of a column."""
        metadata = self.schema.field(column).metadata or {}
        found = metadata.get(b"comment", b"").decode()
        return found or f"{column} as it came."

    def personal(self, column: str) -> bool:
        """Whether a column holds personal data."""
        metadata = self.schema.field(column).metadata or {}
        return bool(metadata.get(b"personal") == b"true")


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def duckdb_type(kind: pa.DataType) -> str:
    """The column type for an Arrow type of the contract."""
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ" if kind.tz else "TIMESTAMP"
    names = {
        pa.string(): "VARCHAR",
        pa.int64(): "BIGINT",
        pa.float64(): "DOUBLE",
        pa.date32(): "DATE",
        pa.bool_(): "BOOLEAN",
    }
    return names[kind]


# Schema and table → its COMMENT, and those of its columns.
Tables = Mapping[str, tuple[str | None, Mapping[str, str | None]]]


def tables_there(connection: duckdb.DuckDBPyConnection) -> Tables:
    """The tables of the database in use: what is there as it should be needn't be made again."""
    comments = connection.execute(
        """SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()
           WHERE database_name = current_database()"""
    ).fetchall()
    columns: dict[str, dict[str, str | None]] = {}
    for table, name, comment in connection.execute(
        """SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns()
           WHERE database_name = current_database()"""
    ).fetchall():
        columns.setdefault(table, {})[name] = comment
    return {table: (comment, columns.get(table, {})) for table, comment in comments}


def make_meta(connection: duckdb.DuckDBPyConnection, there: Tables | None = None) -> None:
    """Make schema `meta` and its tables, with COMMENTs, where they are not there yet."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS meta")
    for name, (comment, columns) in META_TABLES.items():
        make_table(connection, f"meta.{name}", comment, columns, there or {})
    connection.execute("INSERT INTO meta.revision SELECT 0 WHERE NOT EXISTS (FROM meta.revision)")


def make_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    comment: str,
    columns: Mapping[str, tuple[str, str]],
    there: Tables,
) -> None:
    """Make a table, or add the columns that it lacks; nothing where it is `there` just so.

    Raises:
        ContractChanged: it has a column that the contract no longer has.
    """
    meanings = {name: meaning for name, (_, meaning) in columns.items()}
    if there.get(table if "." in table else f"main.{table}") == (comment, meanings):
        return
    declared = ", ".join(f"{quoted(name)} {kind}" for name, (kind, _) in columns.items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({declared})")
    present = [str(row[0]) for row in connection.execute(f"DESCRIBE {table}").fetchall()]
    gone = [name for name in present if name not in columns]
    if gone:
        raise ContractChanged(
            f"{table} was published with {', '.join(gone)}, which the contract no longer has: "
            "bring the column back, or give the contract a new version and a release of overlap."
        )
    for name, (kind, _) in columns.items():
        if name not in present:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {kind}")
    told = [f"COMMENT ON TABLE {table} IS {literal(comment)}"]
    told += [
        f"COMMENT ON COLUMN {table}.{quoted(name)} IS {literal(meaning)}"
        for name, meaning in meanings.items()
    ]
    connection.execute("; ".join(told))


def dataset_tables(contract: Contract) -> list[str]:
    """The tables that `make_dataset` makes."""
    name = contract.dataset
    return [name, f"{name[:-1]}_snapshots", f"{name}_history"] if contract.key else [name]


def make_dataset(
    connection: duckdb.DuckDBPyConnection, contract: Contract, there: Tables | None = None
) -> None:
    """Make a dataset's tables: a fact table, or a list's three."""
    own = {
        field.name: (_declared_type(contract, field), contract.comment(field.name))
        for field in contract.schema
    }
    name, *aside = dataset_tables(contract)
    if aside:
        snapshots, history = aside
        make_table(
            connection, name, f"{contract.grain} As the latest list has it.", own, there or {}
        )
        day = {"snapshot_date": ("DATE", "The day of the list, in the company's time zone.")}
        comment = f"{contract.grain} Each day's list as it came."
        make_table(connection, snapshots, comment, {**day, **own}, there or {})
        comment = f"{contract.grain} One row a version: a new one when a tracked column changed."
        make_table(connection, history, comment, {**own, **_HISTORY}, there or {})
        return
    day = {"window_day": ("DATE", WINDOW_DAY)}
    make_table(connection, name, contract.grain, {**own, **day}, there or {})


def _declared_type(contract: Contract, field: pa.Field[Any]) -> str:
    """The column's type; with its compression where trying all of them is known to be no use.

    Ids and texts hardly repeat: looking for a dictionary in them takes a seventh of a load. What is
    not personal and no id is one of a few words, as channels and states are.
    """
    kind = duckdb_type(field.type)
    if kind != "VARCHAR":
        return kind
    if field.name in (*contract.identity, *contract.fallback):
        return f"{kind} USING COMPRESSION fsst"
    repeats = contract.identity and not contract.personal(field.name)
    return f"{kind} USING COMPRESSION dictionary" if repeats else kind


def fill_dictionary(
    connection: duckdb.DuckDBPyConnection,
    contracts: list[Contract],
    *,
    database: str = "warehouse",
) -> None:
    """Write `meta.columns` from the tables that are there, in the database that is in use."""
    personal = [
        (c.dataset, column) for c in contracts for column in c.columns if c.personal(column)
    ]
    names = {column for _, column in personal}
    names |= set(PERSONAL if names else ())  # the marts' are NULL where nothing personal is shown
    values = {"names": sorted(names), "database": database}
    wanted = """
        SELECT schema_name, table_name, column_name, data_type, comment,
               column_name = 'raw' OR list_contains($names, column_name)
        FROM duckdb_columns() WHERE database_name = $database AND NOT internal
        ORDER BY schema_name, table_name, column_index"""
    before = connection.execute("FROM meta.columns").fetchall()
    if before == connection.execute(wanted, values).fetchall():
        return
    connection.execute("DELETE FROM meta.columns")
    connection.execute(f"INSERT INTO meta.columns {wanted}", values)
