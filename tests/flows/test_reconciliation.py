"""What was changed behind the pipeline's back is told, by days and numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from flows.backfill import backfill
from flows.reconciliation import not_comparable, share_of_night, warnings
from sandbox.server import RunningSandbox
from transform.datasets import DATASETS
from warehouse.database import open_writer
from warehouse.layout import DataDirectory
from warehouse.published import current_release
from warehouse.reading import query_release
from warehouse.reconciling import Comparison, compare_release

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
KNOWN = {"DATE_TO": "inclusive", "SELECTION": "message"}
WRONG = "SELECT dataset, window_day, compared FROM meta.reconciliation WHERE NOT agrees"


def fill(last: str = "04.02.2026", **more: object) -> None:
    asyncio.run(backfill(date_from="02.02.2026", date_to=last, **more))  # type: ignore[arg-type]


@pytest.fixture
def loaded(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> Path:
    data = sandbox_settings(start_sandbox(messages_per_day=40), **KNOWN)
    fill()
    return data


def disagreeing(data: Path) -> set[tuple[str, str, str]]:
    found = query_release(DataDirectory(data), WRONG).rows
    return {(str(dataset), f"{day:%d.%m.}", str(compared)) for dataset, day, compared in found}


def in_writers_database(data: Path, sql: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{DataDirectory(data).database}' AS warehouse")
        connection.execute("USE warehouse")
        connection.execute(sql)


def test_statistics_and_chats_are_compared_day_by_day_and_agree(loaded: Path) -> None:
    sql = "SELECT window_day, compared, expected, found, agrees FROM meta.reconciliation"
    found = query_release(DataDirectory(loaded), f"{sql} ORDER BY ALL").rows
    assert {row[1] for row in found} == {"messages_in_count", "messages_out_count"}
    assert len(found) == 6
    assert all(row[4] and row[2] == row[3] > 0 for row in found)


def test_rows_that_went_from_the_database_are_told_and_a_rebuild_is_advised(loaded: Path) -> None:
    in_writers_database(loaded, "DELETE FROM chats WHERE window_day = '2026-02-03'")
    fill("02.02.2026")
    assert disagreeing(loaded) >= {("chats", "03.02.", "rows in the database")}


def test_a_lake_file_that_is_gone_or_another_is_told(loaded: Path) -> None:
    (gone,) = (loaded / "lake/chats/window_day=2026-02-03").glob("*.parquet")
    gone.unlink()
    (other,) = (loaded / "lake/statistics/window_day=2026-02-04").glob("*.parquet")
    rows = pq.read_table(other).slice(1)
    other.unlink()
    pq.write_table(rows, other)
    fill("02.02.2026")
    assert disagreeing(loaded) == {
        ("chats", "03.02.", "rows in the lake file"),
        ("statistics", "04.02.", "rows in the lake file"),
    }
    in_summary = warnings([Comparison("chats", date(2026, 2, 3), "rows in the lake file", 3, None)])
    assert in_summary == [
        "Disagreement: chats, rows in the lake file: 1 day (03.02.2026), the first nothing where 3 "
        "should be; the file was changed or removed: backfill these days with force=true."
    ]
    fill("04.02.2026", force=True)
    assert disagreeing(loaded) == set()


def test_a_ledger_that_was_edited_is_told(loaded: Path) -> None:
    edit = "UPDATE meta.loads SET rows_read = rows_read + 1 WHERE window_day = '2026-02-04'"
    in_writers_database(loaded, edit)
    fill("02.02.2026")
    found = ("04.02.", "rows the ledger accounts for")
    assert disagreeing(loaded) == {("chats", *found), ("statistics", *found)}


def test_a_release_that_lost_a_file_disagrees_and_the_next_run_replaces_it(loaded: Path) -> None:
    layout = DataDirectory(loaded)
    release = current_release(layout)
    assert release is not None
    (release.path / "parquet/chats/window_day=2026-02-03/part.parquet").unlink()
    schemas = [DATASETS["chats"].arrow_schema()]
    with open_writer(layout, holder="a test", wait_seconds=5, schemas=schemas) as writer:
        wrong = [told for told in compare_release(writer, release, "chats") if not told.agrees]
    assert [(told.window_day, told.found) for told in wrong] == [(date(2026, 2, 3), None)]
    (line,) = warnings(wrong)
    assert line.startswith("Disagreement: chats, rows in the release's Parquet: 1 day (03.02.2026)")
    fill("02.02.2026")
    mended = current_release(layout)
    assert mended is not None
    assert mended.number == release.number + 1
    assert (mended.path / "parquet/chats/window_day=2026-02-03/part.parquet").exists()


def test_each_day_is_looked_into_every_few_nights() -> None:
    nights = [share_of_night(40, date(2026, 2, day)) for day in (1, 2, 3)]
    assert sorted(nights) == [(0, 3), (1, 3), (2, 3)]
    assert share_of_night(0, date(2026, 2, 1)) == (0, 1)


def test_statistics_without_counts_of_messages_are_said_to_tell_nothing() -> None:
    assert "bring none of the columns" in str(not_comparable([]))
    counted = Comparison("statistics", date(2026, 2, 3), "messages_count", 3, 3)
    assert not_comparable([counted]) is None
