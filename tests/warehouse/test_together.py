"""Days that share a transaction are there all, or none; and nothing is thrown away before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from small_company import SCHEMA, Said, beginning, load_rows, rows_of, typed

from warehouse.database import Writer
from warehouse.layout import DataDirectory

DAYS = [date(2026, 2, day) for day in (1, 2, 3)]
SEEN = datetime(2026, 2, 5, tzinfo=UTC)


class Failed(Exception):
    """A day that can't be loaded."""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with beginning(DataDirectory(tmp_path / "data"), SCHEMA) as found:
        yield found


def load(writer: Writer, day: date, load_id: str, seen: datetime = SEEN) -> str:
    batches = typed([Said(f"{day} 10:00", "t", "client", text=f"of {day}")]).to_batches()
    return load_rows(writer, SCHEMA, batches, day, load_id, seen).outcome


def loads(writer: Writer) -> list[str]:
    found = rows_of(writer.connection, "SELECT load_id FROM meta.loads ORDER BY 1")
    return [load_id for (load_id,) in found]


def lake(writer: Writer) -> set[str]:
    return {path.stem for path in writer.layout.lake.rglob("*.parquet")}


def test_nobody_sees_a_day_before_all_of_them(writer: Writer) -> None:
    with writer.together():
        for day in DAYS:
            assert load(writer, day, f"load-{day}") == "loaded"
        other = writer.connection.cursor()
        other.execute("USE warehouse")
        assert other.sql("SELECT count(*) FROM meta.days").fetchall() == [(0,)]
    assert other.sql("SELECT count(*) FROM meta.days").fetchall() == [(3,)]


@pytest.mark.parametrize("failing", range(3))
def test_where_one_fails_none_is_loaded_and_each_can_be_by_itself(
    writer: Writer, failing: int
) -> None:
    with suppress(Failed), writer.together():
        for number, day in enumerate(DAYS):
            load(writer, day, f"first-{day}")
            if number == failing:
                raise Failed
    assert loads(writer) == []
    assert rows_of(writer.connection, "SELECT count(*) FROM chats") == [(0,)]
    for day in DAYS:
        assert load(writer, day, f"second-{day}") == "loaded"
    assert len(loads(writer)) == 3


def test_what_the_database_refuses_undoes_all(writer: Writer) -> None:
    with suppress(duckdb.Error), writer.together():
        load(writer, DAYS[0], "first")
        writer.connection.execute("SELECT error('refused')")
    assert loads(writer) == []


def test_a_file_that_is_not_needed_is_removed_when_that_is_durable(writer: Writer) -> None:
    load(writer, DAYS[0], "first")
    later = SEEN + timedelta(hours=1)
    with suppress(Failed), writer.together():
        assert load(writer, DAYS[0], "again", later) == "unchanged"
        raise Failed
    assert lake(writer) == {"first", "again"}  # it may be loaded yet
    with writer.together():
        assert load(writer, DAYS[0], "again", later) == "unchanged"
        assert lake(writer) == {"first", "again"}
    assert lake(writer) == {"first"}
