"""Where everything lives: the only maker of paths below the data directory."""

from __future__ import annotations

from datetime import date
from pathlib import Path


class Places:
    """The paths below one data directory; nothing is made or looked at here.

    Args:
        root: its path.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).resolve()

    @property
    def raw(self) -> Path:
        """The vendor's bytes."""
        return self.root / "raw"

    @property
    def incoming(self) -> Path:
        """Downloads under way, on the same file system as `raw`."""
        return self.state / "incoming"

    @property
    def lake(self) -> Path:
        """Typed rows, one file a day and load."""
        return self.root / "lake"

    @property
    def quarantine(self) -> Path:
        """Records that were not loaded."""
        return self.root / "quarantine"

    @property
    def extracts(self) -> Path:
        """Named extracts, private."""
        return self.root / "extracts"

    @property
    def reports(self) -> Path:
        """Reports for people, as private as `open_report` makes them."""
        return self.root / "reports"

    @property
    def inbox(self) -> Path:
        """Callbacks as they came, until they are in `raw`."""
        return self.root / "inbox"

    @property
    def state(self) -> Path:
        """What is ours alone."""
        return self.root / "state"

    @property
    def journal(self) -> Path:
        """Exports under way."""
        return self.state / "journal"

    @property
    def locks(self) -> Path:
        """Locks between runs."""
        return self.state / "locks"

    @property
    def outbox(self) -> Path:
        """What is being sent, or may have been."""
        return self.state / "outbox"

    @property
    def deliveries(self) -> Path:
        """Which reports were sent by e-mail, or may have been."""
        return self.state / "deliveries"

    @property
    def store(self) -> Path:
        """What we are known by on the object store, and what was swept there."""
        return self.state / "store"

    @property
    def calls(self) -> Path:
        """How many calls of the API were made on a day."""
        return self.state / "calls"

    @property
    def database(self) -> Path:
        """The writer's database."""
        return self.state / "warehouse.duckdb"

    @property
    def building(self) -> Path:
        """Releases and lake files under way."""
        return self.state / "building"

    @property
    def spare(self) -> Path:
        """The Parquet trees of a release that went, for the next one."""
        return self.state / "spare"

    @property
    def releases(self) -> Path:
        """Published releases."""
        return self.root / "releases"

    @property
    def current(self) -> Path:
        """The link to the release that readers see."""
        return self.root / "current"

    def raw_folder(self, dataset: str, date_from: date, date_to: date) -> Path:
        """Where the export files of a window are."""
        return self.raw / dataset / f"{date_from.isoformat()}_{date_to.isoformat()}"

    def raw_note(self, raw_file: Path) -> Path:
        """Where it stands when a raw file was observed."""
        return raw_file.with_name(f"{raw_file.name.partition('.')[0]}.seen.json")

    def lake_file(self, dataset: str, window_day: date, load_id: str) -> Path:
        """A load's typed rows."""
        return self.lake / dataset / f"window_day={window_day.isoformat()}" / f"{load_id}.parquet"

    def report_folder(self, kind: str, first: date, last: date) -> Path:
        """Where the report of a period is: `day/2026-02-01`, `month/2026-02`, `week/…_…`."""
        name = f"{first.isoformat()}_{last.isoformat()}"
        if kind in ("day", "month"):
            name = first.isoformat() if kind == "day" else f"{first:%Y-%m}"
        return self.reports / kind / name

    def quarantine_file(self, dataset: str, load_id: str) -> Path:
        """A load's rejected records."""
        return self.quarantine / dataset / f"{load_id}.parquet"

    def relative(self, path: Path) -> str:
        """A path below the root as the ledger keeps it."""
        return path.resolve().relative_to(self.root).as_posix()
