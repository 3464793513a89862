"""Where rows come from, what a company says of its files, and what is reported of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from transform.dateformats import DateFormat

# Which messages an export of a day brings: those of that day, or those of threads begun that day.
# Not published: found out by the caller, who says None while it is unknown.
Selection = Literal["message", "thread"]


@dataclass(frozen=True)
class Origin:
    """What is known of every row of one export before it is read.

    Args:
        window_day: the day the export was asked for, company-local.
        observed_at: when the export was started; timezone-aware.
        load_id: the load that the rows belong to.
        time_zone: the company's IANA time zone (not published: a setting).
    """

    window_day: date
    observed_at: datetime
    load_id: str
    time_zone: str

    def __post_init__(self) -> None:
        if self.observed_at.tzinfo is None:
            raise ValueError("observed_at needs a time zone")


@dataclass(frozen=True)
class Rules:
    """A company's own words about its files, and how much may be wrong before a load stops.

    Args:
        mapping: header → field, part or "extra"; beats every alias.
        month_first: dates are written month first (04/23/2026); never guessed.
        date_format: how dates are written, where a company says just that; None: find out.
        max_quarantined_share: of the records read; above it the load stops.
        max_quarantined_rows: of one load, so that memory stays bounded; above it the load stops.
        tolerated_rows: so many quarantined records never stop a load, whatever their share.
        max_outside_share: of the rows; where more lie outside the day asked for, the load stops.
        min_rows_judged: with fewer rows, nothing is concluded from those outside the day.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    month_first: bool = False
    date_format: DateFormat | None = None
    max_quarantined_share: float = 0.2
    max_quarantined_rows: int = 100_000
    tolerated_rows: int = 20
    max_outside_share: float = 0.5
    min_rows_judged: int = 10


@dataclass(frozen=True)
class Report:
    """What normalising one export came to; holds counts, headers and moments, no values.

    Attributes:
        rows_read: records of the file: rows_out + rows_quarantined.
        rows_quarantined: the reader's rejects and the records that break the contract.
        rows_outside_day: rows whose own day isn't window_day; kept.
        rows_before_day: of these, the ones of earlier days.
        rows_ambiguous_time: rows whose local time happened twice (a clock set back).
        rows_without_time: rows with a bare date, read as midnight (spreadsheets drop a midnight).
        columns: header → field, part or "extra".
        first_at: the earliest moment of the rows, company-local; None without rows.
        last_at: the latest one.
        date_format: how the file writes its dates.
        reasons: reason → quarantined records.
        notes: what a person should know about the columns.
    """

    dataset: str
    rows_read: int = 0
    rows_out: int = 0
    rows_quarantined: int = 0
    rows_outside_day: int = 0
    rows_before_day: int = 0
    rows_ambiguous_time: int = 0
    rows_without_time: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    first_at: datetime | None = None
    last_at: datetime | None = None
    date_format: str | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
