"""The judge of a chaos run finds what is planted: a loss, a double, a change, a broken ledger."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import httpx
import pytest

from chaos.verdict import Truth, Verdict, judge
from flows.backfill import backfill
from flows.users import snapshot_users_flow
from sandbox.jobs import Company
from sandbox.options import SandboxOptions
from sandbox.server import running_sandbox
from sandbox.tables import statistics_table

pytestmark = [pytest.mark.filterwarnings("default")]
OPTIONS = SandboxOptions(messages_per_day=30, selection="thread", users_change=False, seed=5)
DAYS = [date(2026, 2, 2), date(2026, 2, 3)]
DAY = "WHERE window_day = DATE '2026-02-03'"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, prefect_api: None) -> tuple[Path, Truth]:
    """A real warehouse, and what its vendor has."""
    folder = tmp_path_factory.mktemp("filled")
    with running_sandbox(OPTIONS) as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in (
            ("SANDBOX", "true"),
            ("TOKEN", sandbox.token),
            ("BASE_URL", sandbox.base_url),
            ("DATA_DIR", str(folder / "data")),
            ("DATE_TO", "inclusive"),
            ("SELECTION", "thread"),
        ):
            patch.setenv(f"SMARTCONNECT_{name}", value)
        asyncio.run(snapshot_users_flow())
        window = {"date_from": "02.02.2026", "date_to": "03.02.2026"}
        asyncio.run(backfill(**window))  # type: ignore[arg-type]
        told = httpx.get(f"{sandbox.root_url}/sandbox/truth", params=window, timeout=30).json()
    company = Company(OPTIONS)
    messages = {day: company.messages(day, day, "thread") for day in DAYS}
    return (
        folder / "data",
        Truth(
            messages,
            {date.fromisoformat(day["day"]): day["content_hash"] for day in told},
            {day: statistics_table(messages[day], day, "en") for day in DAYS},
            {str(user["id"]) for user in company.source.users(DAYS[0])},
        ),
    )


@pytest.fixture
def judged(filled: tuple[Path, Truth], tmp_path: Path) -> Callable[[str], Verdict]:
    """The verdict on a copy in which some SQL has done its work."""
    data, truth = filled

    def after(sql: str) -> Verdict:
        release = tmp_path / "data" / "releases" / "1"
        release.mkdir(parents=True)
        (tmp_path / "data" / "current").symlink_to(Path("releases") / "1")
        database = release / "warehouse.duckdb"
        shutil.copyfile((data / "current").resolve() / "warehouse.duckdb", database)
        with duckdb.connect(str(database)) as connection:
            connection.execute(sql)
        return judge(tmp_path / "data", truth)

    return after


def test_what_equals_the_truth_is_good(judged: Callable[[str], Verdict]) -> None:
    verdict = judged("SELECT 1")
    assert verdict.lines() == []
    assert verdict.good
    assert verdict.rows > 40


def test_a_lost_message_is_named(judged: Callable[[str], Verdict]) -> None:
    first = f"(SELECT min(message_id) FROM chats {DAY})"
    verdict = judged(f"DELETE FROM chats WHERE message_id = {first}")
    assert len(verdict.lost) == 1
    assert verdict.lost[0].startswith("chats of 03.02. 3")
    assert verdict.doubled == []
    assert not verdict.good


def test_a_doubled_message_is_named(judged: Callable[[str], Verdict]) -> None:
    verdict = judged(f"INSERT INTO chats SELECT * FROM chats {DAY} ORDER BY message_id LIMIT 2")
    assert len(verdict.doubled) == 2
    assert verdict.lost == []
    assert not verdict.good


def test_a_day_that_is_gone_is_lost_whole(judged: Callable[[str], Verdict]) -> None:
    tables = ("chats", "statistics", "meta.days")
    verdict = judged(";".join(f"DELETE FROM {table} {DAY}" for table in tables))
    assert len(verdict.lost) > 20
    assert any(line.startswith("statistics") for line in verdict.lost)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE chats SET text = text || '.' WHERE message_id = "
         "(SELECT max(message_id) FROM chats)", "the content isn't the vendor's"),
        ("UPDATE chats SET message_id = '1' WHERE message_id = "
         "(SELECT max(message_id) FROM chats)", "rows that the vendor doesn't have"),
        ("INSERT INTO statistics SELECT * FROM statistics LIMIT 1", "1 doubled: statistics of"),
        ("UPDATE statistics SET messages_in_count = messages_in_count + 1", "lost: statistics of"),
        ("DELETE FROM users WHERE user_id = '7'", "users has 11 ids, the vendor 12"),
        ("UPDATE users_history SET valid_to = now() WHERE user_id = '7'", "1 versions of users"),
        ("INSERT INTO users_history SELECT * FROM users_history WHERE user_id = '7'",
         "doubled: version of user 7"),
        ("INSERT INTO user_snapshots SELECT * FROM user_snapshots LIMIT 1",
         "1 users twice in a day's list"),
        ("UPDATE meta.loads SET rows_loaded = rows_loaded - 1 WHERE dataset = 'chats'",
         "2 loads whose rows read aren't"),
        ("INSERT INTO meta.days SELECT * FROM meta.days LIMIT 1", "1 days that come twice"),
        ("UPDATE meta.days SET rows_hidden = 1", "4 days whose shown rows aren't"),
        ("UPDATE chats SET load_id = 'another'", "rows of days that aren't loaded"),
    ],
)  # fmt: skip
def test_whatever_else_is_wrong_is_said(
    sql: str, said: str, judged: Callable[[str], Verdict]
) -> None:
    verdict = judged(sql)
    assert said in "\n".join(verdict.lines())
    assert not verdict.good
