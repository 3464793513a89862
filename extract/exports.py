"""Export jobs: start, wait, location; for many jobs at once and over crashes.

async with jobs.claim(request) as claim:     # nobody else exports this request meanwhile
    ready = await claim.locate()             # a dead run's task is taken up where there is one
    …download, read, load…
    claim.finish()                           # used up: the next run starts a new export
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from extract.client import SmartConnectClient
from extract.errors import ClaimedElsewhere, ExportFailed, ExportTimedOut
from extract.journal import Entry, ExportRequest, Journal
from extract.locks import JobSlots, NamedLock
from extract.replies import ExportTask

__all__ = ["Claim", "ExportJobs", "ExportRequest", "Polling", "ReadyExport"]
logger = logging.getLogger(__name__)
SHARE_OF_ELAPSED = 0.08
JITTER = 0.1


@dataclass(frozen=True)
class Polling:
    """How patiently a location is waited for. Seconds.

    Args:
        first_seconds: the shortest wait between two polls.
        max_seconds: the longest one.
        job_deadline_seconds: for one export.
        run_deadline_seconds: for all exports of the run, from the making of `ExportJobs` on.
    """

    first_seconds: float = 0.2
    max_seconds: float = 30
    job_deadline_seconds: float = 3600
    run_deadline_seconds: float = 12 * 3600

    def wait_seconds(self, elapsed_seconds: float, asked_seconds: float | None) -> float:
        """Until the next poll: a share of what was waited so far, so that a short export is
        noticed at once and a long one isn't asked too often; Retry-After wins where it is longer.
        """
        wait = max(elapsed_seconds * SHARE_OF_ELAPSED, self.first_seconds, asked_seconds or 0)
        return min(wait, self.max_seconds) * random.uniform(1 - JITTER, 1)  # noqa: S311


@dataclass(frozen=True)
class ReadyExport:
    """An export whose file is ready.

    `started_at` (UTC) was taken before the start call: the file holds at least what the vendor
    knew then. `resumed`: a dead run had started it.
    """

    request: ExportRequest
    task_id: int
    location: str
    started_at: datetime
    resumed: bool
    waited_seconds: float
    polls: int

    def __repr__(self) -> str:  # the location may be signed
        return f"ReadyExport({self.request.about}, task {self.task_id})"


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
        self.client = client
        self.journal = Journal(journal_dir)
        self.slots = JobSlots(locks_dir / "slots", max_jobs)
        self.polling = polling
        self._claims_dir = locks_dir / "claims"
        self._holder = holder
        self._claim_wait_seconds = claim_wait_seconds
        self.run_deadline = time.monotonic() + polling.run_deadline_seconds

    @asynccontextmanager
    async def claim(
        self, request: ExportRequest, *, started_after: datetime | None = None
    ) -> AsyncIterator[Claim]:
        """Be the only one, over all processes, to export `request` within the block.

        Args:
            request: what to export.
            started_after: a dead run's export is taken up only if it was started after this.

        Raises:
            ClaimedElsewhere: another run holds it for longer than `claim_wait_seconds`.
        """
        named = NamedLock(self._claims_dir, self.journal.key(request), self._holder)
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
            yield Claim(self, request, started_after)
        finally:
            lock.release()


class Claim:
    """The right to export one request; made by `ExportJobs.claim`."""

    def __init__(
        self, jobs: ExportJobs, request: ExportRequest, started_after: datetime | None
    ) -> None:
        self._jobs = jobs
        self._request = request
        self._started_after = started_after

    async def locate(self) -> ReadyExport:
        """Take up the journalled export or start one, and wait for its location.

        Raises:
            ExportFailed: the vendor says so, of an export started just now.
            ExportTimedOut: no location in time; the journal keeps the task.
            ExtractError: whatever the calls raise.
        """
        async with self._jobs.slots.one():
            entry = self._resumable()
            if entry is not None:
                logger.info("%s: export task %d is taken up", self._request.about, entry.task_id)
                try:
                    return await self._wait(entry, resumed=True)
                except ExportFailed:
                    logger.info("%s: that task is of no use any more", self._request.about)
            return await self._wait(await self._start(), resumed=False)

    async def relocate(self) -> ReadyExport:
        """A new export in place of one whose file is gone or unusable."""
        self.finish()
        return await self.locate()

    def finish(self) -> None:
        """The export is used up: no later run takes it up."""
        self._jobs.journal.remove(self._request)

    def _resumable(self) -> Entry | None:
        entry = self._jobs.journal.read(self._request)
        if entry is None or (self._started_after and entry.started_at < self._started_after):
            return None
        return entry

    async def _start(self) -> Entry:
        """Start an export; its task_id is on the disk when this returns."""
        request, client = self._request, self._jobs.client
        started_at = datetime.now(UTC)
        if request.dataset == "chats":
            reply = await client.start_chats_export(
                request.date_from,
                request.date_to,
                uid=request.uid,
                category=request.category,
                name=request.name,
            )
        else:
            reply = await client.start_statistics_export(request.date_from, request.date_to)
        entry = Entry(reply.task_id, started_at)
        self._jobs.journal.write(request, entry)
        return entry

    async def _wait(self, entry: Entry, *, resumed: bool) -> ReadyExport:
        polling, began, polls = self._jobs.polling, time.monotonic(), 0
        deadline = min(began + polling.job_deadline_seconds, self._jobs.run_deadline)
        while True:
            task = await self._poll(entry.task_id)
            polls += 1
            elapsed = time.monotonic() - began
            if task.location:
                return ReadyExport(
                    self._request,
                    entry.task_id,
                    task.location,
                    entry.started_at,
                    resumed,
                    elapsed,
                    polls,
                )
            wait = polling.wait_seconds(elapsed, task.retry_after_seconds)
            if time.monotonic() + wait > deadline:
                raise self._timed_out(entry.task_id, elapsed)
            await asyncio.sleep(wait)

    async def _poll(self, task_id: int) -> ExportTask:
        client = self._jobs.client
        if self._request.dataset == "chats":
            return await client.get_chats_export_task(task_id, about=self._request.about)
        return await client.get_statistics_export_task(task_id, about=self._request.about)

    def _timed_out(self, task_id: int, elapsed_seconds: float) -> ExportTimedOut:
        return ExportTimedOut(
            "export",
            f"{self._request.about}, export task {task_id}",
            f"no location after {elapsed_seconds:.0f} s",
            "The task is kept, and the next run goes on waiting for it; raise "
            "SMARTCONNECT_EXPORT_DEADLINE_SECONDS if exports take longer than that.",
        )
