"""What was loaded, handed over to whoever writes next, where machines share files.

A run does so when another machine waits, before it publishes on the store, and at its end; a
command holds this machine's turn from its beginning to its end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from typing import Protocol

from anyio.from_thread import start_blocking_portal

from extract.errors import ExtractError
from flows.settings import Settings
from flows.sharing import sharing
from flows.threads import in_thread
from flows.writing import HandOver, WriterTurn, writers_turn
from warehouse.errors import StoreUnavailable, WarehouseError, WriterBusy
from warehouse.handing import hand_database_over, is_handed_over
from warehouse.layout import DataDirectory

WAIT_SECONDS, AT_END_SECONDS = 60.0, 5.0


class Loading(Protocol):
    """Of a run, what says where it loads and in whose turn."""

    @property
    def name(self) -> str:
        """The run's, for locks and errors."""

    @property
    def layout(self) -> DataDirectory:
        """What it loads into."""

    @property
    def turn(self) -> WriterTurn | None:
        """This machine's, where machines share files."""


def hand_over_of(layout: DataDirectory, holder: str) -> HandOver:
    """What a turn does before it is given up."""

    async def hand_over() -> None:
        await in_thread(hand_database_over, layout, holder=holder, wait_seconds=WAIT_SECONDS)

    return hand_over


async def hand_over_now(run: Loading, wait_seconds: float = WAIT_SECONDS) -> None:
    """Hand over what isn't yet, in this machine's turn.

    Raises:
        warehouse.errors.OtherPublisher: another machine has loaded meanwhile: run again.
        warehouse.errors.StoreUnavailable, StoreRefused: the next run hands it over.
        warehouse.errors.WriterBusy: another run writes.
        extract.errors.KeeperUnusable: whose turn it is can't be told.
    """
    if is_handed_over(run.layout):
        return
    async with run.turn.session(wait_seconds) if run.turn else nullcontext():
        await in_thread(hand_database_over, run.layout, holder=run.name, wait_seconds=wait_seconds)


@asynccontextmanager
async def handing_over(run: Loading) -> AsyncIterator[None]:
    """Hand over at the end of the block, also after a failure, which it doesn't hide.

    Raises:
        As `hand_over_now`, but for WriterBusy: who is busy hands both's over, or the next run.
    """
    try:
        yield
    except BaseException:
        with suppress(WarehouseError, ExtractError):
            await hand_over_now(run, AT_END_SECONDS)
        raise
    with suppress(WriterBusy):
        await hand_over_now(run)


@contextmanager
def in_turn(settings: Settings, layout: DataDirectory, holder: str) -> Iterator[None]:
    """For a command that writes: this machine's turn within the block, handed over at its end.

    Raises:
        warehouse.errors.WriterBusy: another machine writes for longer.
        warehouse.errors.StoreUnavailable: whose turn it is can't be told.
        warehouse.errors.OtherPublisher: another machine has loaded meanwhile.
    """
    if settings.data_store is None:
        yield
        return
    with ExitStack() as stack:
        try:
            portal = stack.enter_context(start_blocking_portal())
            turn = _whole_turn(settings, layout, holder)
            stack.enter_context(portal.wrap_async_context_manager(turn))
        except ExtractError as error:
            raise StoreUnavailable(str(error)) from None
        yield


@asynccontextmanager
async def _whole_turn(
    settings: Settings, layout: DataDirectory, holder: str
) -> AsyncIterator[WriterTurn]:
    hand_over = hand_over_of(layout, holder)
    async with sharing(settings, holder) as shared, writers_turn(shared, layout, hand_over) as turn:
        assert turn is not None
        async with turn.session(settings.writer_wait_seconds):
            yield turn
            await hand_over()
