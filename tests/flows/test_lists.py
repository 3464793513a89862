"""Users in detail and channel accounts: as they came, with history, odd ones too."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oddvendor import odd_vendor

from flows.backfill import Exported, backfill
from flows.errors import DaysFailed
from flows.rebuild import rebuild_everything
from flows.settings import load_settings
from flows.users import snapshot_users_flow
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("prefect_api")]
Row = tuple[Any, ...]


def rows(data: Path, sql: str) -> list[Row]:
    return query_release(DataDirectory(data), sql).rows


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    def point(url: str) -> Path:
        monkeypatch.chdir(tmp_path)
        data = tmp_path / "data"
        for name, value in {
            "SANDBOX": "true",
            "TOKEN": "t",
            "BASE_URL": url,
            "DATA_DIR": str(data),
        }.items():
            monkeypatch.setenv(f"SMARTCONNECT_{name}", value)
        return data

    return point


def test_lists_join_to_chats_and_statistics_and_come_again_from_raw(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    sandbox = start_sandbox(messages_per_day=60, users_change=False)
    data = sandbox_settings(sandbox, DATE_TO="inclusive", SELECTION="message")
    asyncio.run(backfill(date_from="02.02.2026", date_to="02.02.2026", datasets=list(Exported)))  # type: ignore[arg-type]
    asyncio.run(snapshot_users_flow())
    for fact in ("chats", "statistics"):
        for key, table in (
            ("user_id", "users"),
            ("user_id", "user_details"),
            ("channel_account_id", "channel_accounts"),
        ):
            missing = f"""SELECT count(*), count(t.{key}) FROM {fact} f
                          LEFT JOIN {table} t USING ({key}) WHERE f.{key} IS NOT NULL"""
            joined = rows(data, missing)[0]
            assert joined[0] == joined[1] > 0, (fact, table)
    # The sandbox tells a team and a phone only of a user who is asked for alone.
    assert rows(data, "SELECT DISTINCT department FROM user_details") == [("Поддержка",)]
    assert rows(data, "SELECT count(phone) FROM users") == [(0,)]
    assert rows(data, "SELECT DISTINCT max_length FROM channel_accounts") == [("1000",)]
    shown = "SELECT * EXCLUDE (load_id) FROM {} ORDER BY 1"
    tables = [f"{t}{of}" for t in ("user_details", "channel_accounts") for of in ("", "_history")]
    before = {table: rows(data, shown.format(table)) for table in tables}
    rebuild_everything(load_settings(), lambda *_: None)
    assert {table: rows(data, shown.format(table)) for table in tables} == before


def vendor(users: list[Any], details: dict[Any, Any], accounts: list[Any]) -> dict[str, Any]:
    def user(given: dict[str, Any]) -> dict[str, Any]:
        found = details.get(given.get("uid"))
        return {"status": 200, "user": found} if found else {"status": 404, "description": "no"}

    return {
        "/users": lambda _: {"status": 200, "users": users},
        "/users/user": user,
        "/bulk/accounts": lambda _: {"status": 200, "accounts": accounts},
    }


@pytest.mark.promise("list-odd-records")
def test_odd_users_and_accounts_have_a_clear_outcome_each(odd: Callable[[str], Path]) -> None:
    users = [
        {"id": "a7", "name": "first"},
        {"name": "without an id"},
        {"id": "a7", "name": "the id a second time"},
        {"id": "gone", "name": "not known when asked for"},
        {"id": "b8", "name": "its details name no id"},
    ]
    details = {
        "a7": {"id": "a7", "shoe": {"size": 42}, "role": "admin"},
        "b8": {"role": "operator"},
    }
    accounts = [{"id": 5, "limits": [1, 2]}, {"name": "without an id"}, {"id": 5}]
    with odd_vendor(vendor(users, details, accounts)) as url:
        data = odd(url)
        asyncio.run(snapshot_users_flow())
        assert rows(data, "SELECT user_id FROM users ORDER BY 1") == [("a7",), ("b8",), ("gone",)]
        refused = "SELECT dataset, line, reason FROM meta.quarantine ORDER BY ALL"
        assert rows(data, refused) == [
            ("channel_accounts", 2, "channel_account_id: empty"),
            ("channel_accounts", 3, "channel_account_id: a second time"),
            ("users", 2, "user_id: empty"),
            ("users", 3, "user_id: a second time"),
        ]
        shown = "SELECT user_id, role, extra FROM user_details ORDER BY 1"
        assert rows(data, shown) == [
            ("a7", "admin", '{"shoe":{"size":42}}'),
            ("b8", "operator", None),
        ]
        assert rows(data, "SELECT channel_account_id, extra FROM channel_accounts") == [
            ("5", '{"limits":[1,2]}')
        ]
        details["b8"]["role"] = "admin"
        asyncio.run(snapshot_users_flow())
        history = """SELECT user_id, role, valid_to IS NULL FROM user_details_history
                     ORDER BY user_id, valid_from"""
        assert rows(data, history) == [
            ("a7", "admin", True),
            ("b8", "operator", False),
            ("b8", "admin", True),
        ]


@pytest.mark.promise("list-anothers-details")
def test_details_that_are_anothers_or_nobodys_leave_the_earlier_ones(
    odd: Callable[[str], Path],
) -> None:
    users, details = [{"id": 1}, {"id": 2}], {1: {"id": 1, "role": "x"}, 2: {"id": 2}}
    with odd_vendor(vendor(users, details, [{"id": 5}])) as url:
        data = odd(url)
        asyncio.run(snapshot_users_flow())
        before = rows(data, "SELECT * FROM user_details ORDER BY 1")
        for wrong, told in (
            ({1: {"id": 2}, 2: {"id": 1}}, "another user came"),
            ({}, "the vendor knows none of them"),
        ):
            details.clear()
            details.update(wrong)  # type: ignore[arg-type]
            with pytest.raises(DaysFailed, match=told):
                asyncio.run(snapshot_users_flow())
            assert rows(data, "SELECT * FROM user_details ORDER BY 1") == before


def test_some_users_are_asked_for_at_once_and_never_more_than_set(
    odd: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, most, lock = [0], [0], threading.Lock()

    def user(given: dict[str, Any]) -> dict[str, Any]:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1
        return {"status": 200, "user": {"id": given["uid"]}}

    answers = vendor([{"id": number} for number in range(20)], {}, [])
    with odd_vendor({**answers, "/users/user": user}) as url:
        data = odd(url)
        monkeypatch.setenv("SMARTCONNECT_USER_DETAILS_AT_ONCE", "3")
        asyncio.run(snapshot_users_flow())
    assert most == [3]
    assert rows(data, "SELECT count(*) FROM user_details") == [(20,)]
