"""A file a month beside a file a day: the same rows, written only where a day of it changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_company import SCHEMA, beginning, load_rows
from storing import manifest_of, send, shown, stored, tick, unneeded

from warehouse.database import Writer
from warehouse.errors import DirectoryUnusable
from warehouse.integrity import fingerprints
from warehouse.lake import ROW_GROUP_ROWS
from warehouse.layout import DataDirectory
from warehouse.months import Before, write_months
from warehouse.published import Release, current_release
from warehouse.pulling import pull
from warehouse.releases import damage_of_current, publish, publish_alone, rollback
from warehouse.space import bytes_of_a_day, bytes_of_new_months, require_space
from warehouse.store import ObjectStore

BEGIN = datetime.fromisoformat("2026-05-01T12:00:00+00:00")
JANUARY, FEBRUARY, MARCH = date(2026, 1, 30), date(2026, 2, 27), date(2026, 3, 1)
NAME = "Смирнова Анна"
Said = Mapping[date, list[int]]


def load(writer: Writer, day: date, step: int, ids: list[int], client: str | None = None) -> None:
    """A day with these messages, observed at the step's time; shared ids hide earlier ones."""
    seen, load_id = BEGIN + timedelta(hours=step), f"load-{step}-{day}"
    blank: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    at = datetime(day.year, day.month, day.day, 12)
    rows = [
        blank
        | {"message_id": f"{i:06}", "chat_id": "T", "sent_at": at, "sent_at_utc": BEGIN}
        | {"date": day, "text": f"{step}", "observed_at": seen, "load_id": load_id}
        | {"client_name": client}
        for i in ids
    ]
    batches = pa.Table.from_pylist(rows, schema=SCHEMA).to_batches()
    load_rows(writer, SCHEMA, batches, day, load_id, seen)


def company(
    root: Path, *, months: bool = True, personal: bool = True
) -> AbstractContextManager[Writer]:
    return beginning(DataDirectory(root, months_published=months, personal_published=personal))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with company(tmp_path / "data") as writer:
        yield writer


def publish_days(writer: Writer, step: int, days: Said) -> Release:
    for day, ids in days.items():
        load(writer, day, step, ids)
    found = publish(writer, keep=2)
    assert found is not None
    return found


def two_months(writer: Writer) -> Release:
    """January and February, each of two days, are over: March has begun."""
    days = [JANUARY, JANUARY + timedelta(1), FEBRUARY, FEBRUARY + timedelta(1), MARCH]
    return publish_days(writer, 0, {day: [n * 10, n * 10 + 1] for n, day in enumerate(days)})


def months(release: Release) -> dict[str, Path]:
    root = release.path / "months" / "chats"
    return {path.parent.name: path for path in root.glob("*/part.parquet")}


def inodes(release: Release) -> dict[str, int]:
    return {name: path.stat().st_ino for name, path in months(release).items()}


def manifest(release: Release) -> dict[str, Any]:
    return dict(json.loads((release.path / "manifest.json").read_text(encoding="utf-8")))


def differing(release: Release) -> tuple[int, int]:
    """Rows of the months that no day has, and rows of days of these months that no month has."""
    told = {
        "days": f"read_parquet('{release.path}/parquet/chats/*/*.parquet', hive_partitioning=true)",
        "months": f"read_parquet('{release.path}/months/chats/*/*.parquet')",
    }
    columns = ", ".join([*SCHEMA.names, "window_day"])
    of = {
        "days": f"SELECT {columns} FROM {told['days']} WHERE strftime(window_day, '%Y-%m') IN "
        f"(SELECT DISTINCT strftime(window_day, '%Y-%m') FROM {told['months']})",
        "months": f"SELECT {columns} FROM {told['months']}",
    }
    with duckdb.connect() as connection:
        counts = [
            connection.execute(
                f"SELECT count(*) FROM ({of[one]} EXCEPT ALL {of[other]})"
            ).fetchall()[0][0]
            for one, other in (("months", "days"), ("days", "months"))
        ]
    return counts[0], counts[1]


