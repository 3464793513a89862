"""Export jobs: start, wait, location; for many jobs at once and over crashes.

async with jobs.claim(request) as claim:     # nobody else exports this request meanwhile
    ready = await claim.locate()             # a dead run's task is taken up where there is one
    …download, read, load…
    claim.finish()                           # used up: the next run starts a new export
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from extract.claims import Claim, ReadyExport, Surroundings
from extract.client import SmartConnectClient
from extract.coordination import Coordination, LocalCoordination
from extract.journal import ExportRequest, UsedExport
from extract.polling import Polling
from extract.sharedexports import SharedCoordination
from extract.sharing import Shared

__all__ = ["Claim", "ExportJobs", "ExportRequest", "Polling", "ReadyExport", "UsedExport"]


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
        shared: agree by it with runs of other machines, in place of the two folders.

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
        shared: Shared | None = None,
    ) -> None:
        vendor = str(client.options.base)
        agreed: Coordination
        if shared is None:
            agreed = LocalCoordination(
                journal_dir, locks_dir, vendor=vendor, max_jobs=max_jobs, holder=holder
            )
        else:
            agreed = SharedCoordination(shared, vendor=vendor, max_jobs=max_jobs)
        self._agreed = agreed
        self._shared = Surroundings(
            client, agreed, polling, time.monotonic() + polling.run_deadline_seconds
        )
        self._claim_wait_seconds = claim_wait_seconds

    def under_way(self, requests: Sequence[ExportRequest]) -> list[bool]:
        """For each, whether a run started it and nobody has used it up. Blocks."""
        return self._agreed.under_way(requests)

    async def forget(self, used: Iterable[UsedExport]) -> None:
        """Forget exports that were used up (`Claim.finish_later`), unless started again since."""
        await self._agreed.forget(used)

    async def observed_now(self, not_before: datetime | None = None) -> datetime:
        """The instant of what is asked for now, later than every one before (`Instants.next`)."""
        return await self._agreed.instants.next(not_before)

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
        async with self._agreed.claim(request, self._claim_wait_seconds) as held:
            yield Claim(self._shared, held, request, started_after, not_before)
