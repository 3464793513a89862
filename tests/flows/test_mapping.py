"""What a company says of its files counts at once, and what changes in them is never silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pytest
from prefect.artifacts import Artifact

from flows.backfill import backfill
from flows.errors import DaysFailed
from sandbox.options import ColumnChange
from sandbox.server import RunningSandbox
from transform.errors import InvalidMapping
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]

KNOWN_VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
NEW_COLUMN = ColumnChange("Оценка смены", since=date(2026, 2, 4))
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]


def fill(first: str = "02.02.2026", last: str = "03.02.2026", **more: object) -> None:
    window = {"date_from": first, "date_to": last, "datasets": ["chats"], **more}
    asyncio.run(backfill(**window))  # type: ignore[arg-type]


def shown(data: Path, sql: str) -> list[tuple[object, ...]]:
    return query_release(DataDirectory(data), sql).rows


def say(text: str) -> None:
    """Write the mapping file where a run looks for it: in the working directory, beside `.env`."""
    Path("mapping.toml").write_text(text, encoding="utf-8")


def starts(sandbox: RunningSandbox) -> int:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return sum(entry["event"] == "start" for entry in served)


def artifact(key: str) -> str:
    found = asyncio.run(Artifact.aget(key))
    return str(found.data) if found else ""


def test_a_header_that_no_contract_knows_is_loaded_once_the_mapping_names_it(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    renamed = ColumnChange("Кем отвечено", old="Оператор")
    data = sandbox_settings(
        start_sandbox(messages_per_day=40, column_changes=(renamed,)), **KNOWN_VENDOR
    )
    fill()
    unnamed = "SELECT count(*) > 0, count(user_name), count(extra) > 0 FROM chats"
    assert shown(data, unnamed) == [(True, 0, True)]
    before = (data / "current").resolve()
    fill()
    assert (data / "current").resolve() == before
    say('[chats.columns]\n"Кем отвечено" = "user_name"\n')
    fill()
    assert shown(data, "SELECT count(user_name) > 0, count(extra) FROM chats") == [(True, 0)]
    versions = "SELECT count(DISTINCT mapping_version), bool_and(mapping_version <> '')"
    assert shown(data, f"{versions} FROM meta.days") == [(1, True)]
    after = (data / "current").resolve()
    say('# said otherwise, meant the same\n[chats.columns]\n"КЕМ  отвечено" = "user_name"\n')
    fill()
    assert (data / "current").resolve() == after


def test_a_wrong_line_of_the_mapping_stops_a_run_before_any_export(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox()
    sandbox_settings(sandbox, **KNOWN_VENDOR)
    say('[chats]\n\n[chats.columns]\n"Кем отвечено" = "user_nam"\n')
    with pytest.raises(InvalidMapping, match=r"mapping\.toml, line 4: .*user_name"):
        fill()
    assert starts(sandbox) == 0


def test_a_mapping_file_that_is_named_and_not_there_stops_a_run(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox_settings(start_sandbox(), MAPPING_FILE="other.toml")
    with pytest.raises(InvalidMapping, match=r"other\.toml"):
        fill()


def test_a_new_column_is_kept_told_and_loaded(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    masked = ColumnChange("Смена 79160001122", since=date(2026, 2, 4))
    sandbox = start_sandbox(messages_per_day=40, column_changes=(NEW_COLUMN, masked))
    data = sandbox_settings(sandbox, **KNOWN_VENDOR)
    fill()
    assert shown(data, "SELECT count(*) FROM meta.loads WHERE drift IS NOT NULL") == [(0,)]
    fill("04.02.2026", "04.02.2026")
    told = shown(data, "SELECT window_day, drift FROM meta.loads WHERE drift IS NOT NULL")
    assert [row[0] for row in told] == [date(2026, 2, 4)]
    drift = json.loads(str(told[0][1]))
    assert [column["field"] for column in drift["new"]] == ["extra", "extra"]
    assert (drift["gone"], drift["renamed"]) == ([], [])
    for said in (artifact("schema-drift"), artifact("backfill-summary")):
        assert "Columns changed: chats from 04.02.2026 on (1 day)" in said
        assert "79160001122" not in said
    assert shown(data, "SELECT count(*) > 0 FROM chats WHERE window_day = '2026-02-04'") == [
        (True,)
    ]
    last = """SELECT list(header ORDER BY position)[-2:], list(DISTINCT field)
              FROM meta.file_columns WHERE load_id = (
                  SELECT load_id FROM meta.days WHERE window_day = '2026-02-04')
              AND position > 14"""
    assert shown(data, last) == [(["Оценка смены", "Смена 79160001122"], ["extra"])]


def test_drift_stops_a_day_where_the_mapping_says_so_and_a_named_column_is_no_surprise(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(messages_per_day=40, column_changes=(NEW_COLUMN,))
    data = sandbox_settings(sandbox, **KNOWN_VENDOR)
    say('[chats]\ndrift = "stop"\n')
    fill()
    with pytest.raises(DaysFailed) as failed:
        fill("04.02.2026", "04.02.2026")
    assert "chats of 04.02.2026" in str(failed.value)
    assert "new: 'Оценка смены' (extra" in str(failed.value)
    assert "from_raw=true" in str(failed.value)
    days = "SELECT DISTINCT window_day FROM chats ORDER BY 1"
    assert shown(data, days) == [(date(2026, 2, 2),), (date(2026, 2, 3),)]
    loads = {path.stem for path in (data / "lake").glob("chats/*/*.parquet")}
    assert loads == {row[0] for row in shown(data, "SELECT load_id FROM meta.days")}
    say('[chats]\ndrift = "stop"\n[chats.columns]\n"Оценка смены" = "extra"\n')
    exports = starts(sandbox)
    fill("04.02.2026", "04.02.2026", from_raw=True)
    assert starts(sandbox) == exports
    assert shown(data, days)[-1] == (date(2026, 2, 4),)
