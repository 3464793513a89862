"""Files that are their owner's alone: the umask, which a process has but one of."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Blocks:
    """The blocks that are open now, of all threads, and the umask from before the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0
        self._before = 0

    def enter(self) -> None:
        with self._lock:
            if not self._open:
                self._before = os.umask(0o077)
            self._open += 1

    def leave(self) -> None:
        with self._lock:
            self._open -= 1
            if not self._open:
                os.umask(self._before)


_BLOCKS = _Blocks()


@contextmanager
def private_files() -> Iterator[None]:
    """Whatever this process makes within the block is its owner's alone, unless a mode is given.

    Locks, notes, logs, and what libraries spill follow the umask, which is the process's: a block
    belongs around a whole run. Blocks of several threads may overlap.
    """
    _BLOCKS.enter()
    try:
        yield
    finally:
        _BLOCKS.leave()
