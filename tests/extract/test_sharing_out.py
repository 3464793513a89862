"""How the vendor's jobs are shared out among runs: by the rule alone, no store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.sharedslots import Ours, shared_out

RUNS = ("A", "B", "C", "D")


class Runs:
    """Runs that look in any order; each uses no more than it may."""

    def __init__(self, counts: list[int]) -> None:
        self.said: dict[str, Any] = {}
        self.counts = counts
        self.used = dict.fromkeys(range(len(counts)), 0)
        self.may_use = dict.fromkeys(range(len(counts)), 0)
        self.waiting = dict.fromkeys(range(len(counts)), 0)
        self.dead: set[str] = set()

    def gone(self, names: Iterable[str]) -> set[str]:
        return self.dead & set(names)

    def look(self, who: int) -> None:
        ours = Ours(self.counts[who], self.used[who], self.waiting[who])
        self.said, granted = shared_out(self.said, RUNS[who], ours, self.gone)
        self.may_use[who] = granted.may_use
        self.serve(who)
        self.check()

    def serve(self, who: int) -> None:
        while self.waiting[who] and self.used[who] < self.may_use[who]:
            self.waiting[who] -= 1
            self.used[who] += 1

    def end_one(self, who: int) -> None:
        if self.used[who]:
            self.used[who] -= 1
            self.serve(who)

    def die(self, who: int) -> None:
        self.dead.add(RUNS[who])
        self.used[who] = self.waiting[who] = self.may_use[who] = 0

    def check(self) -> None:
        for bound in self.counts:
            smaller = [who for who, count in enumerate(self.counts) if count <= bound]
            assert sum(self.used[who] for who in smaller) <= bound


acts = st.tuples(st.sampled_from(["want", "look", "look", "end"]), st.integers(0, 3))


@pytest.mark.promise("shared-limits")
@given(st.lists(st.integers(1, 5), min_size=4, max_size=4), st.lists(acts, max_size=80))
def test_no_more_run_at_once_than_may(counts: list[int], done: list[tuple[str, int]]) -> None:
    runs = Runs(counts)
    for act, who in done:
        if act == "want":
            runs.waiting[who] += 2
        elif act == "end":
            runs.end_one(who)
        else:
            runs.look(who)
        runs.check()


@given(
    st.lists(st.integers(1, 5), min_size=4, max_size=4),
    st.lists(st.integers(0, 9), min_size=4, max_size=4),
    st.lists(st.permutations(range(4)), min_size=8, max_size=8),
)
def test_whoever_waits_gets_a_job_and_all_end(
    counts: list[int], wanted: list[int], orders: list[list[int]]
) -> None:
    runs = Runs(counts)
    runs.waiting = dict(enumerate(wanted))
    for turn in range(200):
        for who in orders[turn % len(orders)]:
            runs.end_one(who)
            runs.look(who)
    assert not any(runs.waiting.values())
    assert not any(runs.used.values())
    assert runs.said["runs"] == {}


def test_two_runs_share_evenly() -> None:
    runs = Runs([8, 8])
    runs.waiting = {0: 100, 1: 100}
    runs.look(0)
    assert runs.used == {0: 8, 1: 0}
    runs.look(1)
    for _ in range(8):
        runs.look(0)
        runs.end_one(0)
        runs.look(0)
        runs.look(1)
    assert runs.used == {0: 4, 1: 4}


def test_more_runs_than_jobs_take_turns() -> None:
    runs = Runs([1, 1, 1])
    runs.waiting = {0: 50, 1: 50, 2: 50}
    ran = []
    for _ in range(30):
        for who in (0, 1, 2) * 3:  # who has ended gives back, the next one takes and looks again
            runs.look(who)
        (running,) = [who for who, used in runs.used.items() if used]
        ran.append(running)
        runs.end_one(running)
    assert {who: ran.count(who) for who in range(3)} == {0: 10, 1: 10, 2: 10}


@pytest.mark.promise("shared-dead-machine")
def test_what_a_dead_run_held_is_free() -> None:
    runs = Runs([2, 2])
    runs.waiting = {0: 2, 1: 2}
    runs.look(0)
    runs.look(1)
    assert runs.used == {0: 2, 1: 0}
    runs.die(0)
    runs.look(1)
    assert runs.used == {0: 0, 1: 2}
