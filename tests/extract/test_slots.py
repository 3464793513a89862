"""The vendor's job limit over real processes: never more at once, and nobody starves."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

HOLD = """
import asyncio, sys, time
from pathlib import Path
from extract.slots import JobSlots

async def one(slots):
    async with slots.one():
        began = time.monotonic()
        await asyncio.sleep(0.05)
        print(began, time.monotonic(), flush=True)

async def all_of_them():
    slots = JobSlots(Path(sys.argv[1]), int(sys.argv[2]))
    await asyncio.gather(*(one(slots) for _ in range(int(sys.argv[3]))))

asyncio.run(all_of_them())
"""


def holding(folder: Path, count: int, times: int) -> subprocess.Popen[str]:
    """A process that wants a slot so many times, all at once, and tells when it held one."""
    command = [sys.executable, "-c", HOLD, str(folder), str(count), str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def held(process: subprocess.Popen[str]) -> list[tuple[float, float]]:
    said = process.communicate(timeout=60)[0]
    pairs = [tuple(map(float, line.split())) for line in said.splitlines()]
    return [(began, ended) for began, ended in pairs]


def most_at_once(intervals: list[tuple[float, float]]) -> int:
    edges = sorted([(at, 1) for at, _ in intervals] + [(at, -1) for _, at in intervals])
    at_once = most = 0
    for _, step in edges:
        at_once += step
        most = max(most, at_once)
    return most


@pytest.mark.promise("process-two-runs", "process-nightly-in-backfill")
def test_all_runs_together_keep_to_the_limit(tmp_path: Path) -> None:
    running = [holding(tmp_path, 2, 8) for _ in range(3)]
    intervals = [interval for process in running for interval in held(process)]
    assert len(intervals) == 24
    assert most_at_once(intervals) == 2


@pytest.mark.promise("process-nightly-in-backfill")
def test_a_short_run_is_not_starved_by_a_long_one(tmp_path: Path) -> None:
    long = holding(tmp_path, 2, 80)
    deadline = time.monotonic() + 30
    while not list((tmp_path / "waiting").glob("*.ticket")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    short = held(holding(tmp_path, 2, 4))
    beyond = held(long)
    after = [began for began, _ in beyond if began > max(ended for _, ended in short)]
    assert len(after) > 20  # the long one had much to do yet when the short one was through
