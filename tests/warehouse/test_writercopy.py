"""The writer's database goes from machine to machine: the newest, whole, one writer's at a time."""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from s3server import S3Server
from small_company import writing
from storing import DAYS, RULES, add_day, company, shown
from taking_turns import days, hand_over, machine, turn

from warehouse import storedleftovers, writerpieces
from warehouse.errors import HashMismatch, OtherPublisher, StoreUnavailable
from warehouse.layout import DataDirectory
from warehouse.mirroring import mirror
from warehouse.published import current_release
from warehouse.releases import publish, rollback
from warehouse.storedfiles import StoredFiles
from warehouse.storedleftovers import sweep_stored
from warehouse.writerbase import known_release
from warehouse.writercopy import bring_newest

FIFTH, SIXTH, SEVENTH = "2026-02-05", "2026-02-06", "2026-02-07"


@pytest.fixture
def first(store_url: str, tmp_path: Path) -> DataDirectory:
    """A machine that had a company's data before the store was named, and has handed it over."""
    company(tmp_path / "first")
    layout = machine(tmp_path / "first", store_url)
    hand_over(layout)
    return layout


@pytest.fixture
def second(first: DataDirectory, store_url: str, tmp_path: Path) -> DataDirectory:
    """A machine with an empty directory, beside the first."""
    del first
    return machine(tmp_path / "second", store_url)


def stored(layout: DataDirectory) -> StoredFiles:
    assert isinstance(layout.files, StoredFiles)
    return layout.files


def send(layout: DataDirectory) -> int:
    return mirror(layout, stored(layout).store, RULES).release


@pytest.mark.promise("files-handed-over")
def test_the_next_writer_has_the_newest_and_releases_go_on_counting(
    first: DataDirectory, second: DataDirectory, store_url: str
) -> None:
    assert days(second) == list(DAYS)
    assert known_release(second) == 1
    assert add_day(second, FIFTH).number == 2
    assert hand_over(second) > 0
    assert hand_over(second) == 0
    assert send(second) == 2
    assert days(first) == [*DAYS, FIFTH]
    assert add_day(first, SIXTH).number == 3
    hand_over(first)
    assert send(first) == 3
    assert shown(store_url).publication == 2
    published = current_release(first)
    assert published is not None
    assert len(list((published.path / "parquet/chats").iterdir())) == 5
    (database,) = published.path.glob("*.duckdb")
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("FROM chats SELECT count(*)").fetchone() == (21,)


