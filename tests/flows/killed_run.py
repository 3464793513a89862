"""A backfill in a process of its own, which dies by SIGKILL at a given point.

    python killed_run.py DATE_FROM DATE_TO [MODULE FUNCTION before|after COUNT]

The point is the COUNT-th call of the function that MODULE calls by this name.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
import signal
import sys
from typing import Any

from flows.backfill import backfill


def die_at(module_name: str, name: str, side: str, count: int) -> None:
    module = importlib.import_module(module_name)
    function, calls = getattr(module, name), itertools.count(1)

    def dying(*args: Any, **kwargs: Any) -> Any:
        call = next(calls)  # its own number: other threads call as well
        if call == count and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if call == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, dying)


if __name__ == "__main__":
    date_from, date_to, *point = sys.argv[1:]
    if point:
        die_at(point[0], point[1], point[2], int(point[3]))
    asyncio.run(backfill(date_from=date_from, date_to=date_to))  # type: ignore[arg-type]
