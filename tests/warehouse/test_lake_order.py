"""A lake file knows whether its rows are in order, and a day is told from the one it replaces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from small_company import NARROW, beginning, load_rows

from warehouse.database import Writer
from warehouse.lake import is_rising, is_sorted, write_lake_file
from warehouse.layout import DataDirectory
from warehouse.observations import file_facts

DAY = date(2026, 2, 1)
NOON, SEEN = datetime(2026, 2, 1, 12), datetime(2026, 3, 1, tzinfo=UTC)
Row = tuple[str | None, int | None, str]
ROWS: list[Row] = [("1", 0, "да"), ("2", 5, "нет"), ("3", 5, "да"), ("4", 9, "да")]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with beginning(DataDirectory(tmp_path / "data"), NARROW) as writer:
        yield writer


def batch(load_id: str, rows: list[Row]) -> pa.RecordBatch:
    moments = [None if row[1] is None else NOON + timedelta(seconds=row[1]) for row in rows]
    columns = [
        pa.array([row[0] for row in rows], pa.string()),
        pa.array(moments, pa.timestamp("us")),
        pa.array([row[2] for row in rows], pa.string()),
        pa.array([SEEN] * len(rows), pa.timestamp("us", tz="UTC")),
        pa.array([load_id] * len(rows), pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=NARROW)


def lake_file(writer: Writer, load_id: str, *batches: list[Row]) -> Path:
    made = [batch(load_id, rows) for rows in batches]
    return write_lake_file(
        writer.layout, NARROW, made, dataset="chats", window_day=DAY, load_id=load_id
    ).path


def load(writer: Writer, load_id: str, rows: list[Row]) -> str:
    made = [batch(load_id, rows)]
    return load_rows(writer, NARROW, made, DAY, load_id, SEEN, accept_smaller=False).outcome


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([ROWS], True),
        ([ROWS[:2], [], ROWS[2:]], True),
        ([ROWS[2:], ROWS[:2]], False),
        ([[ROWS[1], ROWS[0]]], False),
        ([[ROWS[0], ("5", None, "да")]], False),
        ([[]], True),
    ],
    ids=["in order", "over batches", "batches swapped", "rows swapped", "a null", "no rows"],
)
@pytest.mark.parametrize("row_group_rows", [1, 2, 122_880])
def test_a_file_says_that_it_is_sorted_only_when_it_is(
    row_group_rows: int,
    batches: list[list[Row]],
    expected: bool,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("warehouse.lake.ROW_GROUP_ROWS", row_group_rows)
    path = lake_file(writer, "load-1", *batches)
    assert is_sorted(path, "sent_at") is expected
    assert not is_sorted(path, "message_id")


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([ROWS[2:], ROWS[:2]], False),
        ([ROWS[:2], [], ROWS[2:]], True),
        ([ROWS[:2], ROWS[1:]], False),
        ([[("9", 0, "да"), ("10", 5, "да")]], False),
        ([[("1", 0, "да"), (None, 5, "да")]], False),
    ],
    ids=["batches swapped", "over batches", "an id twice", "greater as numbers alone", "no id"],
)
@pytest.mark.parametrize("row_group_rows", [1, 122_880])
def test_ids_need_no_counting_only_where_each_is_greater_than_the_last(
    row_group_rows: int,
    batches: list[list[Row]],
    expected: bool,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("warehouse.lake.ROW_GROUP_ROWS", row_group_rows)
    path = lake_file(writer, "load-1", *batches)
    assert is_rising(path, "message_id") is expected
    all_ids = [row[0] for batch in batches for row in batch]
    ids = [own for own in all_ids if own is not None]
    facts = file_facts(writer.connection, writer.contracts["chats"], path)
    assert (facts.rows, facts.duplicates) == (len(all_ids), len(ids) - len(set(ids)))
    assert (facts.first_id, facts.without_id) == (min(ids), len(all_ids) - len(ids))
    assert facts.without_id or facts.last_id == max(ids)


@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1]], ids=["in order", "out of order"])
def test_a_table_is_in_order_whichever_way_the_file_came(rows: list[Row], writer: Writer) -> None:
    assert load(writer, "load-1", rows) == "loaded"
    found = writer.connection.execute("SELECT sent_at FROM chats ORDER BY rowid").fetchall()
    assert found == sorted(found)
    assert len(found) == len(ROWS)


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        (ROWS[::-1], "unchanged"),
        ([*ROWS[:3], ("4", 9, "нет")], "loaded"),
        ([*ROWS[:3], ("3", 5, "да")], "loaded"),
        ([("2", 0, "да"), ("1", 5, "нет"), *ROWS[2:]], "loaded"),
    ],
    ids=["another order", "another text", "a row twice for another", "ids swapped"],
)
def test_a_day_is_unchanged_only_with_the_very_same_rows(
    rows: list[Row], outcome: str, writer: Writer
) -> None:
    load(writer, "load-1", ROWS)
    assert load(writer, "load-2", rows) == outcome
    expected = sorted({row[0]: row for row in (ROWS if outcome == "unchanged" else rows)}.values())
    found = writer.connection.execute("SELECT message_id, text FROM chats").fetchall()
    assert sorted(found) == [(row[0], row[2]) for row in expected]
