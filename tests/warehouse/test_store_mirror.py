"""A release on an object store: only what is new is sent, one loader alone publishes, nothing that
a kept release needs is removed. A real S3 protocol server in a process of its own.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from s3server import KEY, SECRET, S3Server
from storing import (
    DAYS,
    RULES,
    add_day,
    child,
    company,
    manifest_of,
    send,
    shown,
    stored,
    tick,
    unneeded,
)

from warehouse.erasinglist import add_request, finish_requests
from warehouse.errors import (
    HashMismatch,
    NoSuchRelease,
    OtherOrigin,
    OtherPublisher,
    StoreRefused,
    StoreUnavailable,
)
from warehouse.layout import DataDirectory
from warehouse.published import current_release
from warehouse.releases import rollback
from warehouse.store import ObjectStore

LONG_AGO = replace(RULES, grace_seconds=86_400)


@pytest.mark.promise("store-only-new")
def test_a_release_sends_what_is_new_and_nothing_twice(
    object_store: S3Server, store_url: str, tmp_path: Path
) -> None:
    layout = company(tmp_path / "data")
    first = send(layout, store_url)
    assert first.new
    assert first.files == len(manifest_of(store_url)["files"])
    before = len(object_store.puts())
    assert not send(layout, store_url).new
    assert len(object_store.puts()) == before

    add_day(layout, "2026-02-05")
    second = send(layout, store_url)
    sent = [path for path in object_store.puts()[before:] if "/data/chats/" in path]
    assert len(sent) == 1
    assert "window_day=2026-02-05" in sent[0]
    assert second.files < first.files
    pointer = shown(store_url)
    assert (pointer.publication, pointer.release) == (2, second.release)
    assert [kept.release for kept in pointer.kept] == [first.release]
    chats = manifest_of(store_url)["parquet"]["chats"]
    assert [key.split("/")[2] for key in chats] == [
        f"window_day={day}" for day in (*DAYS, "2026-02-05")
    ]


@pytest.mark.promise("store-only-new")
def test_a_rollback_sends_nothing(store_url: str, tmp_path: Path) -> None:
    layout = company(tmp_path / "data")
    first = send(layout, store_url)
    add_day(layout, "2026-02-05")
    send(layout, store_url)
    rollback(layout)
    back = send(layout, store_url)
    assert (back.new, back.files, back.release) == (True, 0, first.release)
    assert shown(store_url).release == first.release


@pytest.mark.promise("store-private")
def test_only_database_and_parquet_are_sent(store_url: str, tmp_path: Path) -> None:
    layout = company(tmp_path / "data")
    raw = layout.raw / "chats/2026-02-02_2026-02-02/0.csv"
    raw.parent.mkdir(parents=True)
    raw.write_text("canary")
    send(layout, store_url)
    kinds = {Path(key).suffix for key in stored(store_url)}
    assert kinds == {".json", ".parquet", ".duckdb"}
    assert {key.split("/")[0] for key in stored(store_url)} == {"current.json", "data", "releases"}
    assert not any("canary" in str(manifest_of(store_url)) for _ in "1")


@pytest.mark.promise("store-private")
def test_the_keys_are_in_no_log_and_no_error(
    object_store: S3Server,
    store_url: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary-session")
    layout = company(tmp_path / "data")
    with caplog.at_level(logging.DEBUG):
        send(layout, store_url)
        with pytest.raises(StoreRefused) as refused:
            send(layout, "s3://not-there/x")
        object_store.misbehave({"method": "GET", "key": "current", "what": "503", "times": 9})
        with pytest.raises(StoreUnavailable) as away:
            send(layout, store_url)
    said = caplog.text + str(refused.value) + str(away.value)
    assert all(secret not in said for secret in (KEY, SECRET, "canary-session"))
    assert "NoSuchBucket" in str(refused.value)
    kept = [path.read_bytes() for path in layout.state.rglob("*") if path.is_file()]
    assert all(secret.encode() not in text for secret in (KEY, SECRET) for text in kept)


@pytest.mark.promise("store-one-loader")
def test_of_two_loaders_on_the_same_release_the_later_is_refused(
    store_url: str, tmp_path: Path
) -> None:
    """A copy of the data directory, as of a cloned machine: no lock keeps it from publishing."""
    layout = company(tmp_path / "data")
    send(layout, store_url)
    shutil.copytree(layout.root, tmp_path / "clone", symlinks=True)
    clone = DataDirectory(tmp_path / "clone")
    add_day(layout, "2026-02-05")
    add_day(clone, "2026-02-06")
    slow = child("mirror", clone.root, store_url, "wait", "warehouse.mirroring.manifest-there")
    assert slow.stdout is not None
    assert slow.stdout.readline() == "waiting\n"
    tick()
    assert send(layout, store_url).new
    Path(f"{clone.root}.go").touch()
    assert json.loads(slow.communicate()[0]) == {"error": "OtherPublisher"}
    assert "window_day=2026-02-05" in str(manifest_of(store_url)["parquet"]["chats"])
    shown(store_url)


@pytest.mark.promise("store-one-loader")
def test_of_loaders_that_begin_at_once_one_publishes(store_url: str, tmp_path: Path) -> None:
    layouts = [company(tmp_path / name) for name in ("one", "two", "three")]
    point = "warehouse.mirroring.manifest-there"
    racing = [child("mirror", layout.root, store_url, "wait", point) for layout in layouts]
    for process in racing:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
    for layout in layouts:
        Path(f"{layout.root}.go").touch()
    ended = [json.loads(process.communicate()[0]) for process in racing]
    assert sum(told.get("done", False) for told in ended) == 1
    assert sum(told.get("error") == "OtherPublisher" for told in ended) == 2
    assert shown(store_url).publication == 1


@pytest.mark.promise("store-one-loader")
def test_another_data_directory_publishes_only_if_told_to(store_url: str, tmp_path: Path) -> None:
    one, two = company(tmp_path / "one"), company(tmp_path / "two", DAYS[:1])
    send(one, store_url)
    with pytest.raises(OtherPublisher, match="--take-over"):
        send(two, store_url)
    assert send(two, store_url, replace(RULES, take_over=True)).new
    with pytest.raises(OtherPublisher):
        send(one, store_url)
    assert len(manifest_of(store_url)["parquet"]["chats"]) == 1


@pytest.mark.promise("store-one-loader")
def test_a_store_that_ignores_conditions_is_refused(
    object_store: S3Server, store_url: str, tmp_path: Path
) -> None:
    object_store.misbehave({"method": "PUT", "key": "probe-", "what": "unconditional", "times": 9})
    with pytest.raises(StoreRefused, match="conditional"):
        send(company(tmp_path / "data"), store_url)
    assert stored(store_url) == set()


def test_another_companys_prefix_is_left_alone(store_url: str, tmp_path: Path) -> None:
    send(company(tmp_path / "data"), store_url)
    other = company(tmp_path / "other")
    (other.state / "origin.json").write_text('{"origin": "another"}')
    with pytest.raises(OtherOrigin):
        send(other, store_url, replace(RULES, take_over=True))


@pytest.mark.promise("store-crash")
def test_a_lost_answer_to_the_publication_is_no_defeat(
    object_store: S3Server, store_url: str, tmp_path: Path
) -> None:
    object_store.misbehave({"method": "PUT", "key": "current.json", "what": "lost"})
    assert send(company(tmp_path / "data"), store_url).new
    assert shown(store_url).publication == 1


@pytest.mark.promise("store-away")
def test_a_store_that_is_unwell_is_tried_again_and_one_that_is_away_made_up_for(
    object_store: S3Server, store_url: str, tmp_path: Path
) -> None:
    layout = company(tmp_path / "data")
    object_store.misbehave({"method": "PUT", "key": "/data/", "what": "503", "times": 2})
    assert send(layout, store_url).new
    add_day(layout, "2026-02-05")
    object_store.misbehave({"method": "PUT", "key": "/data/", "what": "503", "times": 99})
    with pytest.raises(StoreUnavailable):
        send(layout, store_url)
    assert shown(store_url).publication == 1
    object_store.misbehave()
    assert send(layout, store_url).new
    assert shown(store_url).publication == 2


@pytest.mark.promise("store-expiry")
def test_releases_expire_with_what_they_alone_needed(store_url: str, tmp_path: Path) -> None:
    layout = company(tmp_path / "data")
    inner = f"{store_url}/data"  # another company's, by mistake below our own
    send(company(tmp_path / "inner"), inner)
    theirs = stored(store_url)
    strangers = {"data/notes.txt", "releases/README"}
    for key in strangers:
        ObjectStore(store_url).put(key, b"")
    for day in ("2026-02-05", "2026-02-06", "2026-02-07"):
        send(layout, store_url)
        add_day(layout, day)
        tick()
    last = send(layout, store_url)
    pointer = shown(store_url)  # each file of each release that is kept is proven
    assert [kept.publication for kept in pointer.kept] == [3]
    assert last.removed > 0
    shown(inner)
    assert unneeded(store_url) - theirs == strangers
    assert sum("/warehouse/" in key for key in stored(store_url) - theirs) == 2


@pytest.mark.promise("store-expiry")
def test_within_the_grace_nothing_is_removed(store_url: str, tmp_path: Path) -> None:
    layout = company(tmp_path / "data")
    send(layout, store_url, LONG_AGO)
    began = stored(store_url) - {"current.json"}
    for day in ("2026-02-05", "2026-02-06", "2026-02-07"):
        add_day(layout, day)
        assert send(layout, store_url, LONG_AGO).removed == 0
    assert began < stored(store_url)
    assert [kept.publication for kept in shown(store_url).kept] == [3, 2, 1]


@pytest.mark.promise("store-erased")
def test_after_an_erasure_nothing_of_before_stays_whatever_the_grace(
    store_url: str, tmp_path: Path
) -> None:
    layout = company(tmp_path / "data")
    send(layout, store_url, LONG_AGO)
    add_day(layout, "2026-02-05")
    send(layout, store_url, LONG_AGO)
    tick()
    add_request(layout, frozenset({"word"}), frozenset({"check"}), mentions=None)
    assert not send(layout, store_url, LONG_AGO).new  # it isn't finished
    finish_requests(layout)
    assert send(layout, store_url, LONG_AGO).new
    assert shown(store_url).kept == ()
    assert unneeded(store_url) == set()


@pytest.mark.promise("store-erased")
def test_once_personal_columns_are_withheld_no_release_with_them_stays(
    store_url: str, tmp_path: Path
) -> None:
    layout = company(tmp_path / "data")
    send(layout, store_url, LONG_AGO)
    tick()
    without = DataDirectory(layout.root, personal_published=False)
    add_day(without, "2026-02-05")
    send(without, store_url, LONG_AGO)
    pointer = shown(store_url)
    assert (pointer.personal, pointer.kept) == (False, ())
    assert unneeded(store_url) == set()


def test_a_large_file_goes_in_parts_and_what_a_cut_off_one_left_is_removed(
    object_store: S3Server, store_url: str, tmp_path: Path
) -> None:
    store, large = ObjectStore(store_url), tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 40_000)
    store.upload(large, "data/large")
    chunks = store.chunks("data/large", offset=5)
    assert chunks is not None
    assert b"".join(chunks) == large.read_bytes()[5:]
    prefix = store_url.removeprefix("s3://releases/")
    client = boto3.client("s3")
    client.create_multipart_upload(Bucket=object_store.bucket, Key=f"{prefix}/data/cut-off")
    client.create_multipart_upload(Bucket=object_store.bucket, Key="of/another")
    now = datetime.now(UTC)
    assert store.abort_uploads("data/", datetime(2000, 1, 1, tzinfo=UTC)) == 0  # moto's begin 2010
    assert store.abort_uploads("data/", now) == 1
    assert store.abort_uploads("data/", now) == 0


def test_a_release_that_was_written_into_is_not_sent(store_url: str, tmp_path: Path) -> None:
    layout = company(tmp_path / "data")
    release = current_release(layout)
    assert release is not None
    database = release.path / "warehouse.duckdb"
    database.chmod(0o600)
    with database.open("r+b") as file:
        file.write(b"x")
    with pytest.raises(HashMismatch):
        send(layout, store_url)
    assert ObjectStore(store_url).read("current.json") is None


def test_what_is_not_published_is_not_mirrored(store_url: str, tmp_path: Path) -> None:
    layout = DataDirectory(tmp_path / "data")
    layout.initialise("sandbox")
    with pytest.raises(NoSuchRelease):
        send(layout, store_url)


def test_a_pointer_of_another_make_is_left_alone(store_url: str, tmp_path: Path) -> None:
    ObjectStore(store_url).put("current.json", b'{"format": 9}')
    with pytest.raises(StoreRefused):
        send(company(tmp_path / "data"), store_url)


def test_an_endpoint_that_is_none_is_told_without_its_text(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "user:canary@nowhere")
    with pytest.raises(StoreRefused) as refused:
        ObjectStore(store_url)
    assert "canary" not in str(refused.value)
