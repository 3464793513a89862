"""A day replaced, its ledger row included, in one transaction: whole, or not at all."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pyarrow as pa

from warehouse.database import Writer, bump_revision
from warehouse.disk import on_disk
from warehouse.ledger import (
    DayState,
    as_json,
    day_files,
    day_states,
    files_among,
    fill_quarantine,
    insert_row,
    write_columns,
)
from warehouse.loads import DayConfirmation, DayLoad, DayResult, Observation
from warehouse.observations import (
    DayFile,
    FileFacts,
    days_sharing,
    file_facts,
    same_rows,
    show_day,
)
from warehouse.schema import Contract

__all__ = ["DayConfirmation", "DayLoad", "DayResult", "confirm_day", "load_day"]

HOLD_FROM_ROWS = 20  # below it, a day is too small for its shrinking to mean anything


@on_disk("load a day")
def load_day(writer: Writer, schema: pa.Schema, load: DayLoad) -> DayResult:
    """Replace the day by the load's rows, unless there is a reason not to.

    - superseded: an export that was started later is loaded already;
    - held: far fewer rows than before, and not accepted: the old ones stay;
    - unchanged: the same rows as before, and not forced.

    Returns:
        rows_read = rows_loaded + rows_duplicate + rows_quarantined + the load's rows_suppressed.
    """
    contract = Contract(schema)
    rejected = [load.quarantine_path] if load.quarantine_path else []
    writer.layout.files.fetch([load.lake_path, *rejected])  # where another machine made them
    before = day_states(writer, load.dataset, load.window_day).get(load.window_day)
    facts = file_facts(writer.connection, contract, load.lake_path)
    outcome = _outcome(writer, contract, load, before, facts)
    result = DayResult(
        outcome,
        load.rows_read,
        facts.distinct,
        facts.duplicates,
        load.rows_quarantined,
        before.rows if before else 0,
    )
    with writer.transaction():
        if outcome == "loaded":
            _replace(writer, contract, load, facts)
            sys.audit("smartconnect.point", "warehouse.loading.day-replaced")
            bump_revision(writer.connection)
        elif outcome == "unchanged":
            _observe_again(writer, contract, load)
        _write_ledger(writer, load, result, _told(load))
        write_columns(writer, load.dataset, load.load_id, load.columns)
        sys.audit("smartconnect.point", "warehouse.loading.ledger-written")
    if outcome != "loaded":
        writer.once_committed(partial(_remove_unused, writer, load.lake_path))
    return result


def _remove_unused(writer: Writer, lake_path: Path) -> None:
    writer.layout.files.remove(lake_path)
    sys.audit("smartconnect.point", "warehouse.loading.unused-removed")


@on_disk("note that a day came again")
def confirm_day(writer: Writer, seen: DayConfirmation) -> DayResult:
    """Note that the day's own file came again: nothing to load, a later observation."""
    contract = writer.contracts[seen.dataset]
    before = day_states(writer, seen.dataset, seen.window_day)[seen.window_day]
    result = DayResult("unchanged", before.rows, 0, 0, 0, before.rows)
    with writer.transaction():
        _observe_again(writer, contract, seen)
        _write_ledger(writer, seen, result, {"rows_outside_day": 0})
        sys.audit("smartconnect.point", "warehouse.loading.confirmed")
    return result


def _outcome(
    writer: Writer, contract: Contract, load: DayLoad, before: DayState | None, facts: FileFacts
) -> str:
    if before is None:
        return "loaded"
    if load.observed_at < before.observed_at and not load.force:
        return "superseded"
    floor = before.rows * load.hold_below_share
    came = facts.rows + load.rows_suppressed  # who was erased made no day smaller
    shrunk = before.rows >= HOLD_FROM_ROWS and came < floor
    if (shrunk or (came == 0 and before.rows > 0)) and not load.accept_smaller:
        return "held"
    same_reading = (before.contract_version, before.mapping_version) == (
        load.contract_version,
        load.mapping_version,
    )
    if not load.force and same_reading and _same_rows(writer, contract, load, before, facts):
        return "unchanged"
    return "loaded"


def _same_rows(
    writer: Writer, contract: Contract, load: DayLoad, before: DayState, facts: FileFacts
) -> bool:
    """Whether both files hold the same rows, however often; load_id and observed_at aside."""
    old = day_files(writer, load.dataset, load.window_day)[load.window_day].path
    if before.rows != facts.rows or writer.layout.files.fetch([old]):
        return False
    return same_rows(writer.connection, contract, load.lake_path, old)


