"""What a run tells Prefect's server on its way, none of which is worth a day's data.

The server may be gone in the middle of a run. Its client then tries for a minute, and raises; the
run goes on, loads and publishes, and says at its end in the log what the server wasn't told.
"""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from prefect.artifacts import acreate_markdown_artifact
from prefect.logging import get_logger

from flows.settings import selected_company

logger = get_logger("smartconnect")
PATIENCE_SECONDS = 30.0
# After a failure the next telling waits so long, or each would cost the run its patience.
SILENCE_SECONDS = 60.0


class _Server:
    """Whether Prefect's server could be told something lately; of this process."""

    silent_until = 0.0


async def tell(telling: Coroutine[Any, Any, object]) -> bool:
    """Do it, if the server answers; a warning if not. Whether it was done."""
    if time.monotonic() < _Server.silent_until:
        telling.close()
        return False
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await telling
    except Exception as error:  # noqa: BLE001  (whatever it is: the data matters more)
        _Server.silent_until = time.monotonic() + SILENCE_SECONDS
        logger.warning(
            "Prefect's server could not be told (%s). The run goes on; its log and the "
            "warehouse say what came of it.",
            type(error).__name__,
        )
        return False
    _Server.silent_until = 0.0
    return True


def artifact_key(name: str) -> str:
    """An artifact's key: Prefect shows the latest of each, so a company has its own."""
    company = selected_company()
    return f"{name}-{company}" if company else name


async def leave_artifact(key: str, markdown: str) -> bool:
    """A Markdown artifact in Prefect's UI, if the server answers."""
    return await tell(acreate_markdown_artifact(markdown=markdown, key=artifact_key(key)))


def forget_untold() -> None:
    """Let the process end soon where the server is gone: nobody takes its events any more.

    Prefect would try each of them for seven seconds before it lets the process end: hours, after
    a long run. Where Prefect keeps them is its own affair; if it moves, they are tried as before.
    """
    if time.monotonic() >= _Server.silent_until:
        return
    with suppress(ImportError, AttributeError):
        from prefect.events.worker import EventsWorker  # noqa: PLC0415  (there is no public way)

        services: Any = EventsWorker
        for worker in tuple(services._instances.values()):
            if isinstance(worker, EventsWorker):
                _empty(worker._queue)


def _empty(waiting: queue.Queue[Any]) -> None:
    with suppress(queue.Empty):
        while True:
            waiting.get_nowait()
            waiting.task_done()
