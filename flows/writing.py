"""This machine's turn to write, where machines share their data.

The writer's database is on one machine at a time: the one that holds the lease `writer`. Runs of
one machine hold it one after the other, by a lock of that machine, without asking the store again.
It is kept between batches, and given up, once what was loaded is handed over, when another machine
asks for it or the run ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import platform
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from secrets import token_hex

from extract.documents import changed, understood
from extract.errors import ExtractError, KeeperUnusable
from extract.leases import Lease
from extract.locks import NamedLock
from extract.sharing import Shared
from warehouse.errors import OtherPublisher, WarehouseError, WriterBusy
from warehouse.layout import DataDirectory

logger = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
ASK_SECONDS = 2.0
# Who gave it up because another asked leaves it to the other for so long.
STAND_BACK_SECONDS = 3.0
HandOver = Callable[[], Awaitable[None]]
_WRITER, _WANTED = "leases/writer", "leases/writer-wanted"


def machine_of(layout: DataDirectory) -> str:
    """This data directory on this machine as it runs: no copy of either has the same name."""
    status = layout.root.stat()
    boot = platform.node()
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    said = f"{boot} {status.st_dev} {status.st_ino}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


class WriterTurn:
    """Within one event loop and run; see the module.

    Args:
        shared: what machines share, entered.
        layout: this machine's data directory.
        hand_over: puts what this machine has loaded where the next writer finds it.
        machine: this machine's name; for tests of several on one.
    """

    def __init__(
        self,
        shared: Shared,
        layout: DataDirectory,
        hand_over: HandOver,
        *,
        machine: str | None = None,
    ) -> None:
        self._shared, self._hand_over = shared, hand_over
        self._machine = machine or machine_of(layout)
        self._lease = Lease(
            shared.documents,
            _WRITER,
            holder=shared.holder,
            term=shared.term,
            owner=self._machine,
        )
        self._lock = NamedLock(layout.locks, "writers-turn", shared.holder)
        # Which run of this machine took the lease last: it is that run's alone.
        self._taker, self._ours = layout.locks / "writers-turn.taker", token_hex(8)
        self._asked_at = self._stands_back_until = -ASK_SECONDS
        self._wanted = self._held_on = False
        self._watching: asyncio.Task[None] | None = None

    @property
    def held(self) -> bool:
        """Whether it is this run's turn, for certain."""
        return self._lease.held and self._taken_by() == self._ours

    def _taken_by(self) -> str:
        with suppress(OSError):
            return self._taker.read_text(encoding="ascii")
        return "nobody"

    @asynccontextmanager
    async def session(self, wait_seconds: float) -> AsyncIterator[None]:
        """Be the only one to write, over all machines, within the block. Can be cancelled.

        Raises:
            WriterBusy: another run writes for longer; the message says which.
            extract.errors.KeeperUnusable: nobody can be asked.
        """
        deadline = time.monotonic() + wait_seconds
        lock = await self._lock.acquire(wait_seconds)
        if lock is None:
            raise _busy(self._lock.held_by(), wait_seconds)
        try:
            while not await self._shared.threads(self._take):
                if time.monotonic() >= deadline:
                    raise _busy(self._lease.seen_holder, wait_seconds)
                await asyncio.sleep(LOOK_SECONDS * random.uniform(0.3, 1))  # noqa: S311
            if self._watching is None:
                self._watching = asyncio.create_task(self._watch())
            try:
                yield
            finally:
                if self._wanted and not self._held_on:
                    await self._give_up()
        finally:
            lock.release()

    def hold_on(self) -> None:
        """Give way to nobody any more: what is published goes to others before the run ends."""
        self._held_on = True

    def _take(self) -> bool:
        """Have the lease; the machine's lock is held, so none of its other runs is writing."""
        if self.held:
            return True
        now = time.monotonic()
        if now >= self._stands_back_until and self._lease.try_acquire():
            self._lease.keep_renewing()
            self._taker.write_text(self._ours, encoding="ascii")
            sys.audit("smartconnect.point", "flows.writing.taker-noted")
            self._wanted = False
            return True
        if now - self._asked_at >= ASK_SECONDS:
            changed(self._shared.documents, _WANTED, lambda _: {"by": self._machine})
            self._asked_at = now
        return False

    async def _watch(self) -> None:
        """Look whether another machine asks for it; give it up where no run is writing."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            if not self.held or self._held_on:
                continue
            try:
                self._wanted = self._wanted or await self._shared.threads(self._is_wanted)
                if self._wanted and (lock := await self._lock.acquire(0)) is not None:
                    try:
                        await self._give_up()
                    finally:
                        lock.release()
            except ExtractError as error:
                logger.warning("Whether another machine waits isn't known now: %s", error)

    def _is_wanted(self) -> bool:
        found = self._shared.documents.read(_WANTED)
        if found is None or found.age_seconds > 2 * ASK_SECONDS + 2:
            return False
        return understood(_WANTED, found).get("by") != self._machine

    async def _give_up(self) -> None:
        """Hand over, then let the other one write; what can't be handed over now stays here."""
        try:
            await self._hand_over()
        except OtherPublisher:
            pass  # what this machine has isn't the newest: nobody waits for it
        except WarehouseError as error:
            logger.warning("Another machine waits to write; it can't yet: %s", error)
            return
        self._stands_back_until = time.monotonic() + STAND_BACK_SECONDS
        await self._shared.threads(self._lease.release)
        self._wanted = False

    async def close(self) -> None:
        """Let others write: whoever holds it has handed over what it loaded, or has failed to."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        with suppress(KeeperUnusable):
            await self._shared.threads(self._lease.release)


@asynccontextmanager
async def writers_turn(
    shared: Shared | None, layout: DataDirectory, hand_over: HandOver | None = None
) -> AsyncIterator[WriterTurn | None]:
    """A run's turns to write, given up at the end of the block; None where nothing is shared."""
    if shared is None:
        yield None
        return
    turn = WriterTurn(shared, layout, hand_over or _nothing)
    try:
        yield turn
    finally:
        await turn.close()


async def _nothing() -> None:
    """Nothing is handed over."""


def _busy(by: str, wait_seconds: float) -> WriterBusy:
    return WriterBusy(
        f"The warehouse is being written by {by}, and {wait_seconds:g} seconds of waiting did not "
        "change that: let it end, or stop it, then run again."
    )
