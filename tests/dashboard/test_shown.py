"""What is kept in memory of a release: enough for a second look, bounded, and gone with it."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dashboard.shown import Look, Overloaded, Shown
from transform.datasets import DATASETS
from warehouse.database import open_writer
from warehouse.errors import NoSuchRelease
from warehouse.layout import DataDirectory
from warehouse.marts import Reader
from warehouse.releases import publish, publish_alone

SCHEMAS = [dataset.arrow_schema() for dataset in DATASETS.values()]


@pytest.fixture
def layout(data: Path, tmp_path: Path) -> DataDirectory:
    shutil.copytree(data, tmp_path / "data", symlinks=True)
    return DataDirectory(tmp_path / "data")


def publish_again(layout: DataDirectory, *, alone: bool = False) -> None:
    with open_writer(layout, holder="test", wait_seconds=10, schemas=SCHEMAS) as writer:
        writer.connection.execute("UPDATE meta.revision SET number = number + 1")
        assert publish(writer, keep=5)
        if alone:
            publish_alone(writer)


def test_a_second_look_reads_nothing_and_those_who_ask_at_once_wait_for_one(
    layout: DataDirectory,
) -> None:
    shown, reads = Shown(layout), []
    both = threading.Barrier(2, timeout=30)

    def read(reader: Reader) -> int:
        reads.append(reader.release)
        return reader.release

    def ask(_: int) -> int:
        both.wait()
        return shown.whole(lambda look: look.ask("key", read))

    with ThreadPoolExecutor(2) as threads:
        assert len(set(threads.map(ask, range(2)))) == 1
    shown.whole(lambda look: look.ask("key", read))
    assert len(reads) == 1
    publish_again(layout)
    assert shown.whole(lambda look: look.ask("key", read)) == reads[0] + 1


def test_only_so_many_answers_are_kept_and_no_failure_is(layout: DataDirectory) -> None:
    shown, made = Shown(layout, kept=3), []

    def look_at(number: int) -> None:
        shown.whole(lambda look: look.keep(number, lambda: made.append(number)))

    for number in (1, 2, 3, 1, 4, 1, 2):  # 2 is the one that was not asked for longest
        look_at(number)
    assert made == [1, 2, 3, 4, 2]

    def fail() -> None:
        made.append(0)
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011  (ours)
            shown.whole(lambda look: look.keep("wrong", fail))
    assert made.count(0) == 4  # each time once more, should the release have been the reason


@pytest.mark.promise("dashboard-no-error", "dashboard-one-release")
def test_a_release_that_goes_while_it_is_read_is_read_anew_from_the_next(
    layout: DataDirectory,
) -> None:
    shown, seen = Shown(layout), []

    def read(reader: Reader) -> int:
        seen.append(reader.release)
        if len(seen) == 1:
            publish_again(layout, alone=True)
        return reader.release

    def build(look: Look) -> tuple[int, int]:
        return look.of.number, look.ask("key", read)

    number, release = shown.whole(build)
    assert number == release == seen[-1] > seen[0]


@pytest.mark.promise("dashboard-one-release")
def test_a_page_never_mixes_what_was_kept_with_what_is_new(layout: DataDirectory) -> None:
    shown, tries = Shown(layout), []

    def build(look: Look) -> tuple[int, int]:
        first = look.ask("first", lambda reader: reader.release)
        if not tries:
            publish_again(layout)
            shown.now()  # another page has seen it
        tries.append(look.of.number)
        return first, look.ask("second", lambda reader: reader.release)

    first, second = shown.whole(build)
    assert first == second == tries[-1]
    assert len(tries) == 2


def test_when_all_readers_are_busy_it_is_said(layout: DataDirectory) -> None:
    shown = Shown(layout, readers=1, wait_seconds=0.05)

    def read(_: Reader) -> None:
        with pytest.raises(Overloaded):
            shown.whole(lambda look: look.ask("other", lambda reader: reader.release))

    shown.whole(lambda look: look.ask("one", read))


def test_where_nothing_is_published_that_is_said(tmp_path: Path) -> None:
    shown = Shown(DataDirectory(tmp_path))
    assert shown.now() is None
    with pytest.raises(NoSuchRelease):
        shown.whole(lambda look: look.of)
