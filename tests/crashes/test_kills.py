"""kill -9 at every crash point: the next run ends with what an undisturbed one has, starts no
export again that was under way, leaves nothing behind, and readers see a whole release all the
while.

Each point is tried where it is reached soonest; with `LONG=1` in every stage that reaches it, and
at later hits too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from crashing.checks import Content, closed_to_readers, content, leftovers, whole
from crashing.points import points
from crashing.rehearsal import Rehearsal, Zygote
from crashing.stages import STAGES

from sandbox.options import ColumnChange, SandboxOptions
from sandbox.server import RunningSandbox, running_sandbox

pytestmark = pytest.mark.rehearsal
COMPANY = SandboxOptions(
    messages_per_day=60,
    selection="thread",
    column_changes=(ColumnChange("Новый столбец", since=date(2026, 2, 6)),),
)
# Reached only by the run after a killed one: the test that says so reaches it.
AFTER_A_KILL = {
    "warehouse.leftovers.file-removed": "swept",
    "warehouse.leftovers.folder-removed": "swept",
    "warehouse.releases.half-done-removed": "published",
    "warehouse.rebuilding.leftover-removed": "rebuilt",
}
# An erasure is killed at its points, whatever they are, by tests/flows/test_erase.py.
IN_AN_ERASURE = (
    "warehouse.erasing.",
    "warehouse.erasingevidence.",
    "warehouse.erasingfiles.",
    "warehouse.erasinglist.",
    "warehouse.raw.rewritten-",
    "warehouse.raw.note-removed",
    "warehouse.raw.file-removed",
    "warehouse.files.removed",
    "warehouse.putback.let-go",
    "flows.erasefiles.",
    "flows.erasesegments.",
    "flows.suppressing.",
)
# Not rehearsed yet: a backup is a directory of its own, and counts by its manifest, written last.
IN_A_BACKUP = ("warehouse.backup.",)
# Killed at each of its points by tests/warehouse/test_store_kills.py: it needs a store.
ON_A_STORE = (
    "warehouse.mirroring.",
    "warehouse.storepublishing.",
    "warehouse.storeputback.",
    "warehouse.putback.not-needed",
    "warehouse.store.",
    "warehouse.pulling.",
    "warehouse.storedfetch.",
    "warehouse.storedfiles.",
    "warehouse.writerbase.",
    "warehouse.writercopy.",
    "warehouse.writerpieces.",
    "warehouse.forgetting.",
    "warehouse.handing.",
    "warehouse.storedleftovers.",
)
# Killed at each of its points by tests/extract/test_several_machines.py; a turn runs out by itself.
AMONG_MACHINES = (
    "extract.documents.",
    "extract.leases.",
    "extract.sharing.",
    "extract.sharednotes.",
    "extract.takingover.",
    "flows.writing.",
)


@dataclass
class Undisturbed:
    """Each stage's beginning (a copy of the data), its points and seconds, and how it ends."""

    begins: dict[str, Path]
    points: dict[str, dict[str, float]]
    ends: dict[str, Content]

    def soonest(self) -> dict[str, str]:
        """Point → the stage that reaches it soonest."""
        found: dict[str, str] = {}
        for stage, passed in self.points.items():
            for name, seconds in passed.items():
                if name not in found or seconds < self.points[found[name]][name]:
                    found[name] = stage
        return found


@pytest.fixture(scope="module")
def vendor() -> Iterator[RunningSandbox]:
    with running_sandbox(COMPANY) as found:
        yield found


