"""A disk that is full, worn out or read-only: one typed failure that says what to do, what was
published stays, and once there is space the next run ends with what an undisturbed one has.

The full disk is a real one, in memory, in a namespace of the test's own; single writes and fsyncs
that fail are injected by strace. Either is skipped where the system has none of it.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing.checks import Content, content, leftovers, whole
from crashing.rehearsal import Rehearsal, Zygote, can_trace, zygote

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running_sandbox

COMPANY = SandboxOptions(messages_per_day=60, selection="thread")
# Nothing is checked beforehand: the disk is to refuse it in the middle.
KNOWN = {"DATE_TO": "inclusive", "SELECTION": "thread", "EXPORT_JOBS": "4", "KEEP_FREE_MB": "0"}
STAGES = ("first", "again", "third")
TYPED = re.compile(r"^(warehouse\.errors\.Directory|extract\.errors\.Disk)Unusable: .+")
# System call → the error it fails with, and how often a thread calls it at most, about.
REFUSED = {
    "write": ("ENOSPC", 120),
    "pwrite64": ("ENOSPC", 20),
    "fsync": ("EIO", 30),
    "fdatasync": ("EIO", 12),
    "mkdir": ("ENOSPC", 30),
    "rename": ("ENOSPC", 8),
    "link": ("EIO", 4),
    "symlink": ("ENOSPC", 1),
    "sendfile": ("ENOSPC", 1),
    "chmod": ("EROFS", 20),
    "ftruncate": ("EIO", 1),
}


@pytest.fixture(scope="module")
def vendor() -> Iterator[RunningSandbox]:
    with running_sandbox(COMPANY) as found:
        yield found


@pytest.fixture(scope="module")
def seed() -> int:
    found = int(os.environ.get("DISK_SEED") or random.SystemRandom().randrange(10**6))
    print(f"DISK_SEED={found}")
    return found


@pytest.fixture(scope="module")
def confined() -> Iterator[Zygote]:
    """Stages in a namespace that may mount; nobody else sees what it mounts."""
    command = ["unshare", "--user", "--map-root-user", "--mount"]
    tried = shutil.which("unshare") and subprocess.run(
        [*command, "mount", "-t", "tmpfs", "disk", "/mnt"], capture_output=True, check=False
    )
    if not tried or tried.returncode:
        pytest.skip("no disk can be mounted here: NOTHING IS PROVEN of a full disk")
    with zygote(*command) as found:
        yield found


@pytest.fixture(scope="module")
def expected(
    forking: Zygote, vendor: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Content, Path]]:
    """What each stage ends with where nothing is full, and the data it leaves."""
    folder = tmp_path_factory.mktemp("spacious")
    rehearsal, found = Rehearsal(forking, vendor, folder / "run", KNOWN), {}
    for stage in STAGES:
        rehearsal.must(stage)
        keeper = Rehearsal(forking, vendor, folder / stage)
        keeper.copy_from(rehearsal.data)
        found[stage] = (content(rehearsal.data), keeper.data)
    return found


def used_kib(folder: Path) -> int:
    return int(subprocess.check_output(["du", "-sk", str(folder)]).split()[0])


def typed(rehearsal: Rehearsal) -> str:
    """The failure that the last run ended with: one of the two that say what to do."""
    log = rehearsal.log.read_text()
    ended = log.rstrip().splitlines()[-1]
    assert TYPED.match(ended), log[-4000:]
    assert "run again" in ended or "Nothing was started" in ended
    rehearsal.log.unlink()
    return ended


@pytest.mark.rehearsal
@pytest.mark.promise("disk-full")
def test_a_disk_that_is_full_at_any_write_costs_nothing_that_was_there(
    confined: Zygote,
    vendor: RunningSandbox,
    expected: dict[str, tuple[Content, Path]],
    seed: int,
    long_run: bool,
    tmp_path: Path,
) -> None:
    sizes, failed = random.Random(seed), 0
    rehearsal = Rehearsal(confined, vendor, tmp_path / "run", KNOWN)
    rehearsal.folder.mkdir()
    rehearsal.data.mkdir()
    for round_ in range(40 if long_run else 2):
        assert confined.run({"mount": "size=64m", "at": str(rehearsal.data)}) == 0
        for stage, before in zip(STAGES, (None, *STAGES), strict=False):
            needs = used_kib(expected[stage][1])
            has = used_kib(expected[before][1]) if before else 0
            size = has + int((needs - has) * sizes.random()) + 64
            while confined.run({"mount": f"remount,size={size}k", "at": str(rehearsal.data)}):
                size += 64  # what is there takes more than on the other disk
                assert size < 64 * 1024
            if rehearsal.run(stage) != 0:
                failed += 1
                print(f"{round_}: {stage} in {size} KiB: {typed(rehearsal)[:150]}")
                if before:
                    assert rehearsal.told()[0] == expected[before][0]
            spacious = "remount,size=64m"
            assert confined.run({"mount": spacious, "at": str(rehearsal.data)}) == 0
            rehearsal.must(stage)
            rehearsal.must("swept")
            shown, _, left = rehearsal.told()
            assert shown == expected[stage][0]
            assert left == []
    assert failed > 1


@pytest.mark.rehearsal
@pytest.mark.promise("disk-full")
def test_a_single_write_that_fails_anywhere_costs_nothing_that_was_there(
    forking: Zygote,
    vendor: RunningSandbox,
    expected: dict[str, tuple[Content, Path]],
    seed: int,
    long_run: bool,
    tmp_path: Path,
) -> None:
    if not can_trace():
        pytest.skip("strace can't trace here: NOTHING IS PROVEN of single writes that fail")
    drawn, failed = random.Random(seed), 0
    rehearsal = Rehearsal(forking, vendor, tmp_path / "run", KNOWN)
    calls = list(REFUSED) if long_run else ["pwrite64", "fsync", "sendfile"]
    for call in calls * (6 if long_run else 1):
        error, most = REFUSED[call]
        count = 1 + int(most * drawn.random() ** 2)
        before, stage = drawn.choice([("first", "again"), ("again", "third")])
        rehearsal.copy_from(expected[before][1])
        if rehearsal.run_traced(stage, f"{call}:error={error}:when={count}") != 0:
            failed += 1
            print(f"{stage}: {call} {count}: {typed(rehearsal)[:150]}")
            shown = content(rehearsal.data)
            assert shown in (expected[before][0], expected[stage][0])
        assert whole(rehearsal.data)
        rehearsal.must(stage)
        rehearsal.must("swept")
        assert content(rehearsal.data) == expected[stage][0], (call, count)
        assert leftovers(rehearsal.data) == []
    assert failed


@pytest.mark.promise("disk-read-only")
@pytest.mark.parametrize("place", ["", "raw", "lake", "lake/chats", "releases", "state/building"])
def test_a_folder_that_is_read_only_is_found_before_any_export_is_started(
    place: str,
    confined: Zygote,
    vendor: RunningSandbox,
    expected: dict[str, tuple[Content, Path]],
    tmp_path: Path,
) -> None:
    rehearsal = Rehearsal(confined, vendor, tmp_path / "run", KNOWN)
    rehearsal.copy_from(expected["again"][1])
    folder, before = rehearsal.data / place, rehearsal.starts()
    assert confined.run({"bind": str(folder), "options": "remount,bind,ro"}) == 0
    assert rehearsal.run("third") == 1
    ended = typed(rehearsal)
    assert "Read-only file system" in ended or "Permission denied" in ended
    assert str(folder) in ended
    assert rehearsal.starts() == before
    assert confined.run({"bind": str(folder), "options": None}) == 0
    rehearsal.must("third")
    assert content(rehearsal.data) == expected["third"][0]
