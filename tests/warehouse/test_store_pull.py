"""A release brought from the object store to a folder: only if it is newer, whole, proven."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from s3server import S3Server
from storing import add_day, company, manifest_of, send

from warehouse.errors import HashMismatch, NoSuchRelease, StoreUnavailable, WriterBusy
from warehouse.pulling import pull
from warehouse.store import ObjectStore


def count(folder: Path) -> int:
    database = folder / "current" / "warehouse.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute("FROM chats SELECT count(*)").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.promise("store-pull")
def test_a_release_is_pulled_once_and_again_when_there_is_a_newer_one(
    store_url: str, tmp_path: Path
) -> None:
    layout, folder = company(tmp_path / "data"), tmp_path / "pulled"
    store = ObjectStore(store_url)
    send(layout, store_url)
    told = pull(store, folder, parquet=False)
    assert told.new
    assert told.bytes == manifest_of(store_url)["files"]["warehouse.duckdb"]["bytes"]
    assert count(folder) == 15
    assert not (folder / "current" / "parquet").exists()
    assert not pull(store, folder, parquet=False).new

    with duckdb.connect(str(folder / "current/warehouse.duckdb"), read_only=True) as old:
        add_day(layout, "2026-02-05")
        send(layout, store_url)
        assert pull(store, folder, parquet=False).new
        assert count(folder) == 18
        assert old.execute("FROM chats SELECT count(*)").fetchall() == [(15,)]
    assert [path.name for path in (folder / "releases").iterdir()] == ["2"]
    modes = {path.stat().st_mode & 0o077 for path in (folder / "releases").rglob("*")}
    assert modes == {0}, "it is nobody's but the owner's"


@pytest.mark.promise("store-pull")
def test_parquet_comes_when_asked_and_only_what_is_new(store_url: str, tmp_path: Path) -> None:
    layout, folder = company(tmp_path / "data"), tmp_path / "pulled"
    store = ObjectStore(store_url)
    send(layout, store_url)
    pull(store, folder, parquet=False)
    whole = pull(store, folder, parquet=True)
    assert whole.new
    assert whole.bytes < manifest_of(store_url)["files"]["warehouse.duckdb"]["bytes"]
    kept = folder / "current/parquet/chats/window_day=2026-02-02/part.parquet"
    inode = kept.stat().st_ino
    add_day(layout, "2026-02-05")
    send(layout, store_url)
    pull(store, folder, parquet=True)
    assert kept.stat().st_ino == inode
    assert len(list((folder / "current/parquet/chats").iterdir())) == 4


@pytest.mark.promise("store-pull")
def test_a_pull_that_is_cut_off_goes_on_where_it_was(
    object_store: S3Server, store_url: str, tmp_path: Path
) -> None:
    send(company(tmp_path / "data"), store_url)
    size = manifest_of(store_url)["files"]["warehouse.duckdb"]["bytes"]
    folder, store = tmp_path / "pulled", ObjectStore(store_url, tries=1)
    object_store.misbehave({"method": "GET", "key": "/warehouse/", "what": "cut", "times": 9})
    with pytest.raises(StoreUnavailable):
        pull(store, folder, parquet=False)
    assert not (folder / "current").exists()
    (part,) = (folder / ".pulling").iterdir()
    came = part.stat().st_size
    assert 0 < came < size
    object_store.misbehave()
    told = pull(store, folder, parquet=False)
    assert told.bytes == size - came
    assert count(folder) == 15


@pytest.mark.promise("store-pull")
def test_what_is_not_what_was_published_is_refused(store_url: str, tmp_path: Path) -> None:
    layout, folder = company(tmp_path / "data"), tmp_path / "pulled"
    store = ObjectStore(store_url)
    send(layout, store_url)
    pull(store, folder, parquet=False)
    add_day(layout, "2026-02-05")
    send(layout, store_url)
    told = manifest_of(store_url)["files"]["warehouse.duckdb"]
    store.put(told["key"], b"x" * told["bytes"])
    with pytest.raises(HashMismatch):
        pull(store, folder, parquet=False)
    assert count(folder) == 15


def test_nothing_there_and_something_older_are_told(store_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "pulled"
    with pytest.raises(NoSuchRelease, match="Nothing is published"):
        pull(ObjectStore(store_url), folder, parquet=False)
    layout = company(tmp_path / "data")
    send(layout, store_url)
    add_day(layout, "2026-02-05")
    send(layout, store_url)
    pull(ObjectStore(store_url), folder, parquet=False)
    send(company(tmp_path / "other"), f"{store_url}2")
    with pytest.raises(NoSuchRelease, match="begun anew"):
        pull(ObjectStore(f"{store_url}2"), folder, parquet=False)
    assert count(folder) == 18


def test_two_pulls_into_one_folder_do_not_mix(store_url: str, tmp_path: Path) -> None:
    from filelock import FileLock  # noqa: PLC0415

    folder = tmp_path / "pulled"
    folder.mkdir()
    with FileLock(folder / ".pull.lock"), pytest.raises(WriterBusy):
        pull(ObjectStore(store_url), folder, parquet=False)
