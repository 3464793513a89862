"""At most so many of the vendor's jobs at once, over all machines, and fairly.

One document says how many each run holds and wants. A process takes several at once and hands them
on among its own waiters without a word to anybody; it looks at the document only while some of its
own wait, or where it has more than it uses. Runs that want more share evenly: who holds more than
its part gives back what gets free, and where there are more runs than slots they take turns.
What a dead run held is free once its session has run out.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from extract.documents import Content, changed
from extract.errors import ExtractError
from extract.leases import Lease
from extract.sharing import Shared

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.4
_SLOTS = "slots"


@dataclass(frozen=True)
class Ours:
    """What this process wants: jobs at most, jobs under way, and waiters besides."""

    count: int
    used: int
    waiting: int


@dataclass(frozen=True)
class Granted:
    """What it holds by the document, and how many of these it may still use."""

    held: int
    may_use: int


class SharedSlots:
    """See `extract.coordination.Slots`; within one event loop.

    Runs with different counts share one document: those with 2 or less never hold more than two
    together, whatever others hold besides.
    """

    def __init__(self, shared: Shared, count: int) -> None:
        if count < 1:
            raise ValueError(f"max_jobs is {count}: at least one export must be allowed")
        self._shared, self._count = shared, count
        self._session: Lease | None = None
        self._granted = Granted(0, 0)
        self._used = 0
        self._waiting: deque[asyncio.Future[Lease]] = deque()
        self._looking: asyncio.Task[None] | None = None
        shared.at_end(self._close)

    @asynccontextmanager
    async def one(self, deadline: float | None = None) -> AsyncIterator[None]:
        """See `Slots`. Can be cancelled."""
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        async with asyncio.timeout(wait):
            session = await self._next()
        try:
            yield
        finally:
            self._leave(session)

    async def _next(self) -> Lease:
        turn: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._serve()
        try:
            if not turn.done():
                self._look()
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(turn.result())
            else:
                turn.cancel()
            raise

    def _leave(self, session: Lease) -> None:
        if session is not self._session:
            return  # of a session that was lost: its slots are counted no more
        self._used -= 1
        self._serve()
        if self._used != self._granted.held:
            self._look()

    def _serve(self) -> None:
        """Hand what may be used to those who wait here, the first first."""
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        session = self._session
        if session is None or not session.held:
            return
        while self._waiting and self._used < self._granted.may_use:
            turn = self._waiting.popleft()
            if not turn.done():
                self._used += 1
                turn.set_result(session)

    def _look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_until_content())

    async def _look_until_content(self) -> None:
        while True:
            try:
                await self._agree()
            except ExtractError as error:  # who waits has a deadline
                logger.warning("How many exports may run isn't known now: %s", error)
            self._serve()
            if not self._waiting and self._used == self._granted.held:
                return
            await asyncio.sleep(LOOK_SECONDS * random.uniform(0.7, 1))  # noqa: S311

    async def _agree(self) -> None:
        session = await self._shared.session()
        if session is not self._session:
            self._session, self._granted, self._used = session, Granted(0, 0), 0
        waiting = sum(not turn.done() for turn in self._waiting)
        ours = Ours(self._count, self._used, waiting)
        # Until it is told otherwise, no more are used than were told of.
        self._granted = Granted(self._granted.held, min(self._granted.may_use, self._used))
        self._granted = await self._shared.threads(self._change, session.key, ours)

    def _change(self, session_key: str, ours: Ours) -> Granted:
        granted = Granted(0, 0)

        def agreed(said: Content) -> Content | None:
            nonlocal granted
            after, granted = shared_out(said, session_key, ours, self._shared.gone)
            before = {name: value for name, value in said.items() if name != "word"}
            return None if after == before else after

        changed(self._shared.documents, _SLOTS, agreed)
        return granted

    async def _close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        session, self._session = self._session, None
        if session is not None and session.held and self._granted.held:
            with suppress(ExtractError):
                await self._shared.threads(self._change, session.key, Ours(self._count, 0, 0))


def shared_out(
    said: Content, me: str, ours: Ours, gone: Callable[[Iterable[str]], set[str]]
) -> tuple[Content, Granted]:
    """What the document shall say, and what is granted by it.

    Args:
        said: what it says: each run's `count`, `held`, `wants` (more, up to its part) and `turn`.
        me: our name in it.
        ours: what we have and want.
        gone: which of these runs are dead.
    """
    runs: dict[str, dict[str, int]] = dict(said.get("runs", {}))
    mine = runs.pop(me, {"held": 0, "turn": 0})
    for name in gone(runs):
        del runs[name]
    limit = max([ours.count, *(run["count"] for run in runs.values())])
    free = _free(ours.count, runs.values())
    held, turns = mine["held"], int(said.get("turns", 0))
    desired = min(ours.count, ours.used + ours.waiting)
    part = limit // (len(runs) + 1)
    fair = max(1, part)
    short = [run for run in runs.values() if run["wants"] and run["held"] < fair]
    target = min(desired, free)
    if short:
        target = min(target, fair if held == 0 else part)
    if target > held:
        before = [run for run in short if run["turn"] < (mine["turn"] or turns + 1)]
        spoken_for = sum(min(run["wants"], fair - run["held"]) for run in before)
        target = max(held, min(target, free - spoken_for))
    now_held = max(ours.used, target, 0)
    wants = max(0, min(desired, fair) - now_held)
    turn = mine["turn"] if wants and now_held <= held else 0
    if wants and not turn:
        turns += 1
        turn = turns
    if now_held or wants:
        runs[me] = {"count": ours.count, "held": now_held, "wants": wants, "turn": turn}
    return {"runs": runs, "turns": turns}, Granted(now_held, max(0, target))


def _free(count: int, others: Collection[dict[str, int]]) -> int:
    """How many a run with that count may hold beside the others."""
    bounds = {count, *(run["count"] for run in others if run["count"] > count)}
    return min(
        bound - sum(run["held"] for run in others if run["count"] <= bound) for bound in bounds
    )
