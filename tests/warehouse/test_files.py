"""What keeps files keeps its word, on a disk and on an object store: one suite for both.

`here` and `there` are two data directories: with an object store two machines that share nothing
else; on a disk, the same one opened twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
from s3server import S3Server

from warehouse.errors import HashMismatch, OtherOrigin, OtherPublisher, StoreUnavailable
from warehouse.layout import DataDirectory
from warehouse.storedfiles import StoredFiles

DAY = "2026-02-02_2026-02-02"


@dataclass(frozen=True)
class Pair:
    """Two data directories of one company."""

    here: DataDirectory
    there: DataDirectory

    @property
    def shared(self) -> bool:
        return self.here.files.shared


def machine(root: Path, url: str) -> DataDirectory:
    layout = DataDirectory(root)
    layout.files = StoredFiles(url, layout)
    layout.initialise("sandbox")
    return layout


@pytest.fixture(params=["disk", "store"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    if request.param == "store":
        url = request.getfixturevalue("store_url")
        yield Pair(machine(tmp_path / "here", url), machine(tmp_path / "there", url))
        return
    layout = DataDirectory(tmp_path / "data")
    layout.initialise("sandbox")
    yield Pair(layout, DataDirectory(tmp_path / "data"))


def kept(layout: DataDirectory, name: str, content: bytes) -> Path:
    """A file as the pipeline keeps one: whole aside, kept, then named."""
    place = layout.root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = layout.building / "aside"
    aside.write_bytes(content)
    layout.files.keep(aside, place)
    aside.replace(place)
    return place


def of(layout: DataDirectory, path: Path, other: DataDirectory) -> Path:
    """The same file's place in the other directory."""
    return other.root / path.relative_to(layout.root)


def raw_name(content: bytes) -> str:
    return f"raw/chats/{DAY}/{hashlib.sha256(content).hexdigest()}.csv"


@pytest.mark.promise("files-shared")
@pytest.mark.parametrize(
    "name", ["raw/chats/x/a.csv", "quarantine/chats/a.parquet", "lake/chats/window_day=x/a.parquet"]
)
def test_what_is_kept_is_there_for_all_with_the_mode_of_its_place(pair: Pair, name: str) -> None:
    path = kept(pair.here, name, b"rows" * 1000)
    theirs = of(pair.here, path, pair.there)
    nowhere = theirs.with_name("nowhere")
    assert pair.there.files.fetch([theirs, nowhere]) == [nowhere]
    assert theirs.read_bytes() == b"rows" * 1000
    assert path in pair.here.files.names(path.parent.parent)
    assert theirs in pair.there.files.names(theirs.parent.parent)
    if pair.shared:
        assert theirs.stat().st_mode & 0o777 == (0o444 if name.startswith("lake") else 0o600)
        assert list(pair.there.incoming.iterdir()) == []


@pytest.mark.promise("files-shared")
def test_what_is_removed_is_gone_for_all(pair: Pair) -> None:
    path = kept(pair.here, "raw/chats/x/a.csv", b"rows")
    theirs = of(pair.here, path, pair.there)
    pair.there.files.fetch([theirs])
    pair.there.files.remove(theirs)
    pair.there.files.remove(theirs)  # done again, it comes to the same
    assert not theirs.exists()
    path.unlink(missing_ok=True)
    assert pair.here.files.fetch([path]) == [path]
    assert pair.here.files.names(pair.here.raw) == []


@pytest.mark.promise("files-shared")
def test_a_document_is_changed_by_what_it_is_now(pair: Pair) -> None:
    path = pair.here.state / "list.json"
    theirs = of(pair.here, path, pair.there)
    assert pair.there.files.read(theirs) is None
    assert pair.here.files.change(path, lambda now: None if now else b"1")
    assert not pair.there.files.change(theirs, lambda now: None if now == b"1" else b"wrong")
    assert pair.there.files.change(theirs, lambda now: (now or b"") + b"2")
    assert pair.here.files.read(path) == b"12"
    pair.here.files.remove(path)
    assert pair.there.files.read(theirs) is None


