"""Which kept files make a day again: what it holds, then what never could be loaded; never what was
refused or is older."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from warehouse.errors import HashMismatch, RawMissing
from warehouse.layout import DataDirectory
from warehouse.ledger import DayState
from warehouse.raw import (
    RawObservation,
    note_observation,
    prove_raw,
    raw_observations,
    store_raw,
)
from warehouse.replay import NO_LEDGER, Ledger, Step, rebuild_steps, replay_steps

DAY = date(2026, 2, 3)


def at(hour: int) -> datetime:
    return datetime(2026, 2, 4, hour, tzinfo=UTC)


@pytest.fixture
def layout(tmp_path: Path) -> DataDirectory:
    found = DataDirectory(tmp_path)
    found.initialise("sandbox")
    return found


def keep(layout: DataDirectory, text: str, hour: int, last: date = DAY) -> RawObservation:
    part = layout.incoming / "x.part"
    part.write_text(text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    path = store_raw(
        layout,
        part,
        dataset="chats",
        date_from=DAY,
        date_to=last,
        sha256=sha256,
        suffix=".json",
    )
    seen = RawObservation(
        dataset="chats",
        window_day=DAY,
        path=path,
        sha256=sha256,
        size_bytes=len(text),
        observed_at=at(hour),
        task_id=7,
        export_seconds=1.5,
    )
    note_observation(layout, seen)
    return seen


def ledger(
    holds: RawObservation, seen_at: int, outcomes: dict[int, str], load_hour: int | None = None
) -> Ledger:
    state = DayState(DAY, "load-1", at(seen_at), 5, holds.sha256, "1", "")
    loaded_at = at(load_hour if load_hour is not None else seen_at)
    return Ledger(
        {DAY: state},
        {(DAY, at(hour)): outcome for hour, outcome in outcomes.items()},
        {"load-1": (holds.sha256, loaded_at)},
    )


def told(steps: list[Step]) -> list[tuple[str, int, bool]]:
    return [(s.raw.path.read_text(), s.raw.observed_at.hour, s.accepted) for s in steps]


def replayed(layout: DataDirectory, known: Ledger, **more: bool) -> list[tuple[str, int, bool]]:
    return told(replay_steps(layout, known, "chats", [DAY], **more)[DAY])


def test_an_observation_comes_back_as_it_was_noted_and_noting_again_changes_nothing(
    layout: DataDirectory,
) -> None:
    first = keep(layout, "a", 1)
    keep(layout, "a", 1)
    second = keep(layout, "a", 2)
    assert raw_observations(layout, "chats") == [first, second]
    assert raw_observations(layout, "chats", DAY) == [first, second]
    assert raw_observations(layout, "chats", DAY + timedelta(days=1)) == []


def test_the_window_sent_to_the_vendor_may_be_longer_than_the_day(layout: DataDirectory) -> None:
    seen = keep(layout, "a", 1, last=DAY + timedelta(days=1))
    assert raw_observations(layout, "chats", DAY) == [seen]


def test_a_loaded_day_is_read_again_as_old_as_its_latest_observation(
    layout: DataDirectory,
) -> None:
    keep(layout, "old", 1)
    holds = keep(layout, "new", 2)
    keep(layout, "new", 3)
    known = ledger(holds, 3, {1: "loaded", 2: "loaded", 3: "unchanged"})
    assert replayed(layout, known) == [("new", 3, True)]


def test_a_later_file_that_never_was_loaded_comes_after_it(layout: DataDirectory) -> None:
    holds = keep(layout, "held by the day", 1)
    keep(layout, "failed", 2)
    keep(layout, "failed too", 3)
    known = ledger(holds, 1, {1: "loaded"})
    assert replayed(layout, known) == [("held by the day", 1, True), ("failed too", 3, False)]


def test_a_held_file_comes_only_where_smaller_is_accepted(layout: DataDirectory) -> None:
    holds = keep(layout, "whole", 1)
    keep(layout, "small", 2)
    known = ledger(holds, 1, {1: "loaded", 2: "held"})
    assert replayed(layout, known) == [("whole", 1, True)]
    assert replayed(layout, known, accept_smaller=True)[-1] == ("small", 2, False)


def test_a_day_that_never_was_loaded_takes_its_newest_file(layout: DataDirectory) -> None:
    assert replayed(layout, NO_LEDGER) == []
    keep(layout, "a", 1)
    keep(layout, "b", 2)
    assert replayed(layout, NO_LEDGER) == [("b", 2, False)]


def test_a_rebuild_loads_a_day_as_the_ledger_has_it_and_observes_it_again(
    layout: DataDirectory,
) -> None:
    keep(layout, "older", 1)
    holds = keep(layout, "held by the day", 2)
    keep(layout, "held by the day", 3)
    keep(layout, "refused", 4)
    keep(layout, "failed", 5)
    known = ledger(holds, 3, {1: "loaded", 2: "loaded", 3: "unchanged", 4: "held"}, load_hour=2)
    assert told(rebuild_steps(layout, known, "chats")) == [
        ("held by the day", 2, True),
        ("held by the day", 3, True),
        ("failed", 5, False),
    ]


def test_a_rebuild_without_a_ledger_takes_every_observation_in_order(
    layout: DataDirectory,
) -> None:
    for text, hour in (("b", 2), ("a", 1), ("b", 3)):
        keep(layout, text, hour)
    assert [step[:2] for step in told(rebuild_steps(layout, NO_LEDGER, "chats"))] == [
        ("a", 1),
        ("b", 2),
        ("b", 3),
    ]


def test_a_rebuild_refuses_to_lose_a_day_whose_file_is_gone(layout: DataDirectory) -> None:
    holds = keep(layout, "a", 1)
    layout.raw_note(holds.path).unlink()
    with pytest.raises(RawMissing, match=r"chats of 03\.02\.2026"):
        rebuild_steps(layout, ledger(holds, 1, {1: "loaded"}), "chats")


def test_a_file_is_proven_before_it_is_used(layout: DataDirectory) -> None:
    seen = keep(layout, "a", 1)
    prove_raw(layout, seen)
    seen.path.write_text("b")
    with pytest.raises(HashMismatch, match="was damaged after its download"):
        prove_raw(layout, seen)
    seen.path.unlink()
    with pytest.raises(RawMissing):
        prove_raw(layout, seen)
    layout.raw_note(seen.path).write_text("{")
    with pytest.raises(HashMismatch, match="is damaged"):
        raw_observations(layout, "chats")
