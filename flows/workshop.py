"""A process that prepares days for runs elsewhere: one event loop, and each run opened once in it.

A cluster calls tasks in threads of its own. Together they use one client, one queue for the
vendor's jobs and one count of calls, as the days of a run on one machine do.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flows.run import Run

LINGER_SECONDS = 5.0  # days of a run follow each other
T = TypeVar("T")
Opening = Callable[[], AbstractAsyncContextManager[Run]]


@dataclass
class _Bench:
    """A run that is open here, and how many days use it."""

    run: asyncio.Future[Run]
    users: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)


class _Workshop:
    """The loop in its thread, made by the first who needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._benches: dict[str, _Bench] = {}
        self._keepers: set[asyncio.Task[None]] = set()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it in the loop, and wait for it in the calling thread."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_forever, name="workshop", daemon=True
                ).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @asynccontextmanager
    async def bench(self, name: str, opening: Opening) -> AsyncIterator[Run]:
        """A run that all who name it alike have in common; closed some time after the last."""
        bench = self._benches.get(name)
        if bench is None:
            bench = self._benches[name] = _Bench(asyncio.get_running_loop().create_future())
            keeper = asyncio.create_task(self._keep(name, bench, opening))
            self._keepers.add(keeper)
            keeper.add_done_callback(self._keepers.discard)
        bench.users += 1
        try:
            yield await asyncio.shield(bench.run)
        finally:
            bench.users -= 1
            if not bench.users:
                asyncio.get_running_loop().call_later(LINGER_SECONDS, self._leave, name, bench)

    async def _keep(self, name: str, bench: _Bench, opening: Opening) -> None:
        """Open and close within one task, as a run wants it."""
        try:
            async with opening() as run:
                bench.run.set_result(run)
                await bench.closing.wait()
        except Exception as error:  # noqa: BLE001  (whoever waits for the run is told)
            self._benches.pop(name, None)
            if not bench.run.done():
                bench.run.set_exception(error)

    def _leave(self, name: str, bench: _Bench) -> None:
        if not bench.users and self._benches.get(name) is bench:
            del self._benches[name]
            bench.closing.set()


_HERE = _Workshop()


def do(work: Coroutine[Any, Any, T]) -> T:
    """Do it in this process's loop, and wait for it in the calling thread."""
    return _HERE.do(work)


def bench(name: str, opening: Opening) -> AbstractAsyncContextManager[Run]:
    """A run open in this process; within `do` alone."""
    return _HERE.bench(name, opening)