def _replace(writer: Writer, contract: Contract, load: DayLoad, facts: FileFacts) -> None:
    """The day's new file in place of its old one, and every row that this hides or uncovers."""
    old = day_files(writer, load.dataset, load.window_day).get(load.window_day)
    new = DayFile(
        load.window_day,
        load.lake_path,
        load.observed_at,
        facts.without_id,
        facts.duplicates,
        facts.first_id,
        facts.last_id,
    )
    writer.connection.execute(
        "DELETE FROM meta.days WHERE dataset = ? AND window_day = ?",
        [load.dataset, load.window_day],
    )
    insert_row(
        writer,
        "meta.days",
        {
            "dataset": load.dataset,
            "window_day": load.window_day,
            "load_id": load.load_id,
            "observed_at": load.observed_at,
            "checked_at": datetime.now(UTC),
            "rows": facts.rows,
            "rows_duplicate": facts.duplicates,
            "rows_hidden": 0,
            "rows_without_id": facts.without_id,
            "lake_file": writer.layout.relative(load.lake_path),
            "file_sha256": load.file_sha256,
            "contract_version": load.contract_version,
            "mapping_version": load.mapping_version,
            "first_id": facts.first_id,
            "last_id": facts.last_id,
        },
    )
    fill_quarantine(writer, load.dataset, load.window_day, load.load_id, load.quarantine_path)
    _show(writer, contract, new, [new, old] if old else [new])


def _observe_again(writer: Writer, contract: Contract, seen: Observation) -> None:
    """Move the day's observation on; where it shares rows with others, show the right ones."""
    day = day_files(writer, seen.dataset, seen.window_day)[seen.window_day]
    later = max(seen.observed_at, day.observed_at)
    writer.connection.execute(
        """UPDATE meta.days SET observed_at = ?, checked_at = ?, file_sha256 = ?
           WHERE dataset = ? AND window_day = ?""",
        [later, datetime.now(UTC), seen.file_sha256, seen.dataset, seen.window_day],
    )
    if _sharing(writer, contract, [day]):
        _show(writer, contract, replace(day, observed_at=later), [day])
        bump_revision(writer.connection)


def _sharing(writer: Writer, contract: Contract, touched: Sequence[DayFile]) -> list[DayFile]:
    """The other days that have a row of one of the touched files, which are of one day."""
    ranges = [(d.first_id, d.last_id) for d in touched if d.first_id and d.last_id]
    if not contract.identity or not ranges:
        return []
    among = files_among(writer, contract.dataset, ranges)
    others = [file for day, file in among.items() if day != touched[0].window_day]
    gone = writer.layout.files.fetch([day.path for day in (*touched, *others)])
    there = [day for day in touched if day.path not in gone]
    return days_sharing(writer.connection, contract, others, there)


def _show(writer: Writer, contract: Contract, day: DayFile, touched: Sequence[DayFile]) -> None:
    """Show the day and every day that shares a row with what it holds or held.

    The ledger tells already of `day` as it is from now on.
    """
    sharing = _sharing(writer, contract, touched)
    alone = touched == [day]  # then that is known already
    for shown in [day, *sharing]:
        others = sharing if shown is day and alone else _sharing(writer, contract, [shown])
        rows = show_day(writer.connection, contract, shown, others)
        writer.connection.execute(
            """UPDATE meta.days SET rows_hidden = rows - rows_duplicate - ?
               WHERE dataset = ? AND window_day = ?""",
            [rows, contract.dataset, shown.window_day],
        )


def _told(load: DayLoad) -> dict[str, object]:
    """What the ledger keeps of a file that was read."""
    return {
        "rows_outside_day": load.rows_outside_day,
        "rows_suppressed": load.rows_suppressed,
        "reasons": as_json(load.reasons),
        "notes": as_json(load.notes),
        "drift": load.drift,
    }


def _write_ledger(
    writer: Writer, seen: Observation, result: DayResult, told: Mapping[str, object]
) -> None:
    insert_row(
        writer,
        "meta.loads",
        {
            "load_id": seen.load_id,
            "dataset": seen.dataset,
            "window_day": seen.window_day,
            "outcome": result.outcome,
            "source": seen.source,
            "task_id": seen.task_id,
            "observed_at": seen.observed_at,
            "loaded_at": datetime.now(UTC),
            "file_sha256": seen.file_sha256,
            "file_bytes": seen.file_bytes,
            "rows_read": result.rows_read,
            "rows_loaded": result.rows_loaded,
            "rows_duplicate": result.rows_duplicate,
            "rows_quarantined": result.rows_quarantined,
            "contract_version": seen.contract_version,
            "mapping_version": seen.mapping_version,
            "flow_run_id": seen.flow_run_id,
            "export_seconds": seen.export_seconds,
            **told,
        },
    )
