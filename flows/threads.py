"""Blocking work in a thread, and what of its failures may be told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from extract.errors import ExtractError
from extract.threads import to_its_end
from flows.errors import FlowError
from transform.errors import TransformError
from warehouse.errors import WarehouseError

T = TypeVar("T")
KNOWN = (ExtractError, TransformError, WarehouseError, FlowError)


class StageFailed(FlowError):
    """Something nobody foresaw; its own words are left out, since they may quote the data."""


async def in_thread(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run blocking `work` in a thread; an unforeseen error keeps its place and loses its words.

    Who is cancelled waits for its end.
    """
    try:
        return await to_its_end(asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs)))
    except KNOWN:
        raise
    except Exception as error:  # noqa: BLE001  (its words may quote the data: they end here)
        raise unforeseen(error) from None


def unforeseen(error: Exception) -> StageFailed:
    """The error's kind and place, without its words."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    return StageFailed(
        f"{type(error).__name__} in {Path(where).parent.name}/{Path(where).name}: "
        "this is a fault of the pipeline; the day keeps its earlier data."
    )
