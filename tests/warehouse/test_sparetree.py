"""A release takes over the trees of one that went, and is what it would be if made from nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_company import SCHEMA, beginning, load_rows

from warehouse.database import Writer
from warehouse.layout import DataDirectory
from warehouse.published import Release
from warehouse.releases import publish, publish_alone

BEGIN = datetime.fromisoformat("2026-02-01T12:00:00+00:00")
Tree = dict[str, tuple[str, bytes]]


def day(number: int) -> date:
    return date(2026, 1, 1) + timedelta(days=number)


def load(writer: Writer, number: int, step: int, ids: list[int]) -> None:
    """A day with these messages, observed at the step's time; shared ids hide earlier ones."""
    seen, load_id = BEGIN + timedelta(hours=step), f"load-{step}"
    row = {"chat_id": "T", "sent_at": datetime(2026, 1, 1), "date": day(number), "text": f"{step}"}
    rows = [
        {**row, "message_id": f"{i:04}", "sent_at_utc": BEGIN, "observed_at": seen,
         "load_id": load_id} for i in ids
    ]  # fmt: skip
    whole = [dict.fromkeys(SCHEMA.names) | row for row in rows]
    batches = pa.Table.from_pylist(whole, schema=SCHEMA).to_batches()
    load_rows(writer, SCHEMA, batches, day(number), load_id, seen)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with beginning(DataDirectory(tmp_path / "data")) as writer:
        yield writer


def tree(release: Release | None) -> Tree:
    """Each path of the chats' tree with its mode and, of a file, its bytes."""
    assert release is not None
    root = release.path / "parquet" / "chats"
    return {
        str(path.relative_to(root)): (
            oct(path.stat().st_mode),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (root, *root.rglob("*"))
    }


def inodes(release: Release | None) -> dict[str, int]:
    assert release is not None
    root = release.path / "parquet" / "chats"
    return {path.name: path.stat().st_ino for path in root.iterdir()}


def published(writer: Writer, step: int) -> Release | None:
    load(writer, step, step, [100 + step])
    return publish(writer, keep=2)


def test_only_what_differs_is_made_anew(writer: Writer) -> None:
    for step in range(3):
        published(writer, step)
    spare = {path.name: path.stat().st_ino for path in (writer.layout.spare / "chats").iterdir()}
    assert set(spare) == {f"window_day={day(0)}"}  # release 1 had that day alone
    last = published(writer, 3)
    assert spare.items() <= inodes(last).items()
    assert set(inodes(last)) == {f"window_day={day(n)}" for n in range(4)}
    load(writer, 0, 9, [100])  # and the tree of release 2 has this day's old link
    old = inodes(last)[f"window_day={day(0)}"]
    again = publish(writer, keep=2)
    assert inodes(again)[f"window_day={day(0)}"] != old
    assert (
        tree(again)[f"window_day={day(0)}/part.parquet"]
        != tree(last)[f"window_day={day(0)}/part.parquet"]
    )


def test_what_somebody_left_in_a_kept_tree_is_in_no_release(writer: Writer) -> None:
    for step in range(3):
        published(writer, step)
    spare = writer.layout.spare / "chats"
    folder = spare / f"window_day={day(0)}"
    (folder / "note.txt").write_text("mine")
    (spare / "window_day=1999-01-01").mkdir()
    (spare / "file").write_text("mine")
    other = spare / f"window_day={day(1)}"
    if other.exists():
        shutil.rmtree(other)
        other.write_text("a file in a folder's place")
    last = published(writer, 3)
    assert len(tree(last)) == 9
    assert all(name.startswith("window_day=2026") or name == "." for name in tree(last))


def test_a_tree_of_another_mode_is_not_taken_over(writer: Writer) -> None:
    for step in range(3):
        published(writer, step)
    (writer.layout.spare / "chats").chmod(0o700)
    modes = {mode for mode, _ in tree(published(writer, 3)).values()}
    assert modes == {oct(0o40755), oct(0o100444)}


def test_what_must_not_be_read_any_more_is_kept_nowhere(writer: Writer) -> None:
    for step in range(4):
        published(writer, step)
    assert writer.layout.spare.exists()
    load(writer, 0, 8, [100])
    publish_alone(writer)
    assert not writer.layout.spare.exists()


STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True)),
    min_size=4,
    max_size=8,
)


@pytest.mark.rehearsal
@settings(max_examples=12, deadline=None)
@given(steps=STEPS)
def test_a_release_from_a_kept_tree_is_the_one_that_is_made_from_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, list[int]]]
) -> None:
    folder = tmp_path_factory.mktemp("spare")
    with beginning(DataDirectory(folder / "data")) as writer:
        for step, (number, ids) in enumerate(steps):
            load(writer, number, step, ids)
            last = publish(writer, keep=2)
            assert last is not None
        kept = tree(last)
        shutil.rmtree(writer.layout.spare, ignore_errors=True)
        writer.connection.execute("UPDATE meta.revision SET number = number + 1")
        again = publish(writer, keep=2)
        shown = writer.connection.execute("SELECT count(*) FROM chats").fetchone()
    assert {name: mode for name, (mode, _) in tree(again).items()} == {
        name: mode for name, (mode, _) in kept.items()
    }
    assert _rows(again) == _rows(last) == (shown or (0,))[0]


def _rows(release: Release | None) -> int:
    assert release is not None
    files = (release.path / "parquet" / "chats").glob("*/part.parquet")
    return sum(pq.read_metadata(path).num_rows for path in files)
