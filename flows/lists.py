"""A list (users, their details, channel accounts), kept in raw/ as it came → typed and
loaded with its history; runs and rebuilds.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from flows.reading import Reading, drift_of, new_load_id
from transform.datasets import DATASETS
from transform.drift import Drift, refuse_drift
from transform.normalise import Origin, normalise_records
from transform.records import NormalisedTable
from warehouse.database import Writer
from warehouse.disk import on_disk
from warehouse.lake import write_quarantine
from warehouse.layout import DataDirectory
from warehouse.ledger import as_json
from warehouse.raw import RawObservation, note_observation, store_raw
from warehouse.snapshots import SnapshotResult, load_snapshot

Record = dict[str, Any]


@dataclass(frozen=True)
class NormalisedList:
    """A list's typed rows, not yet loaded."""

    raw: RawObservation
    load_id: str
    rows: NormalisedTable
    quarantine_path: Path | None
    source: str


def keep_list(
    layout: DataDirectory, dataset: str, records: Sequence[Record], day: date, observed_at: datetime
) -> RawObservation:
    """Write the reply's list into raw/, durably, as a JSON array."""
    content = json.dumps(records, ensure_ascii=False).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    incoming = layout.incoming / f"{dataset}-{os.urandom(8).hex()}.part"
    with on_disk("keep a list"):
        incoming.write_bytes(content)
    sys.audit("smartconnect.point", "flows.lists.list-written")
    path = store_raw(
        layout,
        incoming,
        dataset=dataset,
        date_from=day,
        date_to=day,
        sha256=sha256,
        suffix=".json",
    )
    seen = RawObservation(
        dataset=dataset,
        window_day=day,
        path=path,
        sha256=sha256,
        size_bytes=len(content),
        observed_at=observed_at,
    )
    note_observation(layout, seen)
    return seen


def normalise_list(
    layout: DataDirectory, raw: RawObservation, reading: Reading, *, source: str = "list"
) -> NormalisedList:
    """Type a kept list; what breaks the contract goes to the quarantine of `layout`.

    Raises:
        transform.errors.TransformError: the list can't be read truthfully.
    """
    dataset = DATASETS[raw.dataset]
    load_id = new_load_id(raw.observed_at)
    origin = Origin(raw.window_day, raw.observed_at, load_id, reading.time_zone)
    records = json.loads(raw.path.read_bytes())
    rules = reading.mapping.of(dataset.name).rules()
    shield = reading.privacy.of(dataset)
    rows = normalise_records(records, dataset, origin, rules=rules, shield=shield)
    rejected = write_quarantine(layout, rows.quarantine, dataset=dataset.name, load_id=load_id)
    return NormalisedList(raw, load_id, rows, rejected, source)


def load_list(
    writer: Writer,
    done: NormalisedList,
    reading: Reading,
    *,
    flow_run_id: str,
    accept_smaller: bool,
    hold_below_share: float,
    stop_at_drift: bool = True,
) -> tuple[SnapshotResult, Drift]:
    """Load a list in one transaction, its ledger row included; says what changed in its columns.

    Raises:
        transform.contract_errors.SchemaDrift: its columns changed, and that is to stop it.
    """
    raw, report, dataset = done.raw, done.rows.report, DATASETS[done.raw.dataset]
    drift = drift_of(writer, dataset.name, report.columns, raw.observed_at)
    if stop_at_drift:
        refuse_drift(drift, dataset, reading.mapping.of(dataset.name))
    result = load_snapshot(
        writer,
        dataset.arrow_schema(),
        done.rows.table,
        snapshot_date=raw.window_day,
        observed_at=raw.observed_at,
        load_id=done.load_id,
        flow_run_id=flow_run_id,
        accept_smaller=accept_smaller,
        hold_below_share=hold_below_share,
        columns=report.columns,
        quarantine_path=done.quarantine_path,
        told={
            "source": done.source,
            "file_sha256": raw.sha256,
            "file_bytes": raw.size_bytes,
            "rows_read": report.rows_read,
            "rows_quarantined": report.rows_quarantined,
            "contract_version": dataset.version,
            "mapping_version": reading.version(dataset.name),
            "reasons": as_json(report.reasons),
            "notes": as_json(report.notes),
            "drift": drift.as_json() if drift else None,
        },
    )
    return result, drift
