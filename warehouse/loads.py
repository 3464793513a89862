"""What a load of a day is, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Observation:
    """An export of one day that was looked at. Sizes in bytes, times in UTC."""

    dataset: str
    window_day: date
    load_id: str
    observed_at: datetime
    file_sha256: str
    file_bytes: int
    task_id: int | None
    contract_version: str
    flow_run_id: str
    export_seconds: float
    mapping_version: str = ""
    source: str = "export"


@dataclass(frozen=True, kw_only=True)
class DayConfirmation(Observation):
    """The very file that the day holds came again."""


@dataclass(frozen=True, kw_only=True)
class DayLoad(Observation):
    """A day's rows in the lake, ready to be loaded.

    Args:
        lake_path: typed rows, of the schema given to `load_day`.
        quarantine_path: rejected records (line, reason, raw), if there are any.
        rows_read: records that came: rows of the lake file + rows_quarantined + rows_suppressed.
        rows_quarantined: rejected ones.
        rows_suppressed: those of erased persons, which were never kept.
        rows_outside_day: rows dated on another day.
        columns: header → field of the file, in its order.
        reasons: reason → quarantined records.
        notes: what a person should know of the columns.
        drift: what changed in the columns, as JSON; None: nothing.
        force: load the same content anew.
        accept_smaller: load it though it is far smaller than before.
        hold_below_share: below this share of the former rows a day is held.
    """

    lake_path: Path
    quarantine_path: Path | None
    rows_read: int
    rows_quarantined: int
    rows_outside_day: int
    rows_suppressed: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    drift: str | None = None
    force: bool = False
    accept_smaller: bool = False
    hold_below_share: float = 0.5


@dataclass(frozen=True)
class DayResult:
    """What became of a load: loaded, unchanged, held or superseded. rows_* are of its file."""

    outcome: str
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_quarantined: int
    previous_rows: int
