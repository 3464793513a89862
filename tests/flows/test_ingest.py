"""The whole way of the data, on a real API of Prefect and over real HTTP: what the sandbox has is
what readers see, in every mode and format; and what goes wrong costs its own day alone."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import httpx
import pandas as pd
import pytest
from companydays import yesterday

from flows.backfill import backfill
from flows.errors import DaysFailed, InvalidWindow, NotConfigured
from flows.nightly import nightly
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]

FIRST, LAST = date(2026, 2, 2), date(2026, 2, 5)
SHOWN = """
    SELECT message_id, strftime(sent_at, '%Y-%m-%d %H:%M:%S'), direction,
           coalesce(CASE direction WHEN 'out' THEN user_name ELSE client_name END, ''), text
    FROM chats ORDER BY message_id::BIGINT
"""


def run(coroutine: object) -> None:
    asyncio.run(coroutine)  # type: ignore[arg-type]


def fill(**more: object) -> None:
    window = {"date_from": "02.02.2026", "date_to": "05.02.2026", **more}
    run(backfill(**window))  # type: ignore[arg-type]


def shown(data: Path, sql: str = SHOWN) -> list[tuple[object, ...]]:
    return query_release(DataDirectory(data), sql).rows


def content_hash(rows: list[tuple[object, ...]]) -> str:
    """The sandbox's documented hash, made from what readers see."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\x1f".join(str(part) for part in row).encode() + b"\x1e")
    return digest.hexdigest()


def truth(sandbox: RunningSandbox, selection: str) -> list[dict[str, object]]:
    query = {"date_from": "02.02.2026", "date_to": "05.02.2026", "selection": selection}
    answer = httpx.get(f"{sandbox.root_url}/sandbox/truth", params=query, timeout=30)
    return list(answer.json())


def starts(sandbox: RunningSandbox, dataset: str = "chats") -> int:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return sum(entry["event"] == "start" and entry["kind"] == dataset for entry in served)


