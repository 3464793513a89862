"""What runs agree upon before they export: who exports what, how many at once, and since when.

Runs of one host agree by lock files and folders (`LocalCoordination`), runs of several machines by
shared documents (`extract.sharedexports`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from extract.errors import ClaimedElsewhere
from extract.instants import Instants
from extract.journal import Entry, ExportRequest, Journal, UsedExport
from extract.locks import NamedLock, private_folder
from extract.slots import JobSlots


class HeldRequest(Protocol):
    """A request that nobody else exports meanwhile, and its place in the journal.

    Every method may raise LeaseLost where the request is held over several machines.
    """

    def require(self) -> None:
        """Go on only as the holder."""

    async def entry(self) -> Entry | None:
        """The export under way, where there is one to rely on."""

    async def keep(self, entry: Entry) -> None:
        """Make the entry durable."""

    def finish(self) -> None:
        """Forget the entry, by the end of the claim at the latest."""

    def finish_later(self) -> UsedExport | None:
        """Leave the entry for whoever forgets it later (`Coordination.forget`)."""


class Slots(Protocol):
    """The vendor's jobs."""

    def one(self, deadline: float | None = None) -> AbstractAsyncContextManager[None]:
        """Hold one within the block; TimeoutError where none was free until the deadline."""


class Order(Protocol):
    """Instants that only rise."""

    async def next(self, at_least: datetime | None = None) -> datetime:
        """Now, and later than every one given out before and than `at_least`."""


class Coordination(Protocol):
    """How the runs of a company agree."""

    @property
    def slots(self) -> Slots:
        """How many exports run at once."""

    @property
    def instants(self) -> Order:
        """When an export was started."""

    def claim(
        self, request: ExportRequest, wait_seconds: float
    ) -> AbstractAsyncContextManager[HeldRequest]:
        """Hold a request within the block.

        Raises:
            ClaimedElsewhere: another run holds it for longer than `wait_seconds`.
        """

    def under_way(self, requests: Sequence[ExportRequest]) -> list[bool]:
        """For each, whether a run started it and nobody has used it up. Blocks."""

    async def forget(self, used: Iterable[UsedExport]) -> None:
        """Forget exports that were used up."""


class LocalCoordination:
    """Runs of one host.

    Args:
        journal_dir: where task_ids are kept.
        locks_dir: where claims and slots are.
        vendor: the base URL.
        max_jobs: how many exports may run at the vendor at once.
        holder: this run's name.

    Raises:
        DiskUnusable: a folder can't be written.
    """

    def __init__(
        self, journal_dir: Path, locks_dir: Path, *, vendor: str, max_jobs: int, holder: str
    ) -> None:
        self._journal = Journal(journal_dir, vendor)
        self.slots: Slots = JobSlots(locks_dir / "slots", max_jobs)
        self.instants: Order = Instants(locks_dir / "instants")
        self._claims_dir = private_folder(locks_dir / "claims", "the folder of locks")
        self._holder = holder

    @asynccontextmanager
    async def claim(
        self, request: ExportRequest, wait_seconds: float
    ) -> AsyncIterator[HeldRequest]:
        """See `Coordination`."""
        named = NamedLock(self._claims_dir, self._journal.key(request), self._holder)
        lock = await named.acquire(wait_seconds)
        if lock is None:
            raise claimed_elsewhere(request, named.held_by(), wait_seconds)
        try:
            yield _LocallyHeld(self._journal, request)
        finally:
            lock.release()

    def under_way(self, requests: Sequence[ExportRequest]) -> list[bool]:
        """See `Coordination`."""
        return [self._journal.read(request) is not None for request in requests]

    async def forget(self, used: Iterable[UsedExport]) -> None:
        """See `Coordination`."""
        for export in used:
            self._journal.remove_used(export)


class _LocallyHeld:
    """A request whose lock file is ours: the kernel takes it from nobody who lives."""

    def __init__(self, journal: Journal, request: ExportRequest) -> None:
        self._journal, self._request = journal, request

    def require(self) -> None:
        """A lock is never lost."""

    async def entry(self) -> Entry | None:
        return self._journal.read(self._request)

    async def keep(self, entry: Entry) -> None:
        self._journal.write(self._request, entry)

    def finish(self) -> None:
        self._journal.remove(self._request)

    def finish_later(self) -> UsedExport | None:
        entry = self._journal.read(self._request)
        if entry is None:
            return None
        return UsedExport(self._journal.key(self._request), entry.task_id)


def claimed_elsewhere(request: ExportRequest, by: str, wait_seconds: float) -> ClaimedElsewhere:
    """The error for a request that another run holds."""
    return ClaimedElsewhere(
        "claim",
        request.about,
        f"{by} has been exporting it for longer than {wait_seconds:g} s",
        "Wait for that run to end, or stop it, then run again.",
    )
