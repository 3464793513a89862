"""A step that another one follows may leave its log where that is cheaper; nobody misses a row."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pytest

import warehouse.database
from transform.datasets import DATASETS
from warehouse.database import Writer, open_writer
from warehouse.layout import DataDirectory
from warehouse.ledger import get_fact, set_fact
from warehouse.published import current_release
from warehouse.releases import publish
from warehouse.tables import prepare_tables

SCHEMAS = [dataset.arrow_schema() for dataset in DATASETS.values()]


@pytest.fixture
def layout(tmp_path: Path) -> DataDirectory:
    found = DataDirectory(tmp_path / "data")
    found.initialise("sandbox")
    with session(found) as writer:
        prepare_tables(writer)
    return found


def session(layout: DataDirectory, *, keep_log: bool = False) -> AbstractContextManager[Writer]:
    return open_writer(layout, holder="a", wait_seconds=0, schemas=SCHEMAS, keep_log=keep_log)


def log_of(layout: DataDirectory) -> Path:
    return layout.database.with_suffix(".duckdb.wal")


def noted(layout: DataDirectory, value: str, *, keep_log: bool) -> None:
    with session(layout, keep_log=keep_log) as writer:
        set_fact(writer, "step", value, "a test")


def test_a_small_log_is_left_to_the_next_step_and_the_last_leaves_none(
    layout: DataDirectory,
) -> None:
    noted(layout, "1", keep_log=True)
    assert log_of(layout).exists()
    noted(layout, "2", keep_log=True)
    with session(layout) as writer:
        assert get_fact(writer, "step") == "2"
    assert not log_of(layout).exists()
    with duckdb.connect(str(layout.database), read_only=True) as connection:
        assert connection.sql("SELECT value FROM meta.facts").fetchall() == [("2",)]


def test_a_log_that_costs_more_than_a_checkpoint_is_not_left(
    layout: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse.database, "_LOG_TO_DATABASE", 10**9)
    noted(layout, "1", keep_log=True)
    assert not log_of(layout).exists()


def test_a_release_has_what_the_log_holds(layout: DataDirectory) -> None:
    noted(layout, "1", keep_log=True)
    with session(layout) as writer:
        assert publish(writer, keep=2)
    release = current_release(layout)
    assert release is not None
    with duckdb.connect(str(release.path / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.sql("SELECT value FROM meta.facts").fetchall() == [("1",)]
    assert [path.name for path in release.path.glob("*.wal")] == []


def test_a_step_that_fails_leaves_the_file_whole(layout: DataDirectory) -> None:
    def fail() -> None:
        with session(layout, keep_log=True) as writer:
            set_fact(writer, "step", "1", "a test")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not log_of(layout).exists()


def test_the_log_that_is_left_is_durable_by_itself(layout: DataDirectory, tmp_path: Path) -> None:
    """As a power cut leaves them: the two files, copied while nobody has them open."""
    noted(layout, "1", keep_log=True)
    shutil.copytree(layout.root, tmp_path / "after")
    after = DataDirectory(tmp_path / "after")
    with session(after) as writer:
        assert get_fact(writer, "step") == "1"
