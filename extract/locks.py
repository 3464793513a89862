"""Locks across processes on one host, dropped by the kernel when their holder dies.

A claim (`NamedLock`) is one holder per request. How many exports run at once: `extract.slots`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from extract.errors import DiskUnusable

LONGEST_NAP_SECONDS = 0.5


def try_lock(path: Path) -> FileLock | None:
    """The lock on `path`, or None if another holds it. Never blocks.

    Raises:
        DiskUnusable: the file can't be made, or its file system has no locks that die with their
            holder.
    """
    lock = FileLock(path, thread_local=False, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
        sys.audit("smartconnect.point", "extract.locks.locked")
    except Timeout:
        return None
    except OSError as error:
        problem = os.strerror(error.errno or 0)
    else:
        return lock
    raise unusable("the folder of locks", problem)


def private_folder(folder: Path, what: str) -> Path:
    """`folder`, made if missing, mode 0700, and proven to be writable.

    Raises:
        DiskUnusable: it is not; found before anything is asked of the vendor.
    """
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sys.audit("smartconnect.point", "extract.locks.folder-made")
        probe.write_bytes(b"")
        sys.audit("smartconnect.point", "extract.locks.probe-written")
        probe.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "extract.locks.probe-removed")
    except OSError as error:
        problem = os.strerror(error.errno or 0)
    else:
        return folder
    raise unusable(what, problem)


def unusable(what: str, problem: str) -> DiskUnusable:
    """The error for a folder of ours that the disk refuses; `problem` as the system names it."""
    cure = "Free space or correct the folder's owner and mode, then run again."
    return DiskUnusable("disk", what, f"the disk answers {problem!r}", cure)


class NamedLock:
    """A lock whose holder leaves its name beside it, for whoever waits.

    Args:
        folder: where locks live; it exists.
        key: the file's name.
        holder: who we are, for others' messages: no personal data.
    """

    def __init__(self, folder: Path, key: str, holder: str) -> None:
        self._path = folder / f"{key}.lock"
        self._note = folder / f"{key}.holder"
        self._holder = holder

    def held_by(self) -> str:
        """Who said to hold it last."""
        try:
            return self._note.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return "an unknown run"

    async def acquire(self, wait_seconds: float) -> FileLock | None:
        """Wait at most `wait_seconds`; None if another holds it for longer. Can be cancelled."""
        deadline = time.monotonic() + wait_seconds
        nap = 0.02
        while (lock := try_lock(self._path)) is None:
            if time.monotonic() >= deadline:
                return None
            await asyncio.sleep(nap)
            nap = min(nap * 1.5, LONGEST_NAP_SECONDS)
        with suppress(OSError):
            self._note.write_text(self._holder, encoding="utf-8")
            sys.audit("smartconnect.point", "extract.locks.holder-noted")
        return lock
