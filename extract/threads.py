"""Blocking work in threads, which can't be stopped."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(working: asyncio.Future[T]) -> T:
    """What the thread's work returns; who is cancelled waits for its end all the same.

    What it works with (a database, a lock) may not be taken from it before.
    """
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        while not working.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([working])
        raise
