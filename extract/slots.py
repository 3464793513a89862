"""At most so many of the vendor's jobs at once, over all processes of a host, and fairly.

A slot is a lock file, freed by the kernel when its holder dies. Within a process waiters queue up;
only the first of them looks at the files. Between processes the one whose first waiter has waited
longest comes next: without that, a long backfill would take each slot it gives back at once, and a
nightly beside it would starve.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from extract.locks import private_folder, try_lock

LOOK_SECONDS = 0.05
# A process that is stopped (or busy for long) must not keep the others from slots that are free.
SILENT_SECONDS = 3.0


class JobSlots:
    """At most `count` at once, over all processes that share `folder`; within one event loop.

    Runs with different counts may share a folder: one with 2 uses the first two slots only, and
    all together never hold more than the largest count.

    Args:
        folder: holds the lock files; made if missing.
        count: how many.

    Raises:
        DiskUnusable: the folder can't be written.
    """

    def __init__(self, folder: Path, count: int) -> None:
        if count < 1:
            raise ValueError(f"max_jobs is {count}: at least one export must be allowed")
        private_folder(folder, "the folder of locks")
        self._waiting = private_folder(folder / "waiting", "the folder of locks")
        self._paths = [folder / f"slot-{number:02d}.lock" for number in range(count)]
        for path in self._waiting.glob("*.ticket"):
            _is_alive(path)  # what a killed process left goes
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def one(self, deadline: float | None = None) -> AsyncIterator[None]:
        """Hold a slot within the block. Can be cancelled.

        Args:
            deadline: of the monotonic clock; None waits for ever.

        Raises:
            TimeoutError: none was free until then.
        """
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        async with asyncio.timeout(wait):
            lock = await self._next()
        try:
            yield
        finally:
            lock.release()
            self._freed.set()

    async def _next(self) -> FileLock:
        async with self._turn:
            lock = self._free(ticket=None)
            if lock is not None:
                return lock
            with self._ticket() as ticket:
                while (lock := self._free(ticket)) is None:
                    os.utime(ticket)
                    self._freed.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await self._freed.wait()
                return lock

    @contextmanager
    def _ticket(self) -> Iterator[Path]:
        """A place in the queue of processes; its name sorts by when the waiting began."""
        lock = None
        while lock is None:  # another process may take an unlocked newborn for a dead one's
            # The monotonic clock is the same for all processes of a host, and is never set back.
            name = f"{time.monotonic_ns():020d}-{len(self._paths):03d}-{os.urandom(4).hex()}.ticket"
            path = self._waiting / name
            lock = try_lock(path)
            sys.audit("smartconnect.point", "extract.slots.ticket-taken")
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
            sys.audit("smartconnect.point", "extract.slots.ticket-removed")
            lock.release()

    def _free(self, ticket: Path | None) -> FileLock | None:
        """A slot that nobody holds and nobody has waited for longer.

        The last ones first, so that runs with a smaller count find theirs free.
        """
        for path in reversed(self._paths[self._spoken_for(ticket) :]):
            lock = try_lock(path)
            if lock is not None:
                return lock
        return None

    def _spoken_for(self, ticket: Path | None) -> int:
        """How many slots, from the first on, are those of processes that waited longer."""
        counts = [0]
        for path in self._waiting.glob("*.ticket"):
            if (ticket is None or path.name < ticket.name) and _is_alive(path):
                counts.append(int(path.name.split("-")[1]))
        return max(counts)


def _is_alive(ticket: Path) -> bool:
    """Whether somebody waits with this ticket; a dead one's is removed."""
    with suppress(FileNotFoundError):
        silent_seconds = abs(time.time() - ticket.stat().st_mtime)
        lock = try_lock(ticket)
        if lock is None:
            return silent_seconds <= SILENT_SECONDS
        ticket.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "extract.slots.dead-ticket-removed")
        lock.release()
    return False
