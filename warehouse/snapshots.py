"""A list as it is today, each day's list, and the history of its versions (SCD2).

Only the contract's tracked columns make a version; a volatile one (a last-seen time) doesn't.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from warehouse.database import Writer, bump_revision
from warehouse.disk import on_disk
from warehouse.ledger import fill_quarantine, insert_row, utc, write_columns
from warehouse.schema import Contract, quoted

HOLD_FROM_ROWS = 4


@dataclass(frozen=True)
class SnapshotResult:
    """loaded, unchanged, held or superseded; versions opened and closed in the history."""

    outcome: str
    rows: int
    opened: int
    closed: int
    unchanged: int


@on_disk("load a list")
def load_snapshot(
    writer: Writer,
    schema: pa.Schema,
    table: pa.Table,
    *,
    snapshot_date: date,
    observed_at: datetime,
    load_id: str,
    flow_run_id: str,
    accept_smaller: bool = False,
    hold_below_share: float = 0.5,
    columns: Mapping[str, str] | None = None,
    told: Mapping[str, object] | None = None,
    quarantine_path: Path | None = None,
) -> SnapshotResult:
    """Take `table` (one row a key) as the list of `snapshot_date`, in one transaction.

    A second list of the same day takes the first one's place. An empty or far smaller list is held
    unless accepted, so that a broken answer never closes everyone's history; one that was observed
    before the newest is superseded. `columns` (key → field) and `told` (columns of meta.loads) are
    what the ledger keeps besides; `quarantine_path` holds the list's rejected records.
    """
    contract = Contract(schema)
    connection = writer.connection
    connection.register("incoming", table)
    try:
        floor_share = None if accept_smaller else hold_below_share
        outcome = _outcome(writer, contract, table.num_rows, observed_at, floor_share)
        if outcome == "unchanged" and not _has_snapshot(writer, contract, snapshot_date):
            outcome = "loaded"  # the list of another day is a row of its own for each user
        opened = closed = 0
        with writer.transaction():
            if outcome == "loaded":
                opened, closed = _load(writer, contract, snapshot_date, observed_at)
                sys.audit("smartconnect.point", "warehouse.snapshots.list-replaced")
                fill_quarantine(writer, contract.dataset, snapshot_date, load_id, quarantine_path)
                bump_revision(connection)
            insert_row(
                writer,
                "meta.loads",
                {
                    "load_id": load_id,
                    "dataset": contract.dataset,
                    "window_day": snapshot_date,
                    "outcome": outcome,
                    "source": "list",
                    "observed_at": observed_at,
                    "loaded_at": datetime.now(UTC),
                    "rows_read": table.num_rows,
                    "rows_loaded": table.num_rows if outcome == "loaded" else 0,
                    "flow_run_id": flow_run_id,
                    **(told or {}),
                },
            )
            write_columns(writer, contract.dataset, load_id, columns or {})
            sys.audit("smartconnect.point", "warehouse.snapshots.ledger-written")
    finally:
        connection.unregister("incoming")
    return SnapshotResult(outcome, table.num_rows, opened, closed, table.num_rows - opened)


def _outcome(
    writer: Writer,
    contract: Contract,
    rows: int,
    observed_at: datetime,
    floor_share: float | None,
) -> str:
    name = contract.dataset
    row = writer.connection.execute(
        f"SELECT count(*), max(observed_at) FROM {quoted(name)}"
    ).fetchone()
    before, seen = (int(row[0]), row[1]) if row else (0, None)
    if seen is not None and observed_at < utc(seen):
        return "superseded"
    # A list of just half its length is no smaller share, and closes as many histories.
    shrunk = before >= HOLD_FROM_ROWS and rows < before and rows <= before * (floor_share or 0)
    if before and (rows == 0 or shrunk) and floor_share is not None:
        return "held"
    return "unchanged" if before == rows and _same_list(writer, contract) else "loaded"


def _same_list(writer: Writer, contract: Contract) -> bool:
    """Whether today's list is there already, row for row (when it was observed aside)."""
    columns = ", ".join(
        quoted(name) for name in contract.columns if name not in ("load_id", "observed_at")
    )
    row = writer.connection.execute(
        f"""SELECT count(*) FROM (SELECT {columns} FROM incoming
            EXCEPT ALL SELECT {columns} FROM {quoted(contract.dataset)})"""
    ).fetchone()
    return row is not None and row[0] == 0


def _has_snapshot(writer: Writer, contract: Contract, snapshot_date: date) -> bool:
    row = writer.connection.execute(
        f"SELECT count(*) FROM {contract.dataset[:-1]}_snapshots WHERE snapshot_date = ?",
        [snapshot_date],
    ).fetchone()
    return row is not None and bool(row[0])


def _load(
    writer: Writer, contract: Contract, snapshot_date: date, observed_at: datetime
) -> tuple[int, int]:
    connection, name = writer.connection, contract.dataset
    table, columns = quoted(name), ", ".join(quoted(column) for column in contract.columns)
    snapshots, history = f"{name[:-1]}_snapshots", f"{name}_history"
    connection.execute(f"DELETE FROM {table}")
    connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM incoming")
    connection.execute(f"DELETE FROM {snapshots} WHERE snapshot_date = ?", [snapshot_date])
    connection.execute(
        f"INSERT INTO {snapshots} (snapshot_date, {columns}) SELECT ?, {columns} FROM incoming",
        [snapshot_date],
    )
    key, tracked = contract.key[0], contract.tracked
    same = " AND ".join(
        f"was.{quoted(column)} IS NOT DISTINCT FROM now.{quoted(column)}" for column in tracked
    )
    same_version = f"was.{quoted(key)} = now.{quoted(key)} AND {same or 'true'}"
    closed = connection.execute(
        f"""UPDATE {history} AS was SET valid_to = ? WHERE valid_to IS NULL
            AND NOT EXISTS (SELECT 1 FROM incoming AS now WHERE {same_version})""",
        [observed_at],
    ).fetchone()
    opened = connection.execute(
        f"""INSERT INTO {history} ({columns}, valid_from, valid_to)
            SELECT {columns}, ?, NULL FROM incoming AS now
            WHERE NOT EXISTS (SELECT 1 FROM {history} AS was
                              WHERE valid_to IS NULL AND {same_version})""",
        [observed_at],
    ).fetchone()
    return (int(opened[0]) if opened else 0, int(closed[0]) if closed else 0)