def test_documents_are_found_by_how_they_begin_and_end(pair: Pair) -> None:
    root = pair.here.raw / "chats"
    names = [f"{DAY}/a.seen.json", f"{DAY}/b.seen.json", "2026-02-03_2026-02-03/c.seen.json"]
    for name in [*names, f"{DAY}/d.json"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        pair.here.files.change(root / name, lambda _, name=name: name.encode())  # type: ignore[misc]
    theirs = pair.there.raw / "chats"
    for _ in range(2):  # the second time from what is here
        found = pair.there.files.documents(theirs, "2026-02-02_", ".seen.json")
        assert found == {theirs / name: name.encode() for name in names[:2]}
    assert list(pair.there.files.documents(theirs, "", ".seen.json")) == [
        theirs / name for name in names
    ]
    pair.here.files.change(root / names[0], lambda _: b"newer")
    assert pair.there.files.documents(theirs, "", "a.seen.json")[theirs / names[0]] == b"newer"


@pytest.fixture
def machines(store_url: str, tmp_path: Path) -> Pair:
    return Pair(machine(tmp_path / "here", store_url), machine(tmp_path / "there", store_url))


@pytest.mark.promise("files-shared")
def test_changes_of_two_machines_at_once_are_all_there(machines: Pair) -> None:
    path = machines.here.state / "list.json"

    def add(layout: DataDirectory, word: str) -> None:
        place = of(machines.here, path, layout)
        layout.files.change(place, lambda now: (now or b"") + word.encode())

    some = [
        Thread(target=add, args=(layout, word))
        for layout, words in ((machines.here, "abc"), (machines.there, "def"))
        for word in words
    ]
    for one in some:
        one.start()
    for one in some:
        one.join()
    assert sorted(machines.here.files.read(path) or b"") == sorted(b"abcdef")


@pytest.mark.promise("files-shared")
def test_a_change_whose_answer_was_lost_is_made_once(
    machines: Pair, object_store: S3Server
) -> None:
    path = machines.here.state / "list.json"
    machines.here.files.change(path, lambda _: b"1")
    object_store.misbehave({"method": "PUT", "key": "list.json", "what": "lost"})
    assert machines.here.files.change(path, lambda now: (now or b"") + b"2")
    assert machines.there.files.read(of(machines.here, path, machines.there)) == b"12"


@pytest.mark.promise("files-damaged")
def test_what_comes_is_proven_and_what_is_cut_off_is_fetched_again(
    machines: Pair, object_store: S3Server
) -> None:
    path = kept(machines.here, "lake/chats/window_day=x/a.parquet", b"rows" * 100_000)
    theirs = of(machines.here, path, machines.there)
    object_store.misbehave({"method": "GET", "key": "a.parquet", "what": "cut"})
    assert machines.there.files.fetch([theirs]) == []
    assert theirs.read_bytes() == path.read_bytes()
    theirs.unlink()
    files = machines.there.files
    assert isinstance(files, StoredFiles)
    told = files.store.told_sha256(files.key(theirs))
    damaged = machines.here.building / "damaged"
    damaged.write_bytes(b"other rows")
    files.store.upload(damaged, files.key(theirs), told)
    with pytest.raises(HashMismatch, match="isn't what was kept there"):
        files.fetch([theirs])
    assert not theirs.exists()


@pytest.mark.promise("files-shared")
def test_what_could_not_be_kept_gets_no_name_and_is_not_counted_on(
    machines: Pair, object_store: S3Server
) -> None:
    object_store.misbehave({"method": "PUT", "key": "a.csv", "what": "503", "times": 99})
    with pytest.raises(StoreUnavailable):
        kept(machines.here, "raw/chats/x/a.csv", b"rows")
    assert not (machines.here.raw / "chats/x/a.csv").exists()


@pytest.mark.promise("files-shared")
def test_a_directory_that_was_alone_before_gives_the_store_what_it_has(
    store_url: str, tmp_path: Path
) -> None:
    alone = DataDirectory(tmp_path / "alone")
    alone.initialise("sandbox")
    path = kept(alone, raw_name(b"rows"), b"rows")
    alone.files.change(alone.raw_note(path), lambda _: b"{}")
    alone.files.change(alone.state / "suppression.json", lambda _: b"the list")
    shared, other = machine(alone.root, store_url), machine(tmp_path / "other", store_url)
    theirs = of(alone, path, other)
    assert other.files.fetch([theirs]) == []
    assert other.files.read(other.raw_note(theirs)) == b"{}"
    assert other.files.read(other.state / "suppression.json") == b"the list"
    assert shared.files.names(shared.raw) == sorted([path, shared.raw_note(path)])


@pytest.mark.promise("store-private")
def test_a_store_takes_one_company_and_no_directory_with_another_list(
    store_url: str, tmp_path: Path
) -> None:
    first = machine(tmp_path / "first", store_url)
    first.files.change(first.state / "suppression.json", lambda _: b"the list")
    stranger = DataDirectory(tmp_path / "stranger")
    stranger.files = StoredFiles(store_url, stranger)
    with pytest.raises(OtherOrigin, match="another company's"):
        stranger.initialise("vendor.example")
    second = DataDirectory(tmp_path / "second")
    second.initialise("sandbox")
    second.files.change(second.state / "suppression.json", lambda _: b"another list")
    second.files = StoredFiles(store_url, second)
    with pytest.raises(OtherPublisher, match="empty directory"):
        second.initialise("sandbox")
