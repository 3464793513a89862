"""A backfill in a process of its own, which dies by SIGKILL at a crash point.

    python killed_run.py DATE_FROM DATE_TO [POINT COUNT]

It dies where it passes the point for the COUNT-th time; without one it ends as it should.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from typing import Any

from flows.backfill import backfill


def die_at(point: str, count: int) -> None:
    passed = itertools.count(1)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "smartconnect.point" and args[0] == point and next(passed) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    date_from, date_to, *point = sys.argv[1:]
    if point:
        die_at(point[0], int(point[1]))
    asyncio.run(backfill(date_from=date_from, date_to=date_to))  # type: ignore[arg-type]
