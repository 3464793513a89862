"""The power goes at any moment of a run that loads and publishes: readers then see a whole release,
the old one or the new one, and the next run ends with what an undisturbed one has.

The moments are those of a real run, recorded; what the disk has kept of it is drawn, all within
what POSIX allows (crashing.powerloss). `POWER_SEED` draws the same again.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from crashing.checks import Content, content, leftovers, whole
from crashing.powerloss import TRACED, Call, Disk, read_trace
from crashing.rehearsal import Rehearsal, Zygote, can_trace

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running_sandbox

COMPANY = SandboxOptions(messages_per_day=60, selection="thread")
SHARE = 0.3  # of the moments, where it is not a long run
KNOWN = {"DATE_TO": "inclusive", "SELECTION": "thread", "EXPORT_JOBS": "4"}


@dataclass
class Recorded:
    """A run: what was there before, its calls, and what readers see before and after."""

    root: Path
    base: Path
    calls: list[Call]
    before: Content
    after: Content


@pytest.fixture(scope="module")
def vendor() -> Iterator[RunningSandbox]:
    with running_sandbox(COMPANY) as found:
        yield found


@pytest.fixture(scope="module")
def recorded(
    forking: Zygote, vendor: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Recorded:
    """The run that brings a third release and removes the first."""
    if not can_trace():
        pytest.skip("strace can't trace here: NOTHING IS PROVEN of lost power")
    folder = tmp_path_factory.mktemp("recorded")
    rehearsal = Rehearsal(forking, vendor, folder / "run", KNOWN)
    for stage in ("first", "again"):
        rehearsal.must(stage)
    before = content(rehearsal.data)
    keeper = Rehearsal(forking, vendor, folder / "before", KNOWN)
    keeper.copy_from(rehearsal.data)
    trace = folder / "trace"
    whole_data = ("-xx", "-s", "10000000")
    code = rehearsal.run_under_strace(
        "third", "-ff", "-ttt", "-T", *whole_data, "-e", f"trace={TRACED}", "-o", str(trace)
    )
    assert code == 0, rehearsal.log.read_text()
    return Recorded(rehearsal.data, keeper.data, read_trace(trace), before, content(rehearsal.data))


def test_the_model_ends_with_what_the_run_left(recorded: Recorded, tmp_path: Path) -> None:
    disk = Disk(recorded.root, recorded.base)
    changed = [disk.play(call) for call in recorded.calls]
    assert sum(changed) > 100
    disk.changes, kept = [], tmp_path / "kept"
    for node in list(disk._inodes.values()):
        node.sure_names = node.names
    everything = random.Random(0)
    everything.choice = lambda options: 0.0  # type: ignore[method-assign,assignment]
    for change in disk.changes:
        assert change
    disk.lose_power(everything, kept)
    names = sorted(str(path.relative_to(kept)) for path in kept.rglob("*"))
    really = sorted(str(p.relative_to(recorded.root)) for p in recorded.root.rglob("*"))
    assert names == really
    for name in names:
        if (kept / name).is_file() and not (kept / name).is_symlink():
            assert (kept / name).read_bytes() == (recorded.root / name).read_bytes(), name
    assert content(kept) == recorded.after


@pytest.mark.rehearsal
@pytest.mark.promise("disk-power-loss")
def test_whenever_the_power_goes_readers_see_a_whole_release_and_the_next_run_ends_right(
    recorded: Recorded,
    forking: Zygote,
    vendor: RunningSandbox,
    long_run: bool,
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("POWER_SEED") or random.SystemRandom().randrange(10**6))
    print(f"POWER_SEED={seed}")
    draw, disk = random.Random(seed), Disk(recorded.root, recorded.base)
    rehearsal = Rehearsal(forking, vendor, tmp_path / "run", KNOWN)
    rehearsal.folder.mkdir()
    numbers, reruns, states = set(), 0, 0
    for call in recorded.calls:
        if not disk.play(call) or not (long_run or draw.random() < SHARE):
            continue
        for _ in range(4 if long_run else 1):
            shutil.rmtree(rehearsal.data, ignore_errors=True)
            disk.lose_power(draw, rehearsal.data)
            states += 1
            told = f"after {call.name}, POWER_SEED={seed}, state {states}"
            numbers.add(number := whole(rehearsal.data))
            assert number in (2, 3), told
            if draw.random() < (0.5 if long_run else 0.04):
                reruns += 1
                assert content(rehearsal.data) == (recorded.before, recorded.after)[number - 2], (
                    told
                )
                assert rehearsal.run("third") == 0, told + rehearsal.log.read_text()[-3000:]
                rehearsal.must("swept")
                assert content(rehearsal.data) == recorded.after, told
                assert leftovers(rehearsal.data) == [], told
    print(f"{states} states, {reruns} runs afterwards")
    assert numbers == {2, 3}
    assert reruns
