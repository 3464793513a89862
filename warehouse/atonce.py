"""A few transfers at once: a machine has few processors, and a line waits mostly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")
AT_ONCE = 8


def at_once(work: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """Do a few at once; the first failure is raised, and what waits is not begun."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(work, item) for item in items]
        try:
            return [one.result() for one in waiting]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