@pytest.mark.promise("reader-months")
def test_each_month_that_is_over_has_its_rows_in_one_file(writer: Writer) -> None:
    release = two_months(writer)
    assert sorted(months(release)) == ["month=2026-01", "month=2026-02"]
    assert differing(release) == (0, 0)
    january = pq.read_table(months(release)["month=2026-01"], partitioning=None)
    assert january.schema.names == [*SCHEMA.names, "window_day"]
    assert january["window_day"].to_pylist() == [JANUARY] * 2 + [JANUARY + timedelta(1)] * 2
    assert january["message_id"].to_pylist() == ["000000", "000001", "000010", "000011"]
    assert {oct(path.stat().st_mode & 0o777) for path in months(release).values()} == {"0o444"}


def test_no_month_is_made_unless_it_is_wanted(tmp_path: Path) -> None:
    with company(tmp_path / "data", months=False) as writer:
        release = two_months(writer)
        assert not (release.path / "months").exists()
        assert "months" not in manifest(release)
    with company(tmp_path / "data") as writer:
        wanted = publish(writer, keep=2)
        assert wanted is not None
        assert wanted.number == 2
        assert sorted(months(wanted)) == ["month=2026-01", "month=2026-02"]
    with company(tmp_path / "data", months=False) as writer:
        again = publish(writer, keep=2)
        assert again is not None
        assert not (again.path / "months").exists()


def test_the_files_are_encoded_as_the_lakes_are(writer: Writer) -> None:
    release = two_months(writer)
    month = pq.ParquetFile(months(release)["month=2026-01"])
    day = pq.ParquetFile(next((release.path / "parquet/chats").glob("*/part.parquet")))
    told, lake = month.metadata.row_group(0), day.metadata.row_group(0)
    for number, name in enumerate(SCHEMA.names):
        assert told.column(number).encodings == lake.column(number).encodings, name
        assert told.column(number).compression == "ZSTD"
        assert (told.column(number).statistics is None) == (lake.column(number).statistics is None)
    with_day = told.column(len(SCHEMA.names)).statistics
    assert (with_day.min, with_day.max) == (JANUARY, JANUARY + timedelta(1))


def test_a_column_that_came_later_is_null_in_the_days_before_it(writer: Writer) -> None:
    release = two_months(writer)
    building = writer.layout.building / "release-2"
    for number, day in enumerate((JANUARY, JANUARY + timedelta(1), FEBRUARY)):
        folder = f"parquet/chats/window_day={day}"
        (building / folder).mkdir(parents=True)
        table = pq.read_table(release.path / folder / "part.parquet", partitioning=None)
        table = table.drop_columns(["text"]) if number == 0 else table
        pq.write_table(table, building / folder / "part.parquet")
    write_months(writer, building, fingerprints(building, {}), Before(None, {}), set())
    made = building / "months/chats/month=2026-01/part.parquet"
    assert pq.read_table(made, partitioning=None)["text"].to_pylist() == [None, None, "0", "0"]


def test_row_groups_are_as_in_the_lake(writer: Writer) -> None:
    many = ROW_GROUP_ROWS // 2 + 10
    days = {JANUARY + timedelta(n - 20): range(n * many, (n + 1) * many) for n in range(2)}
    release = publish_days(
        writer, 0, {day: list(ids) for day, ids in days.items()} | {MARCH: [999_999]}
    )
    file = pq.ParquetFile(months(release)["month=2026-01"])
    groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert sum(groups) == 2 * many
    assert max(groups) <= ROW_GROUP_ROWS
    assert differing(release) == (0, 0)


@pytest.mark.promise("reader-months")
def test_a_month_is_linked_until_one_of_its_days_changes(writer: Writer) -> None:
    first = two_months(writer)
    made = inodes(first)
    told = {n: what for n, what in manifest(first)["files"].items() if n.startswith("months/")}
    assert len(told) == 2
    for night in range(1, 5):
        release = publish_days(writer, night, {MARCH + timedelta(night): [100 + night]})
        assert inodes(release) == made
        assert manifest(release)["files"].items() >= told.items()
    changed = publish_days(writer, 9, {JANUARY: [0, 1, 2]})
    assert inodes(changed)["month=2026-01"] != made["month=2026-01"]
    assert inodes(changed)["month=2026-02"] == made["month=2026-02"]
    assert differing(changed) == (0, 0)


