"""Old files of raw/ and of the quarantine, removed by the company's own rule.

A raw file goes only where its rows are in the lake: what never could be loaded, or is held, stays
until it is. Lists stay, since a history is made from all of them. A day whose file is gone is kept
by its lake file: a rebuild takes it over from there. The ledger says which files went, first of
all, so that a missing file is never taken for a lost one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from warehouse.database import Writer, bump_revision
from warehouse.ledger import insert_row
from warehouse.raw import RawObservation, raw_observations, remove_raw


@dataclass(frozen=True)
class Removed:
    """What went. Sizes in bytes."""

    raw_files: int = 0
    raw_bytes: int = 0
    quarantine_files: int = 0

    def __bool__(self) -> bool:
        return bool(self.raw_files or self.quarantine_files)


def apply_retention(
    writer: Writer, now: datetime, *, keep_raw_days: int | None, keep_quarantine_days: int | None
) -> Removed:
    """Remove what was observed (raw/) or loaded (quarantine) longer ago than that; None: never."""
    files = size_bytes = rejected = 0
    if keep_raw_days is not None:
        for seen in _outlived(writer, now - timedelta(days=keep_raw_days)):
            if _removed_raw(writer, seen):
                size_bytes, files = size_bytes + seen.size_bytes, files + 1
    if keep_quarantine_days is not None:
        rejected = _empty_quarantine(writer, now - timedelta(days=keep_quarantine_days))
    return Removed(files, size_bytes, rejected)


def _outlived(writer: Writer, before: datetime) -> list[RawObservation]:
    """One observation of each file that was last seen before then and whose rows are loaded."""
    loaded = {
        (row[0], row[1])
        for row in writer.connection.execute(
            """SELECT DISTINCT window_day, file_sha256 FROM meta.loads
               WHERE outcome IN ('loaded', 'unchanged')"""
        ).fetchall()
    }
    layout, there = writer.layout, set[Path]()
    found: dict[Path, RawObservation] = {}
    for name, contract in writer.contracts.items():
        if not contract.key:
            found.update({seen.path: seen for seen in raw_observations(layout, name)})
            there.update(layout.files.names(layout.raw / name))
    return [
        seen  # the last observation of each, since they come in their order
        for seen in found.values()
        if seen.observed_at < before
        and (seen.window_day, seen.sha256) in loaded
        and seen.path in there
    ]


def _removed_raw(writer: Writer, seen: RawObservation) -> bool:
    """Note it, then remove it; where files are shared, once the database that tells is handed over.

    Until then another machine would take it for lost: the next retention removes it.
    """
    known = writer.connection.execute(
        """SELECT count(*) FROM meta.removed_files
           WHERE dataset = ? AND window_day = ? AND file_sha256 = ?""",
        [seen.dataset, seen.window_day, seen.sha256],
    ).fetchone()
    if not known or not known[0]:
        with writer.transaction():
            insert_row(
                writer,
                "meta.removed_files",
                {
                    "dataset": seen.dataset,
                    "window_day": seen.window_day,
                    "file_sha256": seen.sha256,
                    "removed_at": datetime.now(UTC),
                },
            )
        sys.audit("smartconnect.point", "warehouse.retention.removal-noted")
        if writer.layout.files.shared:
            return False
    remove_raw(writer.layout, seen.path)
    return True


def _empty_quarantine(writer: Writer, before: datetime) -> int:
    """Rows and files of loads before then; why they were rejected stays counted in meta.loads."""
    old = [
        (str(row[0]), str(row[1]))
        for row in writer.connection.execute(
            "SELECT dataset, load_id FROM meta.loads WHERE loaded_at < ?", [before]
        ).fetchall()
    ]
    layout, removed = writer.layout, 0
    there = set(layout.files.names(layout.quarantine)) if old else set()
    for dataset, load_id in old:
        path = layout.quarantine_file(dataset, load_id)
        if path in there:
            layout.files.remove(path)
            sys.audit("smartconnect.point", "warehouse.retention.quarantine-removed")
            removed += 1
    with writer.transaction() as connection:
        gone = connection.execute(
            """DELETE FROM meta.quarantine
               WHERE load_id IN (SELECT load_id FROM meta.loads WHERE loaded_at < ?)""",
            [before],
        ).fetchone()
        if gone and gone[0]:
            bump_revision(connection)
    sys.audit("smartconnect.point", "warehouse.retention.quarantine-emptied")
    return removed
