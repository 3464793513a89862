"""An export file in raw/ → typed rows in the lake: what every run and a rebuild do alike."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flows.settings import Selection
from transform.datasets import DATASETS
from transform.drift import Drift, find_drift
from transform.mapping import MappingFile
from transform.normalise import Origin, normalise_export
from transform.privacy import Privacy
from transform.readers import open_export
from transform.rules import Report
from warehouse.database import Writer
from warehouse.lake import write_lake_file, write_quarantine
from warehouse.layout import DataDirectory
from warehouse.ledger import columns_before
from warehouse.raw import RawObservation


@dataclass(frozen=True)
class ExportedDay:
    """An export file in raw/: what was asked, when, and what came.

    `rows_suppressed` are of persons erased by then, `erasures` how many erasures that were.
    """

    dataset: str
    day: date
    path: Path
    sha256: str
    size_bytes: int
    task_id: int | None
    observed_at: datetime
    export_seconds: float
    source: str = "export"
    rows_suppressed: int = 0
    erasures: int = 0


@dataclass(frozen=True)
class Reading:
    """How this company's files are read."""

    time_zone: str
    selection: Selection
    mapping: MappingFile
    privacy: Privacy = field(default_factory=Privacy)

    def version(self, dataset: str) -> str:
        """A word for how a dataset's files are read; a day read under another one is read again."""
        shield = self.privacy.of(DATASETS[dataset]).version
        return self.mapping.of(dataset).version + (f"+{shield}" if shield else "")


@dataclass(frozen=True)
class NormalisedDay:
    """A day's typed rows in the lake, not yet loaded. Rows of the file = out + quarantined."""

    exported: ExportedDay
    load_id: str
    lake_path: Path
    quarantine_path: Path | None
    report: Report


def kept_day(raw: RawObservation, erasures: int = 0) -> ExportedDay:
    """A file of raw/ that is read again, as old as its export."""
    return ExportedDay(
        raw.dataset,
        raw.window_day,
        raw.path,
        raw.sha256,
        raw.size_bytes,
        raw.task_id,
        raw.observed_at,
        export_seconds=0.0,  # nothing was exported now
        source="raw",
        rows_suppressed=raw.rows_suppressed,
        erasures=erasures,
    )


def new_load_id(observed_at: datetime) -> str:
    """A load's name: sorted by when its export was started, and never twice the same."""
    return f"{observed_at.astimezone(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"


def normalise_file(layout: DataDirectory, exported: ExportedDay, reading: Reading) -> NormalisedDay:
    """Read an export file and write its typed rows into the lake of `layout`.

    Raises:
        transform.errors.TransformError: the file can't be read truthfully.
    """
    dataset, mapping = DATASETS[exported.dataset], reading.mapping.of(exported.dataset)
    load_id = new_load_id(exported.observed_at)
    origin = Origin(exported.day, exported.observed_at, load_id, reading.time_zone)
    expect = None if reading.selection == "unknown" else reading.selection
    export = open_export(exported.path, mapping.source, whole=True)  # or it would not be kept
    normalised = normalise_export(
        export,
        dataset,
        origin,
        expect=expect,
        rules=mapping.rules(),
        shield=reading.privacy.of(dataset),
    )
    lake = write_lake_file(
        layout,
        normalised.schema,
        normalised,
        dataset=exported.dataset,
        window_day=exported.day,
        load_id=load_id,
    )
    quarantine = write_quarantine(
        layout, normalised.quarantine, dataset=exported.dataset, load_id=load_id
    )
    return NormalisedDay(exported, load_id, lake.path, quarantine, normalised.report)


def drift_of(
    writer: Writer, dataset: str, columns: Mapping[str, str], observed_at: datetime
) -> Drift:
    """What changed in a file's columns since the load that was observed before it."""
    before = columns_before(writer, dataset, observed_at)
    return find_drift(before, columns, DATASETS[dataset])


def observation(exported: ExportedDay, reading: Reading, flow_run_id: str) -> dict[str, Any]:
    """What a `DayLoad` or `DayConfirmation` says of the export."""
    return {
        "dataset": exported.dataset,
        "window_day": exported.day,
        "observed_at": exported.observed_at,
        "file_sha256": exported.sha256,
        "file_bytes": exported.size_bytes,
        "task_id": exported.task_id,
        "contract_version": DATASETS[exported.dataset].version,
        "mapping_version": reading.version(exported.dataset),
        "flow_run_id": flow_run_id,
        "export_seconds": exported.export_seconds,
        "source": exported.source,
    }


def loaded_file(day: NormalisedDay, drift: Drift) -> dict[str, Any]:
    """What a `DayLoad` says of the file, beside its observation."""
    report = day.report
    return {
        "load_id": day.load_id,
        "lake_path": day.lake_path,
        "quarantine_path": day.quarantine_path,
        "rows_read": report.rows_read + day.exported.rows_suppressed,
        "rows_quarantined": report.rows_quarantined,
        "rows_suppressed": day.exported.rows_suppressed,
        "rows_outside_day": report.rows_outside_day,
        "columns": report.columns,
        "reasons": report.reasons,
        "notes": report.notes,
        "drift": drift.as_json() if drift else None,
    }
