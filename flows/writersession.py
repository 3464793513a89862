"""The writer's database, for one run at a time: only this short step is exclusive among runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager

from flows.run import Run
from flows.stages import in_thread
from transform.datasets import DATASETS
from warehouse.database import Writer, open_writer
from warehouse.errors import WriterBusy

RETRY_SECONDS = 0.25


@asynccontextmanager
async def writer_session(run: Run, *, keep_log: bool = False) -> AsyncIterator[Writer]:
    """The writer's database, for this run alone; waits with a bound, and can be cancelled.

    Where machines share their data, it is this machine's turn among them as well. `keep_log`: of a
    step before publication, which makes the checkpoint.

    Raises:
        warehouse.errors.WriterBusy: another run holds it; the message names it.
    """
    async with AsyncExitStack() as stack:
        if run.turn is not None:
            await stack.enter_async_context(run.turn.session(run.settings.writer_wait_seconds))
        yield await stack.enter_async_context(_local_session(run, keep_log))


@asynccontextmanager
async def _local_session(run: Run, keep_log: bool) -> AsyncIterator[Writer]:
    """As `writer_session`, among the runs of this machine."""
    deadline = time.monotonic() + run.settings.writer_wait_seconds
    while True:
        session = open_writer(
            run.layout,
            holder=run.name,
            wait_seconds=0,
            schemas=[dataset.arrow_schema() for dataset in DATASETS.values()],
            memory_limit_mb=run.settings.memory_limit_mb,
            keep_log=keep_log,
        )
        try:
            writer = await _entered(session)
            break
        except WriterBusy:
            if time.monotonic() >= deadline:
                raise
            await asyncio.sleep(RETRY_SECONDS)
    try:
        yield writer
    finally:
        await in_thread(session.__exit__, None, None, None)


async def _entered(session: AbstractContextManager[Writer]) -> Writer:
    """Enter in a thread; who is cancelled meanwhile leaves again, the lock with him."""
    entered: list[Writer] = []

    def enter() -> None:
        entered.append(session.__enter__())

    try:
        await in_thread(enter)
    except asyncio.CancelledError:
        if entered:
            await in_thread(session.__exit__, None, None, None)
        raise
    return entered[0]
