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

META_TABLES: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = {
    "loads": (
        "The ledger: one row for each time a day's export was looked at. "
        "rows_read = rows_loaded + rows_duplicate + rows_quarantined + rows_suppressed where "
        "outcome is loaded.",
        {
            "load_id": ("VARCHAR", "The load's name; rows of the day carry it."),
            "dataset": ("VARCHAR", "chats, statistics, users or incoming_messages."),
            "window_day": ("DATE", "The day asked for, in the company's time zone."),
            "outcome": (
                "VARCHAR",
                "loaded; unchanged (same content as before); held (far fewer rows than before: the "
                "old ones stay); superseded (a later observation is loaded already).",
            ),
            "source": (
                "VARCHAR",
                "export; raw where a kept file was read again; lake where a rebuild took over a "
                "day whose file is gone; erasure where a person's rows were taken out; callbacks.",
            ),
            "task_id": ("BIGINT", "The vendor's export task."),
            "observed_at": ("TIMESTAMPTZ", "When the export was started: it shows that moment."),
            "loaded_at": ("TIMESTAMPTZ", "When this row was written."),
            "file_sha256": (
                "VARCHAR",
                "Hash of the export file, its name in raw/; of what is left of it since an erasure "
                "(meta.erased_files).",
            ),
            "file_bytes": ("BIGINT", "Size of the export file in bytes."),
            "rows_read": ("BIGINT", "Records in the export file."),
            "rows_loaded": ("BIGINT", "Rows this load brought into the warehouse."),
            "rows_duplicate": ("BIGINT", "Records that the same file held twice."),
            "rows_quarantined": ("BIGINT", "Records that are in meta.quarantine instead."),
            "rows_suppressed": (
                "BIGINT",
                "Records of erased persons: read, and kept nowhere; NULL: none.",
            ),
            "rows_outside_day": ("BIGINT", "Rows dated on another day than the one asked for."),
            "contract_version": ("VARCHAR", "Version of the dataset's contract."),
            "mapping_version": (
                "VARCHAR",
                "Hash of what the mapping file says of it, or ''.",
            ),
            "reasons": ("VARCHAR", "Why records were quarantined: JSON, reason to count."),
            "notes": ("VARCHAR", "What a person should know of the columns: a JSON list."),
            "drift": (
                "VARCHAR",
                "Columns new, gone or renamed since the load observed before: JSON; NULL: none.",
            ),
            "flow_run_id": ("VARCHAR", "Prefect's id of the run."),
            "export_seconds": ("DOUBLE", "How long the vendor took to make the file, seconds."),
        },
    ),
    "days": (
        "What each day holds now: one row for each dataset and day that was loaded.",
        {
            "dataset": ("VARCHAR", "chats or statistics."),
            "window_day": ("DATE", "The day."),
            "load_id": ("VARCHAR", "The load that its rows came with."),
            "observed_at": (
                "TIMESTAMPTZ",
                "Start of the latest export that brought just this content.",
            ),
            "checked_at": ("TIMESTAMPTZ", "When the day was last looked at."),
            "rows": ("BIGINT", "Rows in its lake file."),
            "rows_duplicate": ("BIGINT", "Rows that the same file held twice; one is shown."),
            "rows_hidden": ("BIGINT", "Rows not shown: another day's observation is later."),
            "rows_without_id": ("BIGINT", "Rows whose identity is told from their content."),
            "lake_file": ("VARCHAR", "Its Parquet file, below the data directory."),
            "file_sha256": ("VARCHAR", "Hash of its export file."),
            "contract_version": ("VARCHAR", "Contract it was read under."),
            "mapping_version": ("VARCHAR", "Mapping it was read under, or ''."),
            "first_id": ("VARCHAR", "The least identity in it, in text order."),
            "last_id": ("VARCHAR", "The greatest identity in it, in text order."),
        },
    ),
    "quarantine": (
        "Records of export files that could not be loaded: nothing is dropped silently.",
        {
            "dataset": ("VARCHAR", "Which dataset's file."),
            "window_day": ("DATE", "Which day's export."),
            "load_id": ("VARCHAR", "Which load."),
            "line": ("BIGINT", "Line (text) or row (spreadsheet) in the file."),
            "reason": ("VARCHAR", "Why it could not be loaded."),
            "raw": (
                "VARCHAR",
                "The record as it came. Personal data; NULL where fields are protected.",
            ),
        },
    ),
    "file_columns": (
        "The columns of every file that was loaded, as its header line has them.",
        {
            "dataset": ("VARCHAR", "chats, statistics or users."),
            "load_id": ("VARCHAR", "The load."),
            "position": ("BIGINT", "The column's place in the file, from 1."),
            "header": ("VARCHAR", "Its header."),
            "field": ("VARCHAR", "The field it was read as, or extra."),
        },
    ),
    "reconciliation": (
        "Counts that tell of the same thing: those that disagree, and the statistics export's "
        "counts of messages beside the rows of chats. No other row: everything else agrees.",
        {
            "dataset": ("VARCHAR", "chats or statistics."),
            "window_day": ("DATE", "The day."),
            "compared": ("VARCHAR", "What was counted, or the measure of the statistics export."),
            "expected": ("BIGINT", "The count it should be: of ledger, database, or chats."),
            "found": ("BIGINT", "The count that was found; NULL: nothing was there to count."),
            "agrees": ("BOOLEAN", "Whether both are the same."),
            "checked_at": ("TIMESTAMPTZ", "When this was first found so."),
        },
    ),
    "callback_reconciliation": (
        "Callbacks beside the exports: one row for each day that both tell of (chat_id is NULL), "
        "and one for each thread of it that they tell otherwise.",
        {
            "window_day": ("DATE", "The day that the messages were sent on."),
            "channel_account_id": ("VARCHAR", "The thread's channel account; NULL: the day."),
            "chat_id": ("VARCHAR", "The thread; NULL: the whole day."),
            "callbacks": ("BIGINT", "Messages that callbacks told of."),
            "exported": (
                "BIGINT",
                "Incoming messages of chats since the first callback ever.",
            ),
            "matched_certain": ("BIGINT", "Callbacks that chats has, by their message_id."),
            "matched_probable": (
                "BIGINT",
                "Callbacks that chats has by thread, minute and text, since its export has no id.",
            ),
            "only_callback": ("BIGINT", "Callbacks that chats doesn't have."),
            "only_export": ("BIGINT", "Messages of chats that no callback told of."),
            "statistics_in_count": (
                "BIGINT",
                "Incoming messages of the day by the statistics export; NULL: it doesn't count.",
            ),
            "only_callback_ids": ("VARCHAR", "The first 50 ids of only_callback: a JSON list."),
            "only_export_ids": ("VARCHAR", "The first 50 ids of only_export: a JSON list."),
            "checked_at": ("TIMESTAMPTZ", "When this was first found so."),
        },
    ),
    "facts": (
        "What was found out about the vendor, which it doesn't publish.",
        {
            "key": ("VARCHAR", "What it is about, such as vendor.date_to."),
            "value": ("VARCHAR", "What was found."),
            "evidence": ("VARCHAR", "What it was concluded from."),
            "found_at": ("TIMESTAMPTZ", "When."),
        },
    ),
    "erasures": (
        "What was erased of persons who asked for it: counts, never who they are.",
        {
            "erasure": ("BIGINT", "The erasure's number, from 1."),
            "requested_at": ("TIMESTAMPTZ", "When it was asked for; nobody came back since."),
            "finished_at": (
                "TIMESTAMPTZ",
                "When nothing was left of the person in any file; NULL: it was not finished.",
            ),
            "done_by": ("VARCHAR", "The run that took the rows out."),
            "key_versions": ("VARCHAR", "Versions of the key that the person is known under."),
            "raw_files": ("BIGINT", "Export files that were written anew or removed."),
            "raw_rows": ("BIGINT", "Records taken out of them."),
            "days": ("BIGINT", "Days that lost rows."),
            "rows": ("BIGINT", "Rows taken out of the lake."),
            "quarantined": ("BIGINT", "Records taken out of the quarantine."),
            "releases": ("BIGINT", "Releases that were removed."),
            "mentions": (
                "BIGINT",
                "Messages of others in which the person was named, which stay; NULL: not counted.",
            ),
        },
    ),
    "erased_files": (
        "Export files of raw/ that an erasure changed.",
        {
            "erasure": ("BIGINT", "The erasure's number."),
            "dataset": ("VARCHAR", "Which dataset's file."),
            "window_day": ("DATE", "Which day's export."),
            "sha256_before": ("VARCHAR", "Its hash before."),
            "sha256_after": ("VARCHAR", "Its hash since; NULL: it could not be read, and is gone."),
            "rows_erased": ("BIGINT", "Records taken out of it."),
        },
    ),
    "inbox_segments": (
        "The callbacks' ledger: one row for each segment of the inbox that was loaded. "
        "records = loaded + duplicates + quarantined.",
        {
            "file_sha256": ("VARCHAR", "Its hash, its name in raw/."),
            "received_day": ("DATE", "The day it was begun on, in the company's time zone."),
            "first_received_at": ("TIMESTAMPTZ", "When its first callback came."),
            "last_received_at": ("TIMESTAMPTZ", "When its last callback came."),
            "records": ("BIGINT", "Callbacks in it."),
            "loaded": ("BIGINT", "Messages that it brought first."),
            "duplicates": ("BIGINT", "Messages that had come before, just so."),
            "quarantined": (
                "BIGINT",
                "Callbacks that are no message, or another than came with the id before: they are "
                "in meta.quarantine.",
            ),
            "torn": ("BIGINT", "Lines that a crash cut off: they were never acknowledged."),
            "load_id": ("VARCHAR", "The load that took it."),
            "loaded_at": ("TIMESTAMPTZ", "When."),
        },
    ),
    "removed_files": (
        "Export files that are no longer in raw/, by SMARTCONNECT_KEEP_RAW_DAYS: their days stay, "
        "and are kept by the lake.",
        {
            "dataset": ("VARCHAR", "Which dataset's file."),
            "window_day": ("DATE", "Which day's export."),
            "file_sha256": ("VARCHAR", "Its hash, its former name in raw/."),
            "removed_at": ("TIMESTAMPTZ", "When it was removed."),
        },
    ),
    "columns": (
        "The data dictionary: every table and column of this file with its meaning.",
        {
            "table_schema": ("VARCHAR", "Schema of the table."),
            "table_name": ("VARCHAR", "Name of the table."),
            "column_name": ("VARCHAR", "Name of the column."),
            "data_type": ("VARCHAR", "Type in DuckDB."),
            "meaning": ("VARCHAR", "What it means; the unit where it has one."),
            "personal": ("BOOLEAN", "Whether it holds personal data."),
        },
    ),
    "revision": (
        "A counter of changes that readers can see: a release carries the one it was made at.",
        {"number": ("BIGINT", "Changes so far.")},
    ),
}
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


