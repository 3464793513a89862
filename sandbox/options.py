"""How the sandbox behaves: each option is one of the vendor's unpublished habits, or its data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sandbox.faults import FAULTS, Fault

__all__ = ["FAULTS", "ColumnChange", "Fault", "SandboxOptions"]


@dataclass(frozen=True)
class ColumnChange:
    """A column of the export files that changes its name from `since` on; without `old`, a new one.

    A vendor may change its files at any time (whether it does is not published).
    """

    new: str
    old: str | None = None
    since: date | None = None

    @classmethod
    def parse(cls, text: str) -> ColumnChange:
        """`NEW` or `OLD=NEW`, each with `:dd.mm.yyyy` or without; ValueError for anything else."""
        names, _, day = text.partition(":")
        old, equals, new = names.rpartition("=")
        if not new or (equals and not old):
            raise ValueError(f"{text!r} is neither NEW nor OLD=NEW")
        since = datetime.strptime(day, "%d.%m.%Y").date() if day else None  # noqa: DTZ007
        return cls(new, old or None, since)


@dataclass(frozen=True)
class SandboxOptions:
    """See `python -m sandbox --help` for each of them. Durations are seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    token: str = "sandbox-token"  # noqa: S105  (opens invented data alone)
    seed: int = 1
    export_seconds: float = 0.0
    max_running: int = 8
    over_limit: str = "queue"
    format: str = "csv"
    delimiter: str = ";"
    encoding: str = "utf-8"
    wrap: str = "none"
    headers: str = "ru"
    selection: str = "message"
    date_to: str = "inclusive"
    pending_status: int = 200
    location: str = "absolute"
    download_needs_token: bool = False
    time_zone: str = "Europe/Moscow"
    today: date | None = None
    messages_per_day: int = 400
    users_change: bool = True
    corpus: Path | None = None
    corpus_start: date | None = None
    record: Path | None = None
    callback_url: str | None = None
    faults: tuple[Fault, ...] = field(default=())
    column_changes: tuple[ColumnChange, ...] = field(default=())
    elsewhere: str = "http://169.254.169.254/latest/meta-data"

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.time_zone)

    def now(self) -> datetime:
        """The sandbox's clock: nothing is dated after it. Company-local, naive."""
        real = datetime.now(self.zone).replace(tzinfo=None)
        return real if self.today is None else datetime.combine(self.today, real.time())
