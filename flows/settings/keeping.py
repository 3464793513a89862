"""Where data is kept, for how long, and who may read it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field


class KeepingSettings(BaseModel):
    """The data directory, the writer, retention, personal data."""

    data_dir: Path = Field(
        Path("data"),
        description="Where everything is kept; each of several companies in `company=<key>` there.",
    )
    mapping_file: Path = Field(
        Path("mapping.toml"),
        description="What the company says of its files (docs/mapping.md); may be absent.",
    )
    reporting_file: Path = Field(
        Path("reporting.toml"),
        description="Working hours, holidays, teams and targets that figures are told by "
        "(docs/reporting-file.md); may be absent.",
    )
    claim_wait_seconds: float = Field(
        7200, ge=0, description="How long to wait for another run that exports the same day."
    )
    writer_wait_seconds: float = Field(
        1800, ge=0, description="How long to wait for another run that loads."
    )
    publish_every_seconds: float = Field(
        300, ge=0, description="A long run publishes what it has loaded this often."
    )
    hold_below_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A day that comes back with a smaller share of its rows is held.",
    )
    keep_releases: int = Field(5, ge=2, description="Releases kept for readers and rollback.")
    keep_free_mb: int = Field(
        200,
        ge=0,
        description="A run that would leave less space than this free, in MB, doesn't begin; 0: "
        "nothing is checked.",
    )
    warn_days_left: int = Field(
        30, ge=0, description="A nightly warns where the disk is full in fewer days than this."
    )
    keep_runs_days: int = Field(
        90,
        ge=1,
        description="Prefect's own database forgets runs, their logs and artifacts after so many "
        "days (`smartconnect up`); the ledger `meta.loads` never does.",
    )
    keep_raw_days: int | None = Field(
        None,
        ge=1,
        description="Export files are removed from `raw/` so many days after they came, if their "
        "rows are loaded; forever without it (docs/runbooks/retention.md).",
    )
    keep_quarantine_days: int | None = Field(
        None, ge=1, description="Rejected records are removed after so many days; never without it."
    )
    published_group: str | None = Field(
        None, description="The group that may read releases; without it, everyone on the host."
    )
    personal: dict[str, Literal["keep", "pseudonymise", "drop"]] = Field(
        default_factory=dict,
        description="What becomes of personal fields, as JSON: "
        '`{"client_phone": "pseudonymise", "name": "drop"}` (docs/personal-data.md).',
    )
    personal_key_file: Path | None = Field(
        None,
        description="The key for pseudonyms: outside the data, mode 0600; made by "
        "`smartconnect personal-key`.",
    )
    publish_personal: bool = Field(
        True, description="Whether releases hold the personal columns; the lake is private if not."
    )
    compact: Literal["none", "months"] = Field(
        "none",
        description="Whether releases hold a file a month beside a file a day, `months/`, for "
        "readers of years (README); their Parquet takes twice the space then.",
    )
    memory_limit_mb: int = Field(250, ge=64, description="DuckDB's memory while loading, in MB.")
