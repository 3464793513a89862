"""Where everything lives: the only maker of paths below the data directory.

`raw`, `state`, `quarantine` and `inbox` are private to their owner; `lake` and `releases` share
inodes, so they share one mode: read-only, for everyone on the host or for one group. Where releases
are published without the personal columns, they share none, and the lake is private too. Reports
name operators: they are the owner's, and the group's where there is one.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from datetime import date
from pathlib import Path

from warehouse.durable import PRIVATE_DIR, PRIVATE_FILE, publish_bytes, sync
from warehouse.errors import DirectoryUnusable, OtherOrigin
from warehouse.files import Files, LocalFiles

__all__ = ["PRIVATE_DIR", "PRIVATE_FILE", "DataDirectory", "publish_bytes", "sync"]


class DataDirectory:
    """One company's data directory (or the sandbox's).

    Args:
        root: its path.
        group: the group that may read what is published; everyone on the host if None.
        personal_published: whether releases hold the personal columns. If not, the lake, which
            has them, is private.
        months_published: whether releases hold a file a month beside those of days.
        company: the key of one of several companies.

    Attributes:
        files: what keeps its files for all machines; those of this machine alone, if nobody says.
    """

    def __init__(
        self,
        root: Path,
        group: str | None = None,
        *,
        personal_published: bool = True,
        months_published: bool = False,
        company: str | None = None,
    ) -> None:
        self.root = Path(root).resolve()
        self.group = group
        self.personal_published = personal_published
        self.months_published = months_published
        self.files: Files = LocalFiles()
        self.company = company

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

    def raw_notes(self, dataset: str, day: date | None = None) -> dict[Path, bytes]:
        """The notes of a dataset's raw files, or of those whose window begins on `day`."""
        begins = f"{day.isoformat()}_" if day else ""
        return self.files.documents(self.raw / dataset, begins, ".seen.json")

    def staging(self) -> DataDirectory:
        """A data directory of its own in which a rebuild is made, on the same file system."""
        return DataDirectory(
            self.state / "rebuild",
            self.group,
            personal_published=self.personal_published,
            months_published=self.months_published,
            company=self.company,
        )

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

    def initialise(self, origin: str) -> None:
        """Make the directory where there is none, for `origin` and the company alone, and prove it
        can be written. What was the only company's so far becomes the company's that is named.

        Args:
            origin: the vendor's host, or `sandbox`.

        Raises:
            DirectoryUnusable: it can't be made or written.
            OtherOrigin: it holds another origin's data, or another company's.
            WarehouseError: as `Files.prepare` has them, where files are shared.
        """
        wanted = {"origin": origin} | ({"company": self.company} if self.company else {})
        try:
            self._make()
            known = self._owner()
            if known is None or known.items() < wanted.items():
                publish_bytes(self._owner_file, json.dumps(wanted).encode())
                sys.audit("smartconnect.point", "warehouse.layout.origin-kept")
                known = wanted
        except OSError as error:
            raise DirectoryUnusable(
                f"The data directory can't be written: {error.filename or self.root} answers "
                f"{os.strerror(error.errno or 0)!r}. Correct its owner and mode, free space, or "
                "set SMARTCONNECT_DATA_DIR. Nothing was started."
            ) from None
        if known != wanted:
            raise OtherOrigin(
                f"{self.root} holds data of {_told(known)}, and this run reads {_told(wanted)}: "
                "set SMARTCONNECT_DATA_DIR to a directory of its own."
            )
        self.files.prepare(_told(wanted))

    def _make(self) -> None:
        if not self.root.exists():
            self._make_root()
        private = (self.raw, self.quarantine, self.state, self.inbox)
        for folder in (*private, self.incoming, self.journal, self.locks, self.building):
            folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            sys.audit("smartconnect.point", "warehouse.layout.private-made")
            folder.chmod(PRIVATE_DIR)  # also where a server's log was here first
            sys.audit("smartconnect.point", "warehouse.layout.private-closed")
        for folder, set_mode in (
            (self.lake, self.open_lake),
            (self.releases, self.open_to_readers),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            sys.audit("smartconnect.point", "warehouse.layout.published-made")
            set_mode(folder)
            sys.audit("smartconnect.point", "warehouse.layout.published-opened")
        for folder in (self.root, *private, self.incoming, self.building, self.lake, self.releases):
            self._prove_writable(folder)
        sync(self.state)
        sync(self.root)

    def _make_root(self) -> None:
        """Make it aside and give it its name once readers may enter, whatever the umask.

        What is private in it has its own mode. A mode that the operator gave it stays. The folder
        that companies share is everyone's to enter: each company's has readers of its own.
        """
        shared = self.root.parent
        if self.company is not None and not shared.exists():
            self._make_open(shared, shared.with_name(f".{shared.name}.{os.getpid()}"))
        self._make_open(self.root, self.root.with_name(f".{self.root.name}.new"))

    def _make_open(self, folder: Path, beside: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        sys.audit("smartconnect.point", "warehouse.layout.parent-made")
        beside.mkdir(exist_ok=True)
        sys.audit("smartconnect.point", "warehouse.layout.root-made")
        readers = self if folder == self.root else DataDirectory(folder)
        readers.open_to_readers(beside)
        sys.audit("smartconnect.point", "warehouse.layout.root-opened")
        try:
            beside.rename(folder)
            sys.audit("smartconnect.point", "warehouse.layout.root-named")
        except OSError:
            if folder == self.root:
                raise
            beside.rmdir()  # another company's run was first
        sync(folder.parent)

    def _prove_writable(self, folder: Path) -> None:
        """Write a file into a folder, and see that what is in it is ours to change."""
        probe = folder / f".probe.{os.getpid()}"
        probe.write_bytes(b"\0")
        sys.audit("smartconnect.point", "warehouse.layout.probe-written")
        probe.unlink()
        sys.audit("smartconnect.point", "warehouse.layout.probe-removed")
        if folder in (self.raw, self.lake, self.quarantine):
            for path in (*folder.glob("*"), *folder.glob("*/*")):
                if path.is_dir() and not os.access(path, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    @property
    def origin(self) -> str:
        """Whose data this is: the vendor's host, and the company where there are several; the
        directory is initialised.
        """
        return _told(self._owner() or {})

    @property
    def vendor(self) -> str:
        """The vendor's host, or `sandbox`; the directory is initialised."""
        return (self._owner() or {}).get("origin", "")

    @property
    def _owner_file(self) -> Path:
        return self.state / "origin.json"

    def _owner(self) -> dict[str, str] | None:
        if not self._owner_file.exists():
            return None
        return dict(json.loads(self._owner_file.read_text(encoding="utf-8")))

    def is_open_lake(self, folder: Path) -> bool:
        """Whether a folder of the lake has its mode already."""
        public = 0o755 if self.group is None else 0o750
        wanted = public if self.personal_published else PRIVATE_DIR
        return folder.stat().st_mode & 0o777 == wanted

    def open_lake(self, path: Path) -> None:
        """Give a file or folder of the lake its mode: as a release's, if it holds the same rows."""
        if self.personal_published:
            self.open_to_readers(path)
            sys.audit("smartconnect.point", "warehouse.layout.lake-opened")
        else:
            path.chmod(PRIVATE_DIR if path.is_dir() else 0o400)
            sys.audit("smartconnect.point", "warehouse.layout.lake-closed")

    def make_lake_folders(self, folder: Path) -> None:
        """Make a day's folder of the lake and the one above it, durable and open to readers."""
        for part in (folder.parent, folder):
            if part.exists() and self.is_open_lake(part):
                continue
            part.mkdir(exist_ok=True)
            sys.audit("smartconnect.point", "warehouse.layout.lake-folder-made")
            self.open_lake(part)
            sys.audit("smartconnect.point", "warehouse.layout.lake-folder-opened")
            sync(part.parent)

    def open_to_readers(self, path: Path) -> None:
        """Give a published file or folder its mode and group."""
        everyone = self.group is None
        if path.is_dir():
            path.chmod(0o755 if everyone else 0o750)
            sys.audit("smartconnect.point", "warehouse.layout.folder-opened")
        else:
            path.chmod(0o444 if everyone else 0o440)
            sys.audit("smartconnect.point", "warehouse.layout.file-opened")
        if self.group is not None:
            shutil.chown(path, group=self.group)
            sys.audit("smartconnect.point", "warehouse.layout.group-given")

    def is_open(self, folder: Path) -> bool:
        """Whether a published folder has the mode and group that `open_to_readers` gives now."""
        status = folder.stat()
        if self.group is None:
            return status.st_mode & 0o777 == 0o755
        return status.st_mode & 0o777 == 0o750 and folder.group() == self.group

    def open_report(self, path: Path) -> None:
        """Give a report's file or folder its mode: it names operators, so not to everyone.

        The group that may read releases may read reports; without one, the owner alone.
        """
        if self.group is not None:
            shutil.chown(path, group=self.group)
            sys.audit("smartconnect.point", "warehouse.layout.report-given")
        folder, file = (PRIVATE_DIR, PRIVATE_FILE) if self.group is None else (0o750, 0o640)
        path.chmod(folder if path.is_dir() else file)
        sys.audit("smartconnect.point", "warehouse.layout.report-opened")


def _told(owner: dict[str, str]) -> str:
    """Whose data it is, for a person, and for whoever compares."""
    whose = f", company {owner['company']}" if "company" in owner else ""
    return owner.get("origin", "") + whose
