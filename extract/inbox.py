"""The inbox: what SmartConnect called us with, durable before it is acknowledged.

Many requests share one fsync: whatever comes while one is under way goes with the next.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from extract.inboxsegments import OPEN, PRIVATE_MODE, Received, Segment, seal_abandoned

SEAL_REQUEST = "seal-now"
TICK_SECONDS = 0.5


def request_seal(folder: Path, wait_seconds: float) -> bool:
    """Have sealed what is open now, a living receiver's too; whether it is.

    What comes meanwhile goes into another segment, which may stay open.
    """
    deadline = time.monotonic() + wait_seconds
    seal_abandoned(folder)
    waiting, request = list(folder.glob(f"*{OPEN}")), folder / SEAL_REQUEST
    while waiting := [path for path in waiting if path.exists()]:
        if time.monotonic() > deadline:
            return False
        request.touch(mode=PRIVATE_MODE)
        sys.audit("smartconnect.point", "extract.inbox.seal-requested")
        time.sleep(TICK_SECONDS / 5)
        seal_abandoned(folder)
    return True


class Inbox:
    """Writes segments into a folder, for one process.

    Args:
        folder: the inbox.
        seal_seconds: a segment that is older is sealed.
        seal_bytes: one that is larger, too.
    """

    def __init__(self, folder: Path, *, seal_seconds: float, seal_bytes: int) -> None:
        self._folder = folder
        self._seal_seconds = seal_seconds
        self._seal_bytes = seal_bytes
        self._segment: Segment | None = None
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._came = asyncio.Event()
        self._disk = ThreadPoolExecutor(1, "inbox")
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def keep(self, received: Received) -> None:
        """Returns once it is durable.

        Raises:
            OSError: the disk refused it: it isn't kept.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((received.line(), future))
        self._came.set()
        await future

    async def __aenter__(self) -> Inbox:
        seal_abandoned(self._folder)
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._came.set()
        if self._task is not None:
            await self._task
        self._disk.shutdown()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._came.wait()
            except TimeoutError:
                pass
            self._came.clear()
            batch, self._waiting = self._waiting, []
            failure = await loop.run_in_executor(self._disk, self._commit, batch)
            for _, future in batch:
                if future.done():
                    continue
                if failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(failure)
            if self._closing and not self._waiting:
                await loop.run_in_executor(self._disk, self._seal)
                return

    def _commit(self, batch: list[tuple[bytes, asyncio.Future[None]]]) -> OSError | None:
        """Write a batch with one fsync, and seal where it is time to; the failure, if any."""
        try:
            if batch:
                if self._segment is None:
                    self._segment = Segment(self._folder)
                self._segment.append(b"".join(line for line, _ in batch))
        except OSError as error:
            self._give_up()
            return error
        self._seal_if_due()
        return None

    def _give_up(self) -> None:
        """After a failure nobody knows what the file holds: it goes as it is, another begins."""
        try:
            self._seal()
        except OSError:
            if self._segment is not None:
                os.close(self._segment.descriptor)  # whoever finds it seals it
                self._segment = None

    def _seal_if_due(self) -> None:
        segment, request = self._segment, self._folder / SEAL_REQUEST
        asked = request.exists()
        try:
            if segment is not None and (
                asked
                or segment.size_bytes >= self._seal_bytes
                or time.monotonic() - segment.began >= self._seal_seconds
            ):
                self._seal()
            if asked:
                request.unlink(missing_ok=True)
                sys.audit("smartconnect.point", "extract.inbox.request-answered")
        except OSError:
            pass  # what was asked to be kept is kept; sealing is tried again

    def _seal(self) -> None:
        if self._segment is not None:
            self._segment.seal()
            self._segment = None
