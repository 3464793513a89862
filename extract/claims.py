"""One request's export, held by nobody else: start or take up, wait, locate, finish."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from extract.client import SmartConnectClient
from extract.coordination import Coordination, HeldRequest
from extract.errors import (
    ExportFailed,
    ExportTimedOut,
    RequestRefused,
    VendorBusy,
    VendorUnavailable,
)
from extract.instants import wall_clock
from extract.journal import Entry, ExportRequest, UsedExport
from extract.polling import Pace, Polling
from extract.replies import ExportTask

logger = logging.getLogger(__name__)
CLOCK_SLACK = timedelta(minutes=1)
# A vendor that is away for a minute doesn't cost a day whose export may run for an hour.
POLLS_THAT_MAY_FAIL = 3
# What a dead run's task can answer when it is of no use any more.
LOST = (ExportFailed, RequestRefused, VendorBusy)


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


@dataclass(frozen=True)
class Surroundings:
    """What all claims of a run share. `run_deadline` is of the monotonic clock."""

    client: SmartConnectClient
    coordination: Coordination
    polling: Polling
    run_deadline: float
    pace: Pace = field(default_factory=Pace)


class Claim:
    """The right to export one request; made by `ExportJobs.claim`, which says what it means."""

    def __init__(
        self,
        jobs: Surroundings,
        held: HeldRequest,
        request: ExportRequest,
        started_after: datetime | None,
        not_before: datetime | None,
    ) -> None:
        self._jobs = jobs
        self._held = held
        self._request = request
        self._started_after = started_after
        self._not_before = not_before
        self._found: ReadyExport | None = None
        self._relocated = False

    async def locate(self) -> ReadyExport:
        """Take up the journalled export or start one, and wait for its location.

        A task taken up that the vendor has lost, or can't finish, is replaced by a new one, once.

        Raises:
            ExportFailed: the vendor says so, of an export started just now.
            ExportTimedOut: no location (or no free slot) in time; the journal keeps the task.
            LeaseLost: the request was held over several machines, and another may hold it now.
            ExtractError: whatever the calls raise.
        """
        async with self._slot():
            entry = self._resumable(await self._held.entry())
            if entry is not None:
                logger.info("%s: export task %d is taken up", self._request.about, entry.task_id)
                try:
                    return await self._wait(entry, resumed=True)
                except LOST:
                    logger.info("%s: that task is of no use any more", self._request.about)
            return await self._fresh()

    async def relocate(self) -> ReadyExport:
        """Another location, where the file of the first is gone: asked for once per claim.

        The same task is asked again; where it has no other location, a new export is started.

        Raises:
            ExportFailed: it was asked for before.
            ExtractError: as `locate` does.
        """
        found = self._found
        if found is None:
            return await self.locate()
        if self._relocated:
            raise ExportFailed(
                "export",
                f"{self._request.about}, export task {found.task_id}",
                "the file is gone from its second location as well",
                "Run again later; what was loaded before stays as it is.",
            )
        self._relocated = True
        async with self._slot():
            with suppress(*LOST):
                ready = await self._wait(
                    Entry(found.task_id, found.started_at, found.started_at), resumed=found.resumed
                )
                if ready.location != found.location:
                    return ready
            return await self._fresh()

    def finish(self) -> None:
        """The export is used up: no later run takes it up, once the claim has ended."""
        self._held.finish()
        sys.audit("smartconnect.point", "extract.claims.finished")

    def finish_later(self) -> UsedExport | None:
        """The export is used up, but is taken up by a later run until `ExportJobs.forget`.

        For whoever has yet to see that what was made of it is where all machines find it.
        """
        return self._held.finish_later()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """One of the vendor's jobs, from before the start until there is a location."""
        stack = AsyncExitStack()
        try:
            await stack.enter_async_context(
                self._jobs.coordination.slots.one(self._jobs.run_deadline)
            )
            free = True
        except TimeoutError:
            free = False
        if not free:
            raise self._timed_out("no export slot was free until the run's deadline")
        async with stack:
            yield

    async def _fresh(self) -> ReadyExport:
        entry = await self._start()
        try:
            return await self._wait(entry, resumed=False)
        except ExportFailed:
            self.finish()  # the vendor has given it up: no later run waits for it
            raise

    def _resumable(self, entry: Entry | None) -> Entry | None:
        """A dead run's export that is fresh enough.

        One that was started in the future (the clock was set back since) isn't: nobody can tell
        how old it is, and whether its day had ended.
        """
        if entry is None or (self._started_after and entry.clock_at < self._started_after):
            return None
        return entry if entry.clock_at <= wall_clock() + CLOCK_SLACK else None

    async def _start(self) -> Entry:
        """Start an export; its task_id is on the disk when this returns."""
        request, client = self._request, self._jobs.client
        clock_at = wall_clock()
        started_at = await self._jobs.coordination.instants.next(self._not_before)
        self._held.require()
        if request.dataset == "chats":
            reply = await client.start_chats_export(
                request.date_from,
                request.date_to,
                uid=request.uid,
                category=request.category,
                name=request.name,
            )
            sys.audit("smartconnect.point", "extract.claims.chats-started")
        else:
            reply = await client.start_statistics_export(request.date_from, request.date_to)
            sys.audit("smartconnect.point", "extract.claims.statistics-started")
        entry = Entry(reply.task_id, started_at, clock_at)
        await self._held.keep(entry)
        sys.audit("smartconnect.point", "extract.claims.journalled")
        return entry

    async def _wait(self, entry: Entry, *, resumed: bool) -> ReadyExport:
        polling, began, polls = self._jobs.polling, time.monotonic(), 0
        deadline = min(began + polling.job_deadline_seconds, self._jobs.run_deadline)
        failed_polls = 0
        while True:
            task, polls = None, polls + 1
            try:
                task = await self._poll(entry.task_id)
                failed_polls = 0
            except VendorUnavailable:
                failed_polls += 1
                if failed_polls > POLLS_THAT_MAY_FAIL:
                    raise
                logger.warning("%s: the vendor does not answer, waiting on", self._request.about)
            elapsed = time.monotonic() - began
            self._held.require()
            if task is not None and task.location:
                if not resumed:
                    self._jobs.pace.note(self._request.dataset, elapsed)
                self._found = ReadyExport(
                    self._request,
                    entry.task_id,
                    task.location,
                    entry.started_at,
                    resumed,
                    elapsed,
                    polls,
                )
                return self._found
            wait = polling.wait_seconds(
                elapsed,
                task.retry_after_seconds if task else None,
                None if resumed else self._jobs.pace.expected_seconds(self._request.dataset),
            )
            if time.monotonic() + wait > deadline:
                raise self._timed_out(
                    f"no location after {elapsed:.0f} s, at {polls} polls", entry.task_id
                )
            await asyncio.sleep(wait)

    async def _poll(self, task_id: int) -> ExportTask:
        client = self._jobs.client
        if self._request.dataset == "chats":
            return await client.get_chats_export_task(task_id, about=self._request.about)
        return await client.get_statistics_export_task(task_id, about=self._request.about)

    def _timed_out(self, came: str, task_id: int | None = None) -> ExportTimedOut:
        task = "" if task_id is None else f", export task {task_id}"
        return ExportTimedOut(
            "export",
            self._request.about + task,
            came,
            "A task that was started is kept, and the next run goes on waiting for it; raise "
            "SMARTCONNECT_EXPORT_DEADLINE_SECONDS or SMARTCONNECT_RUN_DEADLINE_SECONDS if exports "
            "take longer than that.",
        )