@pytest.mark.parametrize(
    "options",
    [
        {"selection": "message", "format": "csv", "encoding": "cp1251", "wrap": "zip"},
        {"selection": "thread", "format": "csv", "delimiter": ",", "headers": "en"},
        {"selection": "message", "format": "xlsx", "date_to": "exclusive", "wrap": "gzip"},
        {"selection": "thread", "format": "json", "location": "relative"},
    ],
    ids=["cp1251-zip", "thread-english", "xlsx-exclusive", "json-relative"],
)
def test_what_the_vendor_has_is_what_readers_see(
    options: dict[str, str],
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    sandbox = start_sandbox(messages_per_day=60, **options)
    data = sandbox_settings(sandbox)
    fill()
    days = truth(sandbox, options["selection"])
    by_day: dict[str, list[tuple[object, ...]]] = {}
    for row in shown(
        data, SHOWN.replace("SELECT message_id", "SELECT window_day::VARCHAR, message_id")
    ):
        by_day.setdefault(str(row[0]), []).append(row[1:])
    assert sum(len(rows) for rows in by_day.values()) == sum(int(str(d["count"])) for d in days) > 0
    assert {d["day"]: d["content_hash"] for d in days} == {
        day: content_hash(rows) for day, rows in by_day.items()
    }
    parquet = (data / "current").resolve() / "parquet" / "chats"
    assert len(pd.read_parquet(parquet)) == len(shown(data))
    assert shown(data, "SELECT count(*) FROM meta.quarantine") == [(0,)]


def test_loading_twice_changes_nothing_and_publishes_nothing(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=40))
    fill()
    release, rows = (data / "current").resolve(), shown(data)
    fill()
    assert (data / "current").resolve() == release
    fill(force=True)
    assert (data / "current").resolve() != release
    assert shown(data) == rows


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("unknown-status", "299"),
        ("no-task-id", "task_id"),
        ("not-json", "no JSON object"),
        ("unreadable-file", "ZIP"),
        ("missing-column", "headers"),
        ("short-download", "closed in mid-answer"),
        ("short-download-chunked", "ends within a line"),
    ],
)
def test_a_bad_day_fails_alone_and_says_why(
    fault: str,
    said: str,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    bad = Fault(fault, date(2026, 2, 3))
    data = sandbox_settings(
        start_sandbox(messages_per_day=40, faults=(bad,)), DATE_TO="inclusive", SELECTION="message"
    )
    with pytest.raises(DaysFailed, match="1 of 4 days failed") as failed:
        fill(datasets=["chats"])
    assert "chats of 03.02.2026" in str(failed.value)
    assert said in str(failed.value)
    loaded = {row[0] for row in shown(data, "SELECT DISTINCT window_day FROM chats")}
    assert loaded == {date(2026, 2, 2), date(2026, 2, 4), date(2026, 2, 5)}


@pytest.mark.promise("data-unreadable-record")
def test_an_impossible_date_is_in_the_quarantine_with_its_raw_text(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    bad = Fault("impossible-date", date(2026, 2, 3))
    data = sandbox_settings(start_sandbox(messages_per_day=40, faults=(bad,)), DATE_TO="inclusive")
    fill(datasets=["chats"])
    found = shown(data, "SELECT window_day, line > 0, raw FROM meta.quarantine")
    assert [row[:2] for row in found] == [(date(2026, 2, 3), True)]
    assert "31.02.2026" in str(found[0][2])
    assert shown(data, "FROM (SELECT count(*) FROM meta.loads WHERE rows_quarantined = 1)") == [
        (1,)
    ]


@pytest.mark.promise("data-empty-day")
def test_an_empty_export_over_a_day_that_had_rows_is_held(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=40), DATE_TO="inclusive")
    fill(datasets=["chats"])
    before = shown(data)
    emptied = start_sandbox(messages_per_day=40, faults=(Fault("empty-day", date(2026, 2, 3)),))
    sandbox_settings(emptied, DATE_TO="inclusive")
    fill(datasets=["chats"])
    assert shown(data) == before
    fill(datasets=["chats"], accept_smaller=True)
    assert len(shown(data)) < len(before)


@pytest.mark.promise("token-refused")
def test_a_refused_token_is_one_sentence_and_starts_nothing(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    sandbox = start_sandbox(messages_per_day=40)
    sandbox_settings(sandbox, TOKEN="a-wrong-canary-token")
    with pytest.raises(Exception, match="refuses the token") as refused:
        fill()
    assert "canary" not in str(refused.value)
    assert starts(sandbox) == 0


def test_without_a_token_nothing_is_started(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    sandbox_settings(start_sandbox(), TOKEN="")
    with pytest.raises(NotConfigured, match="set SMARTCONNECT_TOKEN"):
        fill()


@pytest.mark.parametrize(
    "window", [("05.02.2026", "02.02.2026"), ("01.01.2099", None)], ids=["reversed", "future"]
)
def test_a_window_that_cannot_be_is_refused_before_any_export(
    window: tuple[str, str | None],
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    sandbox = start_sandbox()
    sandbox_settings(sandbox)
    with pytest.raises(InvalidWindow):
        run(backfill(date_from=window[0], date_to=window[1]))  # type: ignore[arg-type]
    assert starts(sandbox) == 0


def test_a_dry_run_starts_nothing(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    sandbox = start_sandbox()
    data = sandbox_settings(sandbox)
    fill(dry_run=True)
    assert starts(sandbox) == 0
    assert not (data / "current").exists()


def test_the_nightly_brings_yesterday_and_the_users(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=40))
    run(nightly())
    days = [row[0] for row in shown(data, "SELECT DISTINCT window_day FROM chats ORDER BY 1")]
    assert days[-1] >= yesterday() - timedelta(days=1)
    assert len(days) == 3
    assert shown(data, "SELECT count(*) > 5, count(*) = count(DISTINCT user_id) FROM users") == [
        (True, True)
    ]
    uncommented = shown(
        data,
        """SELECT table_name, column_name FROM duckdb_columns()
           WHERE database_name = 'warehouse' AND NOT internal AND comment IS NULL""",
    )
    assert uncommented == []
