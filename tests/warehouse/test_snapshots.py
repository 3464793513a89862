"""Each day's list is kept as it came, and a version is made only of what is tracked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from transform.datasets import USERS
from warehouse.database import Writer, open_writer
from warehouse.layout import DataDirectory
from warehouse.snapshots import load_snapshot
from warehouse.tables import prepare_tables

DAY, NOON = date(2026, 2, 1), datetime(2026, 2, 1, 9, tzinfo=UTC)


def load(writer: Writer, days: int, names: dict[str, str]) -> str:
    schema, observed_at = USERS.arrow_schema(), NOON + timedelta(days=days)
    rows = [
        {"user_id": key, "user_name": name, "observed_at": observed_at, "load_id": str(days)}
        for key, name in names.items()
    ]
    done = load_snapshot(
        writer,
        schema,
        pa.Table.from_pylist(rows, schema=schema),
        snapshot_date=DAY + timedelta(days=days),
        observed_at=observed_at,
        load_id=str(days),
        flow_run_id="",
        columns={"id": "user_id"},
        told={"reasons": None, "file_sha256": "00"},
    )
    return done.outcome


def test_the_same_list_on_another_day_is_a_snapshot_of_that_day_and_no_version(
    tmp_path: Path,
) -> None:
    layout = DataDirectory(tmp_path)
    layout.initialise("sandbox")
    schemas = [USERS.arrow_schema()]
    with open_writer(layout, holder="test", wait_seconds=1, schemas=schemas) as writer:
        prepare_tables(writer)
        assert load(writer, 0, {"1": "А", "2": "Б"}) == "loaded"
        assert load(writer, 1, {"1": "А", "2": "Б"}) == "loaded"
        assert load(writer, 1, {"1": "А", "2": "Б"}) == "unchanged"
        counted = "SELECT snapshot_date, count(*) FROM user_snapshots GROUP BY 1 ORDER BY 1"
        assert writer.connection.execute(counted).fetchall() == [
            (DAY, 2),
            (DAY + timedelta(days=1), 2),
        ]
        versions = writer.connection.execute("SELECT count(*) FROM users_history").fetchone()
        assert versions == (2,)
        columns = writer.connection.execute("SELECT count(*) FROM meta.file_columns").fetchone()
        assert columns == (3,)


@pytest.mark.promise("data-users-halved")
@pytest.mark.parametrize("users", [12, 13])
def test_half_a_list_is_held_whether_it_can_be_halved_exactly_or_not(
    users: int, tmp_path: Path
) -> None:
    layout = DataDirectory(tmp_path)
    layout.initialise("sandbox")
    whole = {str(number): "А" for number in range(users)}
    half = dict(list(whole.items())[: users // 2])
    with open_writer(
        layout, holder="test", wait_seconds=1, schemas=[USERS.arrow_schema()]
    ) as writer:
        prepare_tables(writer)
        assert load(writer, 0, whole) == "loaded"
        assert load(writer, 1, half) == "held"
        assert load(writer, 1, whole) == "loaded"
        closed = "SELECT count(*) FROM users_history WHERE valid_to IS NOT NULL"
        assert writer.connection.execute(closed).fetchone() == (0,)
