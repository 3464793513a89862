"""Readers of a store are put back by any machine, and stay there until something is loaded."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from s3server import S3Server
from small_company import writing
from storing import DAYS, RULES, add_day, child, company, shown
from taking_turns import hand_over, machine

import warehouse.storeputback as module
from warehouse.errors import NoSuchRelease, OtherPublisher
from warehouse.layout import DataDirectory
from warehouse.mirroring import Mirrored, mirror
from warehouse.published import current_release
from warehouse.pulling import pull
from warehouse.releases import publish
from warehouse.store import ObjectStore
from warehouse.storeputback import on_store, roll_back_on_store

FIFTH, SIXTH, SEVENTH = "2026-02-05", "2026-02-06", "2026-02-07"


@pytest.fixture
def first(store_url: str, tmp_path: Path) -> DataDirectory:
    """A machine that has published two releases."""
    company(tmp_path / "first")
    layout = machine(tmp_path / "first", store_url)
    hand_over(layout)
    send(layout, store_url)
    loaded(layout, store_url, FIFTH)
    return layout


@pytest.fixture
def empty(first: DataDirectory, store_url: str, tmp_path: Path) -> DataDirectory:
    """A machine that has nothing."""
    del first
    return machine(tmp_path / "empty", store_url)


def send(layout: DataDirectory, url: str) -> Mirrored:
    return mirror(layout, ObjectStore(url, tries=3), RULES)


def loaded(layout: DataDirectory, url: str, day: str) -> Mirrored:
    """A run that loads a day."""
    add_day(layout, day)
    hand_over(layout)
    return send(layout, url)


def ran(layout: DataDirectory, url: str) -> None:
    """A run that loads nothing."""
    with writing(layout) as writer:
        publish(writer, keep=2)
    hand_over(layout)
    if current_release(layout) is not None:
        send(layout, url)


def back(layout: DataDirectory, url: str, to: int | None = None, *, hold: bool = False) -> int:
    return roll_back_on_store(layout, ObjectStore(url, tries=3), RULES, to, hold=hold)


def days_of(folder: Path) -> list[str]:
    return sorted(path.name[11:] for path in (folder / "current/parquet/chats").iterdir())


@pytest.mark.promise("store-put-back")
def test_a_machine_with_nothing_puts_readers_back_and_nothing_is_sent(
    first: DataDirectory,
    empty: DataDirectory,
    object_store: S3Server,
    store_url: str,
    tmp_path: Path,
) -> None:
    store, folder = ObjectStore(store_url), tmp_path / "pulled"
    pull(store, folder, parquet=True)
    assert on_store(store) == [1, 2]
    before = len(object_store.puts())
    assert back(empty, store_url) == 1
    assert not any("/data/" in path for path in object_store.puts()[before:])
    assert (shown(store_url).release, shown(store_url).publication) == (1, 3)
    assert pull(store, folder, parquet=True).release == 1
    assert days_of(folder) == list(DAYS)
    assert on_store(store) == [1, 2]
    assert back(first, store_url, to=2) == 2
    found = current_release(first)
    assert found is not None
    assert found.number == 2
    assert pull(store, folder, parquet=True).release == 2


@pytest.mark.promise("store-put-back")
def test_readers_stay_back_until_something_is_loaded_wherever_that_is(
    first: DataDirectory, empty: DataDirectory, store_url: str, tmp_path: Path
) -> None:
    other = machine(tmp_path / "other", store_url)
    assert back(other, store_url) == 1
    for layout in (first, empty):  # one has made the newest, one makes it of what it brings
        ran(layout, store_url)
        assert shown(store_url).release == 1
    assert loaded(empty, store_url, SIXTH).new
    assert shown(store_url).release > 2
    ran(first, store_url)
    assert loaded(first, store_url, SEVENTH).new


@pytest.mark.promise("store-put-back")
def test_a_hold_is_for_all_machines_and_ends_with_the_newest(
    first: DataDirectory, empty: DataDirectory, store_url: str
) -> None:
    assert back(empty, store_url, hold=True) == 1
    with writing(first) as writer:
        assert publish(writer, keep=2) is None
    add_day_held(first)
    assert send(first, store_url).put_back
    assert shown(store_url).release == 1
    assert back(empty, store_url, to=2) == 2
    ran(first, store_url)
    assert shown(store_url).release == 3


@pytest.mark.promise("store-put-back")
def test_what_is_published_here_and_not_yet_there_is_held_too(
    first: DataDirectory, empty: DataDirectory, store_url: str
) -> None:
    add_day(first, SIXTH)
    hand_over(first)
    assert back(empty, store_url, hold=True) == 1
    assert send(first, store_url).put_back
    assert shown(store_url).release == 1


def add_day_held(layout: DataDirectory) -> None:
    with pytest.raises(AssertionError):  # it is loaded, and not published
        add_day(layout, SIXTH)
    hand_over(layout)


@pytest.mark.promise("store-put-back")
def test_who_publishes_at_the_same_moment_wins_and_it_is_said(
    first: DataDirectory, empty: DataDirectory, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing = module.publish_pointer

    def late(*args: Any) -> object:
        loaded(first, store_url, SIXTH)
        return publishing(*args)

    monkeypatch.setattr(module, "publish_pointer", late)
    with pytest.raises(OtherPublisher, match="roll back again"):
        back(empty, store_url, hold=True)
    assert shown(store_url).release == 3
    assert loaded(first, store_url, SEVENTH).new, "nothing is held by a rollback that failed"


@pytest.mark.promise("store-put-back")
def test_what_is_not_on_the_store_is_told_with_what_is(
    empty: DataDirectory, store_url: str
) -> None:
    with pytest.raises(NoSuchRelease, match=r"no release 7 on s3.* there are: 1, 2"):
        back(empty, store_url, to=7)
    assert back(empty, store_url) == 1
    with pytest.raises(NoSuchRelease, match="no release before the current one"):
        back(empty, store_url)


@pytest.mark.rehearsal
@pytest.mark.promise("store-put-back")
def test_killed_at_each_point_readers_see_a_whole_release_and_the_next_finishes(
    first: DataDirectory, store_url: str, tmp_path: Path
) -> None:
    told = child("rollback", tmp_path / "whole", store_url).communicate()[0]
    points = [p for p in json.loads(told)["points"] if "back." in p or "publishing." in p]
    assert {"warehouse.putback.noted", "warehouse.putback.hold-set"} <= set(points)
    assert len(points) > 4
    for number, point in enumerate(points):
        back(first, store_url, to=2)
        root = tmp_path / f"killed-{number}"
        process = child("rollback", root, store_url, "kill", point)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, point
        assert shown(store_url).release in (1, 2)
        child("rollback", root, store_url).communicate()
        assert shown(store_url).release == 1
        ran(first, store_url)
        assert shown(store_url).release == 1