def make_meta(connection: duckdb.DuckDBPyConnection) -> None:
    """Make schema `meta` and its tables, with COMMENTs, where they are not there yet."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS meta")
    for name, (comment, columns) in META_TABLES.items():
        make_table(connection, f"meta.{name}", comment, columns)
    connection.execute("INSERT INTO meta.revision SELECT 0 WHERE NOT EXISTS (FROM meta.revision)")


def make_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    comment: str,
    columns: Mapping[str, tuple[str, str]],
) -> None:
    """Make a table, or add the columns that it lacks.

    Raises:
        ContractChanged: it has a column that the contract no longer has.
    """
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
    connection.execute(f"COMMENT ON TABLE {table} IS {literal(comment)}")
    for name, (_, meaning) in columns.items():
        connection.execute(f"COMMENT ON COLUMN {table}.{quoted(name)} IS {literal(meaning)}")


def dataset_tables(contract: Contract) -> list[str]:
    """The tables that `make_dataset` makes."""
    name = contract.dataset
    return [name, f"{name[:-1]}_snapshots", f"{name}_history"] if contract.key else [name]


def make_dataset(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Make a dataset's tables: a fact table, or a list's three."""
    own = {
        field.name: (_declared_type(contract, field), contract.comment(field.name))
        for field in contract.schema
    }
    name, *aside = dataset_tables(contract)
    if aside:
        snapshots, history = aside
        make_table(connection, name, f"{contract.grain} As the latest list has it.", own)
        day = {"snapshot_date": ("DATE", "The day of the list, in the company's time zone.")}
        comment = f"{contract.grain} Each day's list as it came."
        make_table(connection, snapshots, comment, {**day, **own})
        comment = f"{contract.grain} One row a version: a new one when a tracked column changed."
        make_table(connection, history, comment, {**own, **_HISTORY})
        return
    day = {"window_day": ("DATE", WINDOW_DAY)}
    make_table(connection, name, contract.grain, {**own, **day})


def _declared_type(contract: Contract, field: pa.Field[Any]) -> str:
    """The column's type; with its compression where trying all of them is known to be no use.

    Ids and texts hardly repeat: looking for a dictionary in them takes a seventh of a load.
    """
    kind = duckdb_type(field.type)
    hardly_repeats = field.name in (*contract.identity, *contract.fallback)
    return f"{kind} USING COMPRESSION fsst" if hardly_repeats and kind == "VARCHAR" else kind


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
    connection.execute("DELETE FROM meta.columns")
    connection.execute(
        """
        INSERT INTO meta.columns
        SELECT schema_name, table_name, column_name, data_type, comment,
               column_name = 'raw' OR list_contains($names, column_name)
        FROM duckdb_columns() WHERE database_name = $database AND NOT internal
        ORDER BY schema_name, table_name, column_index
        """,
        {"names": sorted({column for _, column in personal}), "database": database},
    )
