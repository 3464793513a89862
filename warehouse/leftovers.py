"""What killed runs left behind, removed by the next run once nobody can be using it.

Every run holds `state/runs.lock` with others for as long as it lives; the kernel drops it when it
dies, however it dies. A run that holds it alone knows that whatever is half done is a dead one's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.database import Writer
from warehouse.disk import on_disk
from warehouse.errors import WriterBusy
from warehouse.layout import PRIVATE_FILE, DataDirectory
from warehouse.walking import files_at

NOTE, PARQUET = ".seen.json", ".parquet"
LOOK_SECONDS = 0.05
WAIT_SECONDS = 60.0  # for another run's sweeping, which takes moments


class Presence:
    """A living run; made by `present`."""

    def __init__(self, layout: DataDirectory, descriptor: int) -> None:
        self._layout = layout
        self._descriptor = descriptor

    def share(self) -> None:
        """Be one of the living.

        Raises:
            WriterBusy: another run sweeps without end.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while not self._lock(fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                raise WriterBusy(
                    f"Another run has been clearing {self._layout.state} for {WAIT_SECONDS:g} "
                    "seconds: let it end, or stop it, then run again."
                )
            time.sleep(LOOK_SECONDS)

    def sweep(self, writer: Writer) -> list[Path]:
        """Remove what dead runs left, if no other run lives; for the beginning of a run.

        Returns:
            What was removed.
        """
        if not self._lock(fcntl.LOCK_EX):
            self.share()
            return []
        try:
            with on_disk("clear what a killed run left"):
                found = list(_leftovers(writer))
                for path in found:
                    _remove(path)
                return found
        finally:
            self.share()

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def present(layout: DataDirectory) -> Iterator[Presence]:
    """Be a living run within the block; the directory is initialised.

    Raises:
        DirectoryUnusable: the lock can't be made.
        WriterBusy: another run sweeps without end.
    """
    with on_disk("begin a run"):
        descriptor = os.open(
            layout.state / "runs.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE
        )
        sys.audit("smartconnect.point", "warehouse.leftovers.lock-made")
    try:
        presence = Presence(layout, descriptor)
        presence.share()
        yield presence
    finally:
        os.close(descriptor)


def _leftovers(writer: Writer) -> Iterator[Path]:
    """Whatever no finished run leaves; nobody else lives, and the writer's lock is held."""
    layout = writer.layout
    yield from layout.incoming.iterdir()
    yield from layout.building.iterdir()
    if layout.staging().root.exists():
        yield layout.staging().root
    yield from layout.root.glob(".current.*")
    for folder in (layout.root, layout.lake, layout.releases, layout.quarantine, layout.raw):
        yield from folder.glob(".probe.*")
    yield from (layout.root / "inbox").glob(".probe.*")
    for folder in (
        layout.state,
        layout.journal,
        layout.calls,
        layout.outbox,
        layout.deliveries,
    ):
        yield from (path for path in folder.glob(".*") if path.is_file() and path.name != ".key")
    yield from layout.locks.rglob(".*")
    yield from layout.reports.glob("*/*/.*")
    yield from _never_loaded(writer)
    yield from _unneeded_raw(writer)


def _never_loaded(writer: Writer) -> Iterator[Path]:
    """Files of loads that are in no ledger: their run died before it could load them."""
    layout = writer.layout
    rows = writer.connection.execute("SELECT load_id FROM meta.loads").fetchall()
    known = {str(row[0]) for row in rows}
    if not known:  # a database made anew knows nothing of what is there
        return
    for folder, names in (*files_at(layout.lake, 2), *files_at(layout.quarantine, 1)):
        for name in names:
            if name.endswith(PARQUET) and name.removesuffix(PARQUET) not in known:
                yield Path(folder, name)


def _unneeded_raw(writer: Writer) -> Iterator[Path]:
    """Raw files of which nobody noted when they were observed, and which no day was loaded from;
    and what was about to become one.

    Nothing could ever load them; their export is in the journal and comes again. What retention
    had begun to remove goes, too.
    """
    layout = writer.layout
    rows = writer.connection.execute("SELECT DISTINCT file_sha256 FROM meta.loads").fetchall()
    known = {str(row[0]) for row in rows}
    gone = writer.connection.execute("SELECT file_sha256 FROM meta.removed_files").fetchall()
    needed = known - {str(row[0]) for row in gone}
    for folder, names in files_at(layout.raw, 2):
        for name in names:
            stem = name.partition(".")[0]
            noted = name.endswith(NOTE) or f"{stem}{NOTE}" in names
            if name.startswith(".") or (known and not noted and stem not in needed):
                yield Path(folder, name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        sys.audit("smartconnect.point", "warehouse.leftovers.folder-removed")
    else:
        path.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "warehouse.leftovers.file-removed")
