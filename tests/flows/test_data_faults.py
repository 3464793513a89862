"""What a vendor's data can do to a warehouse: held, counted, shown once, or kept for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pytest

from flows.backfill import backfill
from flows.users import snapshot_users_flow
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
KNOWN = {"DATE_TO": "inclusive", "SELECTION": "message"}
HISTORY = "SELECT count(*), count(*) FILTER (valid_to IS NULL) FROM users_history"


def fill(first: str, last: str | None = None, **more: object) -> None:
    window = {"date_from": first, "date_to": last or first}
    asyncio.run(backfill(**window, **more))  # type: ignore[arg-type]


def shown(data: Path, sql: str) -> list[tuple[object, ...]]:
    return query_release(DataDirectory(data), sql).rows


def truth(sandbox: RunningSandbox, first: str, last: str) -> int:
    query = {"date_from": first, "date_to": last}
    answer = httpx.get(f"{sandbox.root_url}/sandbox/truth", params=query, timeout=30)
    return sum(int(day["count"]) for day in answer.json())


def strike(sandbox: RunningSandbox, *faults: str) -> None:
    httpx.post(f"{sandbox.root_url}/sandbox/faults", json=list(faults)).raise_for_status()


@pytest.fixture
def vendor(start_sandbox: Callable[..., RunningSandbox]) -> RunningSandbox:
    return start_sandbox(messages_per_day=100)


@pytest.fixture
def data(vendor: RunningSandbox, sandbox_settings: Callable[..., Path]) -> Path:
    return sandbox_settings(vendor, **KNOWN)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("users-empty", marks=pytest.mark.promise("data-users-empty")),
        pytest.param("users-halved", marks=pytest.mark.promise("data-users-halved")),
    ],
)
def test_a_users_list_that_shrank_is_held_and_closes_nobodys_history(
    fault: str, vendor: RunningSandbox, data: Path
) -> None:
    asyncio.run(snapshot_users_flow())
    before = shown(data, HISTORY)
    strike(vendor, fault)
    asyncio.run(snapshot_users_flow())
    strike(vendor)
    asyncio.run(
        snapshot_users_flow(accept_smaller=True)
    )  # publishes nothing new either: it is the same list
    assert shown(data, HISTORY) == before
    fill("03.02.2026")  # a release that has the ledger of all three
    outcomes = "SELECT outcome FROM meta.loads WHERE dataset = 'users' ORDER BY loaded_at"
    assert [row[0] for row in shown(data, outcomes)] == ["loaded", "held", "unchanged"]


@pytest.mark.promise("data-smaller-day")
def test_a_day_that_lost_most_of_its_rows_is_held_until_someone_accepts_it(
    vendor: RunningSandbox, data: Path
) -> None:
    fill("03.02.2026", datasets=["chats"])
    whole = shown(data, "SELECT count(*) FROM chats")
    strike(vendor, "smaller-day")
    fill("03.02.2026", "04.02.2026", datasets=["chats"])  # the 4th is loaded: nothing to compare
    day = "SELECT count(*) FROM chats WHERE window_day = '2026-02-03'"
    assert shown(data, day) == whole
    outcomes = "SELECT outcome FROM meta.loads WHERE window_day = '2026-02-03' ORDER BY loaded_at"
    assert shown(data, outcomes) == [("loaded",), ("held",)]
    fill("03.02.2026", datasets=["chats"], accept_smaller=True)
    assert shown(data, day)[0][0] == int(str(whole[0][0])) // 10


@pytest.mark.promise("data-late-rows")
def test_rows_that_come_late_are_in_the_next_release(vendor: RunningSandbox, data: Path) -> None:
    strike(vendor, "late-rows")
    fill("03.02.2026", datasets=["chats"])
    early = shown(data, "SELECT count(*) FROM chats")[0][0]
    fill("03.02.2026", datasets=["chats"])
    assert int(str(early)) < truth(vendor, "03.02.2026", "03.02.2026")
    assert shown(data, "SELECT count(*), count(DISTINCT message_id) FROM chats") == [
        (truth(vendor, "03.02.2026", "03.02.2026"),) * 2
    ]


@pytest.mark.promise("data-duplicates")
def test_rows_that_come_twice_are_shown_once_and_counted(
    vendor: RunningSandbox, data: Path
) -> None:
    strike(vendor, "duplicate-rows")
    fill("03.02.2026", datasets=["chats"])
    count = truth(vendor, "03.02.2026", "03.02.2026")
    assert shown(data, "SELECT count(*), count(DISTINCT message_id) FROM chats") == [(count,) * 2]
    twice = -(-count // 10)
    ledger = "SELECT rows_read, rows_loaded, rows_duplicate, rows_quarantined FROM meta.loads"
    assert shown(data, ledger) == [(count + twice, count, twice, 0)]


@pytest.mark.promise("data-other-day")
def test_a_row_of_another_day_is_kept_under_its_window_and_counted(
    vendor: RunningSandbox, data: Path
) -> None:
    strike(vendor, "other-day-rows")
    fill("03.02.2026", datasets=["chats"])
    count = truth(vendor, "03.02.2026", "03.02.2026")
    days = "SELECT window_day, date, count(*) FROM chats GROUP BY ALL ORDER BY ALL"
    assert shown(data, days) == [
        (date(2026, 2, 3), date(2026, 1, 27), 1),
        (date(2026, 2, 3), date(2026, 2, 3), count - 1),
    ]
    assert shown(data, "SELECT rows_outside_day FROM meta.loads") == [(1,)]


@pytest.mark.promise("data-edges")
@pytest.mark.parametrize(
    ("zone", "first", "last", "days"),
    [
        ("Asia/Kamchatka", "28.02.2024", "01.03.2024", 3),
        ("America/New_York", "31.12.2025", "01.01.2026", 2),
        ("Europe/Berlin", "28.03.2026", "29.03.2026", 2),
    ],
    ids=["leap-day", "new-year", "spring"],
)
def test_months_years_and_leap_days_lose_nothing_at_their_edges(
    zone: str,
    first: str,
    last: str,
    days: int,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    vendor = start_sandbox(messages_per_day=60, time_zone=zone, date_to="exclusive")
    edges = {"DATE_TO": "exclusive", "SELECTION": "message", "TIME_ZONE": zone}
    data = sandbox_settings(vendor, **edges)
    fill(first, last, datasets=["chats"])
    assert shown(data, "SELECT count(*), count(DISTINCT window_day) FROM chats") == [
        (truth(vendor, first, last), days)
    ]
    assert shown(data, "SELECT count(*) FROM chats WHERE date <> window_day") == [(0,)]
    offset = "SELECT count(*) FROM chats WHERE (sent_at_utc AT TIME ZONE '{}') <> sent_at"
    assert shown(data, offset.format(zone)) == [(0,)]


@pytest.mark.promise("data-empty-day")
def test_a_vendor_of_json_may_have_days_without_a_message(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    """Its empty export is `[]`: no row, and no column either; also to the probe of its habits."""
    vendor = start_sandbox(messages_per_day=60, format="json", date_to="exclusive")
    data = sandbox_settings(vendor)
    strike(vendor, "empty-day:04.02.2026")
    fill("02.02.2026", "05.02.2026", datasets=["chats"])
    days = "SELECT window_day, rows FROM meta.days ORDER BY window_day"
    assert [row[1] == 0 for row in shown(data, days)] == [False, False, True, False]
    assert shown(data, "SELECT value FROM meta.facts WHERE key = 'vendor.date_to'") == [
        ("exclusive",)
    ]
