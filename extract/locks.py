"""Locks across processes on one host, dropped by the kernel when their holder dies.

A claim is one holder per request; slots bound how many of the vendor's jobs run at once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LONGEST_NAP_SECONDS = 0.5


def try_lock(path: Path) -> FileLock | None:
    """The lock on `path`, or None if another holds it."""
    lock = FileLock(path, thread_local=False, mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock


class NamedLock:
    """A lock whose holder leaves its name beside it, for whoever waits.

    Args:
        folder: where locks live; made if missing.
        key: the file's name.
        holder: who we are, for others' messages: no personal data.
    """

    def __init__(self, folder: Path, key: str, holder: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{key}.lock"
        self._note = folder / f"{key}.holder"
        self._holder = holder

    def held_by(self) -> str:
        """Who said to hold it last."""
        try:
            return self._note.read_text(encoding="utf-8")
        except OSError:
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
        return lock


class JobSlots:
    """At most `count` of the vendor's jobs at once, over all processes that share `folder`.

    Args:
        folder: holds one lock file a slot.
        count: how many.
    """

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._paths = [folder / f"slot-{number}.lock" for number in range(count)]
        self._ours = asyncio.Semaphore(count)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a slot within the block; waits for one, and can be cancelled."""
        async with self._ours:
            lock = await self._free_slot()
            try:
                yield
            finally:
                lock.release()

    async def _free_slot(self) -> FileLock:
        nap = 0.02
        while True:
            for path in random.sample(self._paths, len(self._paths)):
                if (lock := try_lock(path)) is not None:
                    return lock
            await asyncio.sleep(nap)
            nap = min(nap * 1.5, LONGEST_NAP_SECONDS)
