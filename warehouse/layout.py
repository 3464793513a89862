"""A company's data directory: where everything lives in it, made, proven and one owner's alone.

`raw`, `state`, `quarantine` and `inbox` are private to their owner; what is published has the modes
of warehouse/modes.py.
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
from warehouse.modes import Modes
from warehouse.places import Places
from warehouse.walking import folders_below

__all__ = ["PRIVATE_DIR", "PRIVATE_FILE", "DataDirectory", "publish_bytes", "sync"]


class DataDirectory(Places):
    """One company's data directory (or the sandbox's).

    Args:
        root: its path.
        group: the group that may read what is published; everyone on the host if None.
        personal_published: whether releases hold the personal columns. If not, the lake, which
            has them, is private.
        months_published: whether releases hold a file a month beside those of days.
        company: the key of one of several companies.

    Attributes:
        modes: what opens files and folders to their readers.
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
        super().__init__(root)
        self.modes = Modes(group, personal_published)
        self.personal_published = personal_published
        self.months_published = months_published
        self.files: Files = LocalFiles()
        self.company = company

    def raw_notes(self, dataset: str, day: date | None = None) -> dict[Path, bytes]:
        """The notes of a dataset's raw files, or of those whose window begins on `day`."""
        begins = f"{day.isoformat()}_" if day else ""
        return self.files.documents(self.raw / dataset, begins, ".seen.json")

    def staging(self) -> DataDirectory:
        """A data directory of its own in which a rebuild is made, on the same file system."""
        return DataDirectory(
            self.state / "rebuild",
            self.modes.group,
            personal_published=self.personal_published,
            months_published=self.months_published,
            company=self.company,
        )

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
            (self.lake, self.modes.open_lake),
            (self.releases, self.modes.open_to_readers),
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
        readers = self.modes if folder == self.root else Modes()
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
            for path in folders_below(folder, levels=2):
                if not os.access(path, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

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

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder and all that is in it; it loses its name first: it is whole, or gone."""
        beside = self.building / f"gone-{os.urandom(8).hex()}"
        folder.rename(beside)
        sys.audit("smartconnect.point", "warehouse.layout.folder-unnamed")
        sync(folder.parent)
        shutil.rmtree(beside)
        sys.audit("smartconnect.point", "warehouse.layout.folder-removed")
        sync(self.building)


def _told(owner: dict[str, str]) -> str:
    """Whose data it is, for a person, and for whoever compares."""
    whose = f", company {owner['company']}" if "company" in owner else ""
    return owner.get("origin", "") + whose