def test_a_night_takes_over_the_tree_of_the_release_that_went(writer: Writer) -> None:
    two_months(writer)
    for step in range(1, 3):
        publish_days(writer, step, {MARCH + timedelta(step): [100 + step]})
    spare = writer.layout.spare / "months" / "chats"
    kept = {path.name: path.stat().st_ino for path in spare.iterdir()}
    last = publish_days(writer, 3, {MARCH + timedelta(3): [103]})
    folders = {path.parent.name: path.parent.stat().st_ino for path in months(last).values()}
    assert folders == kept
    assert set(kept) == {"month=2026-01", "month=2026-02"}


@pytest.mark.promise("reader-months")
def test_a_message_that_moves_to_another_day_moves_in_the_months(writer: Writer) -> None:
    two_months(writer)
    release = publish_days(writer, 1, {FEBRUARY: [0]})  # January's: seen later with February's
    assert differing(release) == (0, 0)
    january = pq.read_table(months(release)["month=2026-01"], partitioning=None)
    assert "000000" not in january["message_id"].to_pylist()


@pytest.mark.promise("reader-months")
@pytest.mark.parametrize("whole", [False, True])
def test_a_month_that_was_written_into_is_written_anew(writer: Writer, whole: bool) -> None:
    release = two_months(writer)
    path = months(release)["month=2026-01"]
    before, status = path.read_bytes(), path.stat()
    path.chmod(0o644)
    path.write_bytes(bytes(len(before)))
    if whole:  # nothing tells but its bytes
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    damage = damage_of_current(writer.layout, whole=whole)
    assert damage is not None
    assert damage.changed == ("months/chats/month=2026-01/part.parquet",)
    again = publish(writer, keep=2, damage=damage)
    assert again is not None
    assert hashlib.sha256(months(again)["month=2026-01"].read_bytes()).hexdigest() == (
        hashlib.sha256(before).hexdigest()
    )
    assert damage_of_current(writer.layout, whole=True) is None


def test_a_rollback_shows_the_months_of_then(writer: Writer) -> None:
    first = two_months(writer)
    rows = pq.read_table(months(first)["month=2026-01"], partitioning=None)
    publish_days(writer, 1, {JANUARY: [0, 1, 2]})
    back = rollback(writer.layout)
    assert current_release(writer.layout) == back == first
    assert pq.read_table(months(back)["month=2026-01"], partitioning=None).equals(rows)
    assert damage_of_current(writer.layout, whole=True) is None


@pytest.mark.promise("reader-months")
def test_who_was_erased_is_in_no_month(writer: Writer) -> None:
    load(writer, JANUARY, 0, [1, 2], client=NAME)
    for step in range(1, 4):  # a tree is kept for the next
        publish_days(writer, step, {MARCH + timedelta(step): [100 + step]})
    load(writer, JANUARY, 8, [2])
    publish_alone(writer)
    there = list(writer.layout.root.rglob("months/chats/*/part.parquet"))
    assert len(there) == 1
    names = pq.read_table(there[0], partitioning=None)["client_name"].to_pylist()
    assert names == [None]


@pytest.mark.promise("reader-months")
def test_personal_columns_that_are_withheld_are_in_no_month(tmp_path: Path) -> None:
    personal = {f.name for f in SCHEMA if (f.metadata or {}).get(b"personal") == b"true"}
    assert personal
    with company(tmp_path / "data") as writer:
        two_months(writer)
    with company(tmp_path / "data", personal=False) as writer:
        release = publish(writer, keep=2)
        assert release is not None
        found = [pq.read_schema(path).names for path in months(release).values()]
        assert len(found) == 2
        for names in found:
            assert not personal & set(names)
            assert "window_day" in names
        night = publish_days(writer, 1, {MARCH + timedelta(1): [100]})
        assert inodes(night) == inodes(release)