@pytest.fixture(scope="module")
def undisturbed(
    forking: Zygote, vendor: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    """All stages one after the other, nobody killed; done once."""
    folder = tmp_path_factory.mktemp("undisturbed")
    rehearsal = Rehearsal(forking, vendor, folder / "run")
    found = Undisturbed({}, {}, {})
    for stage in STAGES:
        begins = folder / stage
        if rehearsal.data.exists():
            keeper = Rehearsal(forking, vendor, begins)
            keeper.copy_from(rehearsal.data)
            found.begins[stage] = keeper.data
        else:
            found.begins[stage] = begins / "data"
        found.points[stage] = rehearsal.must(stage)
        found.ends[stage] = content(rehearsal.data)
        assert leftovers(rehearsal.data) == []
    assert len(found.ends["first"]["chats"]) > 80
    return found


class Killing:
    """Kills of one stage, one after the other on the same data, and what must hold after each."""

    def __init__(self, rehearsal: Rehearsal, undisturbed: Undisturbed, stage: str) -> None:
        self.rehearsal = rehearsal
        self.undisturbed = undisturbed
        self.stage = stage
        self.kills = 0
        self.begin()

    def begin(self) -> None:
        """The stage's beginning."""
        begins = self.undisturbed.begins[self.stage]
        self.rehearsal.copy_from(begins)
        self.seen = whole(self.rehearsal.data)

    def kill(self, point: str, count: int = 1) -> bool:
        """Run until the point's n-th hit; False where it isn't reached."""
        code = self.run(point, count)
        assert code in (0, -9), self.rehearsal.log.read_text()[-6000:]
        self.kills += code == -9
        return code == -9

    def run(self, point: str | None, count: int = 1) -> int:
        rehearsal = self.rehearsal
        waiting, before = rehearsal.under_way(), rehearsal.starts()
        code = rehearsal.run(self.stage, (point, count) if point else None)
        after, seen = rehearsal.starts(), whole(rehearsal.data)
        again = [name for name in waiting if after[name] != before[name]]
        assert again == [], f"started again after a kill before {point}"
        if self.stage != "rolled_back":
            assert self.seen is None or (seen is not None and seen >= self.seen)
        self.seen = seen
        return code

    def finish(self, under_way: int = 0) -> None:
        """The next run makes all good."""
        assert self.run(None) == 0, self.rehearsal.log.read_text()[-6000:]
        assert content(self.rehearsal.data) == self.undisturbed.ends[self.stage]
        self.rehearsal.must("swept")
        assert leftovers(self.rehearsal.data) == []
        assert closed_to_readers(self.rehearsal.data) == []
        assert len(self.rehearsal.under_way()) == under_way


@pytest.mark.promise("process-crash-points")
def test_the_rehearsal_reaches_every_point(undisturbed: Undisturbed) -> None:
    reached = {name for passed in undisturbed.points.values() for name in passed}
    missed = {str(effect.point) for effect in points()} - reached - set(AFTER_A_KILL)
    elsewhere = IN_AN_ERASURE + IN_A_BACKUP + ON_A_STORE + AMONG_MACHINES
    assert {name for name in missed if not name.startswith(elsewhere)} == set()


@pytest.mark.promise("process-crash-points")
@pytest.mark.parametrize("stage", list(STAGES))
def test_killed_at_each_point_a_run_is_made_good_by_the_next(
    stage: str,
    undisturbed: Undisturbed,
    forking: Zygote,
    vendor: RunningSandbox,
    long_run: bool,
    tmp_path: Path,
) -> None:
    passed, soonest = undisturbed.points[stage], undisturbed.soonest()
    wanted = [name for name in passed if long_run or soonest[name] == stage]
    if not wanted:
        pytest.skip("every point of this stage is tried in another; LONG=1 tries them here too")
    killing = Killing(Rehearsal(forking, vendor, tmp_path / "run"), undisturbed, stage)
    missed = [name for name in wanted if not killing.kill(name)]
    killing.finish()
    for name in missed:  # what was durable after an earlier kill is not done again
        killing.begin()
        assert killing.kill(name), f"{name} is not reached again"
        killing.finish()
    assert killing.kills == len(wanted)
    print(f"{stage}: {killing.kills} kills")


@pytest.mark.promise("process-crash-points")
@pytest.mark.parametrize("point", list(AFTER_A_KILL))
def test_killed_while_it_clears_up_after_a_kill_a_run_is_made_good_by_the_next(
    point: str,
    undisturbed: Undisturbed,
    forking: Zygote,
    vendor: RunningSandbox,
    tmp_path: Path,
) -> None:
    stage = AFTER_A_KILL[point]
    killing = Killing(Rehearsal(forking, vendor, tmp_path / "run"), undisturbed, stage)
    for other, at in (
        ("same", "warehouse.raw.file-closed"),
        ("rebuilt", "warehouse.rebuilding.linked"),
        ("published", "warehouse.releases.old-put-aside"),
    ):
        assert killing.rehearsal.run(other, (at, 1)) == -9
    assert len(leftovers(killing.rehearsal.data)) > 3
    waiting = len(killing.rehearsal.under_way())  # what the first of them had started
    assert waiting > 0
    assert killing.kill(point)
    killing.finish(under_way=waiting)
