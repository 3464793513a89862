"""Bulk messagings that were started from here: as they are now, and what was told of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from warehouse.database import Writer, bump_revision
from warehouse.disk import on_disk
from warehouse.ledger import insert_row


@dataclass(frozen=True)
class BulkRow:
    """A bulk messaging as it was seen last. `fields`: what the vendor told, as JSON; None: nothing
    yet.
    """

    task_id: int
    campaign: str
    channel_account_id: int | None
    text_sha256: str
    characters: int
    outcome: str
    fields: str | None
    flow_run_id: str


@on_disk("keep a bulk task")
def keep_bulk_task(writer: Writer, row: BulkRow) -> None:
    """Write what is known of it now, and a row of history where something else was told."""
    now = datetime.now(UTC)
    with writer.transaction() as connection:
        before = connection.execute(
            "SELECT started_at, fields, flow_run_id FROM meta.bulk_tasks "
            "WHERE task_id = ? AND campaign = ?",
            [row.task_id, row.campaign],
        ).fetchone()
        connection.execute(
            "DELETE FROM meta.bulk_tasks WHERE task_id = ? AND campaign = ?",
            [row.task_id, row.campaign],
        )
        told = {**row.__dict__, "started_at": now, "seen_at": now}
        if before is not None:
            told |= {"started_at": before[0], "flow_run_id": before[2]}
            told["fields"] = row.fields if row.fields is not None else before[1]
        insert_row(writer, "meta.bulk_tasks", told)
        if row.fields is not None and (before is None or before[1] != row.fields):
            history = {"task_id": row.task_id, "seen_at": now, "fields": row.fields}
            insert_row(writer, "meta.bulk_task_history", history)
        bump_revision(connection)
        sys.audit("smartconnect.point", "warehouse.bulktasks.kept")
