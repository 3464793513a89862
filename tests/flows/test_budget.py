"""A bound of calls per run and per day: said before, kept on the way, and nothing is lost by it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pytest
from companydays import yesterday
from prefect.client.orchestration import get_client

from flows.backfill import Exported, backfill
from flows.errors import DaysFailed, OverBudget
from flows.nightly import nightly
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.promise("process-call-budget"),
]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]


def fill(**more: object) -> None:
    window = {"date_from": "02.02.2026", "date_to": "05.02.2026", "datasets": [Exported.chats]}
    asyncio.run(backfill(**window | more))  # type: ignore[arg-type]


def starts(sandbox: RunningSandbox) -> Counter[str]:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return Counter(entry["date_from"] for entry in served if entry["event"] == "start")


def loaded(data: Path) -> list[date]:
    sql = "SELECT DISTINCT window_day FROM chats ORDER BY 1"
    return [row[0] for row in query_release(DataDirectory(data), sql).rows]  # type: ignore[misc]


def test_a_backfill_that_would_cost_too_much_says_so_and_starts_nothing(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(messages_per_day=20)
    sandbox_settings(sandbox, **VENDOR, CALLS_PER_RUN="7")
    with pytest.raises(OverBudget, match=r"4 exports need 8 calls or more, and 7 may be made"):
        fill()
    assert not starts(sandbox)
    fill(dry_run=True)
    with get_client(sync_client=True) as client:
        plan = client.read_artifacts(limit=1, sort="CREATED_DESC")[0]
    assert "Calls: at least 8; 7 may still be made by a run: too many" in str(plan.data)


def test_a_run_that_meets_its_bound_keeps_what_it_has_and_the_next_goes_on(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    retried = Fault.parse("http-500@get_chats_export_task:03.02.2026*1")
    sandbox = start_sandbox(messages_per_day=20, faults=(retried,))
    data = sandbox_settings(sandbox, **VENDOR, EXPORT_JOBS="1", CALLS_PER_RUN="8")
    with pytest.raises(DaysFailed, match="the calls that a run may make are used up"):
        fill()
    done = loaded(data)
    assert len(done) == sum(starts(sandbox).values()) == 3
    sandbox_settings(sandbox, **VENDOR, CALLS_PER_RUN="1000")
    fill()
    assert len(loaded(data)) == 4
    again = starts(sandbox)
    assert {day: count for day, count in again.items() if count > 1} == {
        day.isoformat(): 2 for day in done
    }


def test_the_calls_of_a_day_are_counted_over_all_runs(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(messages_per_day=20)
    data = sandbox_settings(sandbox, **VENDOR, CALLS_PER_DAY="1000")
    fill()
    (count,) = (data / "state" / "calls").glob("*.calls")
    made = count.stat().st_size
    assert made >= 8
    sandbox_settings(sandbox, **VENDOR, CALLS_PER_DAY=str(made + 7))
    with pytest.raises(OverBudget, match="and 7 may be made"):
        fill()
    assert sum(starts(sandbox).values()) == 4


def test_a_nightly_asks_for_the_newest_days_that_it_may_and_leaves_the_others(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(messages_per_day=20)
    last = yesterday()
    data = sandbox_settings(sandbox, **VENDOR, CALLS_PER_RUN="6")
    asyncio.run(nightly())
    assert starts(sandbox) == {last.isoformat(): 2}
    assert loaded(data) == [last]
    found = query_release(DataDirectory(data), "SELECT count(*) > 0 FROM users").rows
    assert found == [(True,)]
