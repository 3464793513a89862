"""What a run has loaded, handed over at its end where machines share files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from warehouse.errors import WarehouseError, WriterBusy
from warehouse.handing import hand_database_over
from warehouse.layout import DataDirectory

WAIT_SECONDS = 5.0


@asynccontextmanager
async def handing_over(layout: DataDirectory, name: str) -> AsyncIterator[None]:
    """Hand the database over at the end of the block, also after a failure, which it doesn't hide.

    Raises:
        warehouse.errors.OtherPublisher: another machine has loaded meanwhile: run again.
        warehouse.errors.StoreUnavailable, StoreRefused: the next run hands it over.
    """
    if not layout.files.shared:
        yield
        return
    try:
        yield
    except BaseException:
        with suppress(WarehouseError):
            await _hand_over(layout, name)
        raise
    await _hand_over(layout, name)


async def hand_over(layout: DataDirectory, name: str) -> None:
    """Hand the database over now.

    Raises:
        warehouse.errors.WriterBusy: another run of this machine has it open.
        warehouse.errors.WarehouseError: as `handing_over`.
    """
    await asyncio.to_thread(hand_database_over, layout, holder=name, wait_seconds=WAIT_SECONDS)


async def _hand_over(layout: DataDirectory, name: str) -> None:
    with suppress(WriterBusy):  # another run of this machine, which hands both's over
        await hand_over(layout, name)
