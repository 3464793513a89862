"""Export jobs: start, wait, location; for many jobs at once and over crashes.

async with jobs.claim(request) as claim:     # nobody else exports this request meanwhile
    ready = await claim.locate()             # a dead run's task is taken up where there is one
    …download, read, load…
    claim.finish()                           # used up: the next run starts a new export
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from extract.claims import Claim, ReadyExport, Surroundings
from extract.client import SmartConnectClient
from extract.errors import ClaimedElsewhere
from extract.instants import Instants
from extract.journal import ExportRequest, Journal
from extract.locks import NamedLock, private_folder
from extract.polling import Polling
from extract.slots import JobSlots

__all__ = ["Claim", "ExportJobs", "ExportRequest", "Polling", "ReadyExport"]


class ExportJobs:
    """Starts and follows exports; shared by all days of a run, within one event loop.

    Args:
        client: an entered client.
        journal_dir: where task_ids are kept.
        locks_dir: where claims and slots are, shared by all runs of the company on this host.
        max_jobs: how many exports may run at the vendor at once, over all these runs.
        polling: how patiently.
        holder: this run's name, for whoever waits for it.
        claim_wait_seconds: how long to wait for another run that exports the same request.

    Raises:
        DiskUnusable: journal or locks can't be written; before any export is started.
    """

    def __init__(
        self,
        client: SmartConnectClient,
        journal_dir: Path,
        locks_dir: Path,
        *,
        max_jobs: int,
        polling: Polling,
        holder: str,
        claim_wait_seconds: float = 7200,
    ) -> None:
        self._shared = Surroundings(
            client,
            Journal(journal_dir, str(client.options.base)),
            JobSlots(locks_dir / "slots", max_jobs),
            Instants(locks_dir / "instants"),
            polling,
            time.monotonic() + polling.run_deadline_seconds,
        )
        self._claims_dir = private_folder(locks_dir / "claims", "the folder of locks")
        self._holder = holder
        self._claim_wait_seconds = claim_wait_seconds

    def is_under_way(self, request: ExportRequest) -> bool:
        """Whether a run started it and nobody has used it up."""
        return self._shared.journal.read(request) is not None

    def used_up(self, request: ExportRequest) -> None:
        """An export that was loaded, whoever had started it: no later run takes it up."""
        self._shared.journal.remove(request)
        sys.audit("smartconnect.point", "extract.exports.used-up")

    async def observed_now(self, not_before: datetime | None = None) -> datetime:
        """The instant of what is asked for now, later than every one before (`Instants.next`)."""
        return await self._shared.instants.next(not_before)

    @asynccontextmanager
    async def claim(
        self,
        request: ExportRequest,
        *,
        started_after: datetime | None = None,
        not_before: datetime | None = None,
    ) -> AsyncIterator[Claim]:
        """Be the only one, over all processes, to export `request` within the block.

        Args:
            request: what to export.
            started_after: a dead run's export is taken up only if it was started at this instant
                or later (timezone-aware); None takes up any.
            not_before: a new export is dated after this instant, whatever the clock says: what is
                known of the dataset already.

        Raises:
            ValueError: `started_after` has no time zone.
            ClaimedElsewhere: another run holds it for longer than `claim_wait_seconds`.
        """
        if started_after is not None and started_after.tzinfo is None:
            raise ValueError("started_after has no time zone")
        named = NamedLock(self._claims_dir, self._shared.journal.key(request), self._holder)
        lock = await named.acquire(self._claim_wait_seconds)
        if lock is None:
            raise ClaimedElsewhere(
                "claim",
                request.about,
                f"{named.held_by()} has been exporting it for longer than "
                f"{self._claim_wait_seconds:g} s",
                "Wait for that run to end, or stop it, then run again.",
            )
        try:
            yield Claim(self._shared, request, started_after, not_before)
        finally:
            lock.release()
