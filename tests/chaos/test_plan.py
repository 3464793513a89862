"""What a chaos run does is drawn from its seed alone, and leaves no fault out."""

from __future__ import annotations

from datetime import date

from chaos.plan import Plan, window
from sandbox.faults import FAULTS, Fault

DAYS = window(date(2026, 11, 24))


def test_the_same_seed_draws_the_same() -> None:
    one, same, other = Plan(7, syscalls=True), Plan(7, syscalls=True), Plan(8, syscalls=True)
    drawn = [
        [
            plan.companies(),
            [plan.form(n) for n in range(5)],
            [plan.faults(DAYS) for _ in range(9)],
            [plan.run(n, DAYS) for n in range(99)],
            [plan.events(n) for n in range(9)],
        ]
        for plan in (one, same, other)
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_every_fault_is_drawn_and_understood() -> None:
    plan = Plan(1, syscalls=False)
    drawn = [Fault.parse(text) for _ in range(len(FAULTS)) for text in plan.faults(DAYS)]
    assert {fault.name for fault in drawn} == set(FAULTS)
    assert all(fault.times for fault in drawn)  # a storm's faults come to an end
    assert {fault.day for fault in drawn} <= {None, *DAYS}


def test_runs_are_of_every_kind_and_die_in_every_way() -> None:
    runs = [Plan(1, syscalls=True).run(number, DAYS) for number in range(400)]
    assert {run.kind for run in runs} == {"backfill", "nightly", "users", "replay", "rebuild"}
    kills = {run.kill.kind for run in runs if run.kill is not None}
    assert kills == {"time", "term", "point", "event", "syscall"}
    assert "syscall" not in {
        run.kill.kind
        for run in (Plan(1, syscalls=False).run(number, DAYS) for number in range(400))
        if run.kill is not None
    }


def test_both_modes_of_selection_have_a_company() -> None:
    for seed in range(5):
        assert {found.selection for found in Plan(seed, syscalls=False).companies()} == {
            "message",
            "thread",
        }