@pytest.mark.promise("reader-months")
def test_duckdb_pandas_polars_and_pyarrow_read_them(writer: Writer) -> None:
    root = two_months(writer).path / "months" / "chats"
    frame = pd.read_parquet(root)
    lazy = pl.read_parquet(root, hive_partitioning=True)
    arrow = ds.dataset(root, partitioning="hive").to_table()
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT month, window_day, message_id FROM "
            f"read_parquet('{root}/*/*.parquet', hive_partitioning = true)"
        ).fetchall()
        one = connection.execute(
            f"SELECT count(*) FROM read_parquet('{root}/*/*.parquet', hive_partitioning = true) "
            "WHERE month = '2026-02'"
        ).fetchall()
    expected = sorted(
        (f"{day:%Y-%m}", day, f"{n * 10 + i:06}")
        for n, day in enumerate(
            [JANUARY, JANUARY + timedelta(1), FEBRUARY, FEBRUARY + timedelta(1)]
        )
        for i in range(2)
    )
    assert sorted((str(month), day, name) for month, day, name in rows) == expected
    assert one == [(4,)]
    for table in (
        {name: list(frame[name]) for name in ("month", "window_day", "message_id")},
        lazy.select("month", "window_day", "message_id").to_dict(as_series=False),
        arrow.select(["month", "window_day", "message_id"]).to_pydict(),
    ):
        found = zip(table["month"], table["window_day"], table["message_id"], strict=True)
        assert sorted((str(month), day, name) for month, day, name in found) == expected


def test_space_is_asked_for_the_months_that_are_to_be_made(tmp_path: Path) -> None:
    with company(tmp_path / "data", months=False) as writer:
        two_months(writer)
        once = bytes_of_a_day(writer.layout)
        lake = sum(path.stat().st_size for path in writer.layout.lake.rglob("*.parquet"))
    wanted = DataDirectory(tmp_path / "data", months_published=True)
    assert once < bytes_of_a_day(wanted) < 2 * once
    assert bytes_of_new_months(wanted) == lake
    with company(tmp_path / "data") as writer:
        publish(writer, keep=2)
    march = (wanted.lake / "chats" / f"window_day={MARCH}").iterdir()
    assert bytes_of_new_months(wanted) == sum(path.stat().st_size for path in march)
    with pytest.raises(DirectoryUnusable, match="Nothing was started"):
        require_space(wanted, 1, 2**40)


@pytest.mark.promise("reader-months")
def test_the_store_and_who_pulls_have_the_months_once(
    writer: Writer, store_url: str, tmp_path: Path
) -> None:
    two_months(writer)
    layout, store = writer.layout, ObjectStore(store_url)
    send(layout, store_url)
    shown(store_url)
    keys = manifest_of(store_url)["months"]["chats"]
    assert [key.rsplit("/", 1)[0] for key in keys] == [
        "data/months/chats/month=2026-01",
        "data/months/chats/month=2026-02",
    ]
    pull(store, tmp_path / "pulled", parquet=False)
    assert not (tmp_path / "pulled/current/months").exists()
    pull(store, tmp_path / "pulled", parquet=True)
    publish_days(writer, 1, {JANUARY: [0, 1, 2]})
    sent = send(layout, store_url)
    assert sent.files <= 5  # the database, the day, its month, and what marts are told by
    again = manifest_of(store_url)["months"]["chats"]
    assert (again[0] != keys[0], again[1] == keys[1]) == (True, True)
    publish_days(writer, 2, {MARCH: [40]})
    tick()  # so that the first release is over before this one
    send(layout, store_url)
    assert unneeded(store_url) == set()
    assert keys[0] not in stored(store_url)  # no kept release names it: it was swept away
    pulled = pull(store, tmp_path / "pulled", parquet=True)
    current = current_release(layout)
    assert current is not None
    assert {name: path.read_bytes() for name, path in months(Release(1, pulled.path)).items()} == {
        name: path.read_bytes() for name, path in months(current).items()
    }


DAYS = [JANUARY, JANUARY + timedelta(1), FEBRUARY, MARCH]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(DAYS), st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True)
    ),
    min_size=3,
    max_size=8,
)


@pytest.mark.promise("reader-months")
@settings(max_examples=6, deadline=None)
@given(steps=STEPS)
def test_months_have_the_rows_of_their_days_whatever_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[date, list[int]]]
) -> None:
    with company(tmp_path_factory.mktemp("months") / "data") as writer:
        loaded: set[date] = set()
        for step, (day, ids) in enumerate(steps):
            release = publish_days(writer, step, {day: ids})
            loaded.add(day)
            newest = max(loaded).replace(day=1)
            over = {f"month={day:%Y-%m}" for day in loaded if day < newest}
            assert set(months(release)) == over
            if over:
                assert differing(release) == (0, 0)
            assert damage_of_current(writer.layout, whole=True) is None