@pytest.mark.promise("files-handed-over")
def test_a_day_sends_and_brings_the_pieces_that_it_changed(
    first: DataDirectory, second: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writerpieces, "PIECE_BYTES", 64 * 1024)
    add_day(first, FIFTH)  # all pieces anew: they have another length now
    hand_over(first)
    bring_newest(second)
    assert second.database.read_bytes() == first.database.read_bytes()
    add_day(first, SIXTH)
    size = first.database.stat().st_size
    sent = hand_over(first)
    assert 0 < sent < size / 2
    assert bring_newest(second).bytes == sent
    assert second.database.read_bytes() == first.database.read_bytes()
    pieces = {key.key for key in stored(first).store.listed("database/")}
    assert len(pieces) <= 1 + -(-size // (64 * 1024)) + 8, "old pieces stay"


@pytest.mark.promise("files-one-loader")
def test_of_two_that_load_at_once_one_hands_over_and_the_other_is_told(
    first: DataDirectory, second: DataDirectory, store_url: str
) -> None:
    days(second)
    add_day(first, FIFTH)
    add_day(second, SIXTH)
    hand_over(first)
    assert send(first) == 2
    with pytest.raises(OtherPublisher, match="the next run loads it again"):
        hand_over(second)
    with pytest.raises(OtherPublisher):
        send(second)
    assert shown(store_url).release == 2
    came = bring_newest(second)
    assert came.given_up
    assert days(second) == [*DAYS, FIFTH]
    add_day(second, SIXTH)
    hand_over(second)
    assert days(first) == [*DAYS, FIFTH, SIXTH]


@pytest.mark.promise("files-one-loader")
def test_who_publishes_late_leaves_it_to_the_one_that_loaded_on_top(
    first: DataDirectory, second: DataDirectory, store_url: str
) -> None:
    add_day(first, FIFTH)
    hand_over(first)
    days(second)
    add_day(second, SIXTH)
    hand_over(second)
    assert mirror(first, stored(first).store, RULES).elsewhere
    assert send(second) == 3
    assert hand_over(first) == 0
    assert mirror(first, stored(first).store, RULES).elsewhere
    assert shown(store_url).release == 3


@pytest.mark.promise("files-handed-over")
def test_loads_that_could_not_be_handed_over_are_by_the_next_run(
    first: DataDirectory, second: DataDirectory, object_store: S3Server
) -> None:
    add_day(first, FIFTH)
    object_store.misbehave({"method": "PUT", "key": "database/", "what": "503", "times": 99})
    with pytest.raises(StoreUnavailable):
        hand_over(first)
    object_store.misbehave()
    assert days(first) == [*DAYS, FIFTH], "nobody has loaded since: they count"
    hand_over(first)
    assert days(second) == [*DAYS, FIFTH]


@pytest.mark.promise("files-handed-over")
def test_a_hand_over_whose_answer_was_lost_counts_once(
    first: DataDirectory, second: DataDirectory, object_store: S3Server
) -> None:
    add_day(first, FIFTH)
    object_store.misbehave({"method": "PUT", "key": "current.json", "what": "lost"})
    hand_over(first)
    assert days(second) == [*DAYS, FIFTH]


@pytest.mark.promise("files-handed-over")
def test_what_dead_runs_left_on_the_store_goes_once_nobody_can_be_using_it(
    first: DataDirectory, second: DataDirectory
) -> None:
    needed = {found.key for found in stored(first).store.listed("")}
    left = ("lake/chats/window_day=2026-02-02/dead.parquet", f"raw/chats/x/{'0' * 64}.csv")
    for name in left:
        aside = first.building / "aside"
        aside.write_bytes(b"rows")
        first.files.keep(aside, first.root / name)
    store, begun = stored(first).store, f"{stored(first).url.split('/', 3)[3]}/raw/chats/x/1.csv"
    client, bucket = store._client, store._bucket  # an upload that a kill cuts off
    client.create_multipart_upload(Bucket=bucket, Key=begun)
    time.sleep(1.1)  # the store tells when in whole seconds
    with writing(second) as writer:
        assert sweep_stored(writer) == []
        assert set(sweep_stored(writer, timedelta(0))) == set(left)
    assert not client.list_multipart_uploads(Bucket=bucket, Prefix=begun).get("Uploads")
    assert {found.key for found in stored(first).store.listed("")} == needed


@pytest.mark.promise("files-handed-over")
def test_what_came_again_while_leftovers_are_looked_for_stays(
    first: DataDirectory, second: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"raw/chats/x/{'0' * 64}"
    first.building.mkdir(exist_ok=True)
    (first.building / "aside").write_bytes(b"rows")
    first.files.keep(first.building / "aside", first.root / f"{name}.csv")
    time.sleep(1.1)  # the store tells when in whole seconds
    looking = storedleftovers._without_a_note

    def noted(*args: Any) -> list[str]:
        found = list(looking(*args))
        first.files.change(first.root / f"{name}.seen.json", lambda _: b"{}")
        return found

    monkeypatch.setattr(storedleftovers, "_without_a_note", noted)
    with writing(second) as writer:
        assert sweep_stored(writer, timedelta(0)) == []
    assert stored(first).store.exists(f"{name}.csv")


@pytest.mark.promise("files-one-loader")
def test_a_hold_holds_publication_on_all_machines(
    first: DataDirectory, second: DataDirectory
) -> None:
    add_day(first, FIFTH)
    hand_over(first)
    rollback(first, to=1, hold=True)
    with writing(second) as writer:
        assert publish(writer, keep=2) is None
    rollback(first, to=2)
    with writing(second) as writer:
        assert publish(writer, keep=2) is not None


@pytest.mark.promise("files-damaged")
def test_a_piece_that_is_another_is_refused_and_the_database_stays(
    first: DataDirectory, second: DataDirectory
) -> None:
    days(second)
    before = second.database.read_bytes()
    add_day(first, FIFTH)
    hand_over(first)
    store = stored(first).store
    for found in store.listed("database/"):
        if found.key.endswith(".part"):
            store.put(found.key, b"other bytes")
    with pytest.raises(HashMismatch, match="isn't what was handed over"):
        bring_newest(second)
    assert second.database.read_bytes() == before


@pytest.mark.promise("files-one-loader")
def test_a_directory_with_a_database_of_its_own_is_refused(
    first: DataDirectory, store_url: str, tmp_path: Path
) -> None:
    del first
    company(tmp_path / "other")
    with pytest.raises(OtherPublisher, match="set SMARTCONNECT_DATA_DIR to an empty"):
        machine(tmp_path / "other", store_url)


@pytest.mark.promise("files-handed-over")
def test_a_log_that_a_kill_left_is_not_replayed_into_what_came(
    first: DataDirectory, second: DataDirectory, store_url: str
) -> None:
    days(second)
    code, _ = turn(second.root, store_url, SIXTH, "kill", "warehouse.database.committed")
    assert code == -signal.SIGKILL
    assert second.database.with_suffix(".duckdb.wal").exists()
    add_day(first, FIFTH)
    hand_over(first)
    assert days(second) == [*DAYS, FIFTH]


@pytest.mark.rehearsal
@pytest.mark.promise("files-handed-over")
def test_killed_at_each_point_a_turn_is_made_good_by_the_next(
    first: DataDirectory, second: DataDirectory, store_url: str
) -> None:
    """Who is killed brings what the other loaded; it takes its turn again, or the other does."""
    wanted = [f"2026-03-{number:02}" for number in range(1, 31)]
    _, told = turn(second.root, store_url, wanted[0])
    _, more = turn(first.root, store_url, wanted[1])
    points = list(dict.fromkeys([*told["points"], *more["points"]]))
    assert len(points) > 12
    killed, last = [], first
    for number, point in enumerate(points):
        one, other = (second, first) if last is first else (first, second)
        day = wanted[2 + number]
        code, said = turn(one.root, store_url, day, "kill", point)
        killed += [point] if code else []
        assert "error" not in said
        last = again = other if number % 2 else one
        code, said = turn(again.root, store_url, day)
        assert (code, "error" in said) == (0, False), (point, said)
        assert days(again) == [*DAYS, *wanted[: 3 + number]], point
    missed = set(points) - set(killed)
    assert len(killed) > 12, missed
    assert days(first) == days(second) == [*DAYS, *wanted[: 2 + len(points)]]
