"""Kills that nobody placed: SIGKILL at the N-th write, fsync, rename or connect of a thread, N
drawn anew each time. The next run ends with what an undisturbed one has.

Eight of them; sixty with `LONG=1`. `KILL_SEED` draws the same again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing.checks import closed_to_readers, content, leftovers, whole
from crashing.rehearsal import Rehearsal, Zygote, can_trace

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running_sandbox

COMPANY = SandboxOptions(messages_per_day=60, selection="thread")
KNOWN = {"DATE_TO": "inclusive", "SELECTION": "thread", "EXPORT_JOBS": "4"}
STAGES = ("first", "again", "third", "rebuilt")
# How often a thread makes each call in a stage at most, about.
CALLS = {
    "write": 120,
    "pwrite64": 20,
    "fsync": 30,
    "fdatasync": 12,
    "rename": 8,
    "connect": 5,
    "sendto": 20,
    "openat": 100,
    "unlink": 8,
    "link": 4,
    "mkdir": 30,
    "chmod": 20,
}


@pytest.fixture(scope="module")
def vendor() -> Iterator[RunningSandbox]:
    with running_sandbox(COMPANY) as found:
        yield found


@pytest.mark.rehearsal
@pytest.mark.promise("process-random-kills")
def test_killed_at_a_system_call_that_nobody_chose_a_run_is_made_good_by_the_next(
    forking: Zygote, vendor: RunningSandbox, long_run: bool, tmp_path: Path
) -> None:
    if not can_trace():
        pytest.skip("strace can't trace here: NOTHING IS PROVEN of kills at system calls")
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(10**6))
    print(f"KILL_SEED={seed}")
    drawn, kills = random.Random(seed), 0
    undisturbed = Rehearsal(forking, vendor, tmp_path / "undisturbed", KNOWN)
    rehearsal = Rehearsal(forking, vendor, tmp_path / "run", KNOWN)
    for stage in STAGES:
        undisturbed.must(stage)
        for _ in range(15 if long_run else 2):
            call = drawn.choice(list(CALLS))
            count = 1 + int(CALLS[call] * drawn.random() ** 2)
            waiting, before = rehearsal.under_way(), rehearsal.starts()
            killed = rehearsal.run_traced(stage, f"{call}:signal=KILL:when={count}")
            assert killed in (0, -9), rehearsal.log.read_text()[-4000:]
            print(f"{stage}: {call} {count}: {'killed' if killed else 'not reached'}")
            kills += killed == -9
            assert [name for name in waiting if rehearsal.starts()[name] != before[name]] == []
            whole(rehearsal.data)
        rehearsal.must(stage)
        rehearsal.must("swept")
        assert content(rehearsal.data) == content(undisturbed.data), stage
        assert leftovers(rehearsal.data) == []
        assert closed_to_readers(rehearsal.data) == []
    assert kills > 2
