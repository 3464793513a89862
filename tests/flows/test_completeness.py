"""Each day is one word; gaps are found, told and filled, and nothing else is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from rich.console import Console

from flows.backfill import backfill
from flows.completeness import DatasetDays, State, as_markdown, completeness, cures, ranges
from flows.nightly import beyond_reach, nightly
from flows.status import show_status
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from warehouse.completeness import DayFacts

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = ("1", "")
DAY = date(2026, 2, 3)
ENDED = datetime(2026, 2, 3, 21, tzinfo=UTC)  # midnight in Moscow
KNOWN = {"DATE_TO": "inclusive", "SELECTION": "message"}


def facts(**more: object) -> DayFacts:
    told = {
        "dataset": "chats",
        "window_day": DAY,
        "rows": 5,
        "observed_at": ENDED,
        "contract_version": "1",
        "mapping_version": "",
        "held": False,
        "rows_quarantined": 0,
        "contents": 1,
        **more,
    }
    return DayFacts(**told)  # type: ignore[arg-type]


def state(found: DayFacts | None) -> State:
    known = {"chats": {DAY: found} if found else {}, "users": {DAY: facts()}}
    known = {name: days for name, days in known.items() if days}
    told = completeness(known, DAY, MOSCOW, {"chats": NOW})
    return next((d.states[DAY] for d in told if d.dataset == "chats"), State.MISSING)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (None, State.MISSING),
        (facts(rows=None, observed_at=None), State.MISSING),
        (facts(held=True), State.HELD),
        (facts(observed_at=ENDED - timedelta(seconds=1)), State.STALE),
        (facts(contract_version="0"), State.STALE),
        (facts(mapping_version="another"), State.STALE),
        (facts(rows=0), State.EMPTY),
        (facts(rows_quarantined=1), State.QUARANTINED),
        (facts(contents=2), State.LATE),
        (facts(), State.LOADED),
    ],
)
def test_a_day_is_told_by_one_word(found: DayFacts | None, told: State) -> None:
    assert state(found) is told


def test_a_calendar_reaches_from_the_first_day_that_is_known_to_yesterday() -> None:
    known = {"chats": {date(2026, 1, 31): facts(), date(2026, 2, 2): facts()}}
    (days,) = completeness(known, date(2026, 2, 3), MOSCOW, {})
    assert list(days.states.values()) == [
        State.LOADED, State.MISSING, State.LOADED, State.MISSING,
    ]  # fmt: skip
    months = dict(days.months())
    assert list(months) == ["2026-01", "2026-02"]
    assert months["2026-01"][30] is State.LOADED
    assert months["2026-02"][:3] == [State.MISSING, State.LOADED, State.MISSING]
    assert cures(days) == [
        "chats: 2 missing (01.02.2026, 03.02.2026): backfill from 01.02.2026 with "
        "only_missing=true."
    ]
    assert "2026-02  ×■×" in as_markdown([days])


def test_days_in_a_row_are_told_as_one() -> None:
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 3)]
    assert ranges(days) == ["28.02.2026–01.03.2026", "03.03.2026"]


def test_gaps_beyond_a_nightlys_reach_are_told_with_their_cure() -> None:
    days = DatasetDays("chats", {DAY: State.MISSING, DAY + timedelta(days=1): State.LOADED})
    said = beyond_reach(days, date(2026, 3, 1))
    assert said is not None
    assert "1 days before 01.03.2026 are missing (03.02.2026)" in said
    assert beyond_reach(days, DAY) is None
    assert beyond_reach(DatasetDays("users", days.states), date(2026, 3, 1)) is None


def exported(sandbox: RunningSandbox, dataset: str = "chats") -> list[str]:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return sorted(
        entry["date_from"]
        for entry in served
        if entry["event"] == "start" and entry["kind"] == dataset
    )


def fill(first: str, last: str, **more: object) -> None:
    asyncio.run(backfill(date_from=first, date_to=last, **more))  # type: ignore[arg-type]


def told(data: Path) -> str:
    console = Console(record=True, width=160)
    assert show_status(console) == 0
    return console.export_text()


async def artifact(key: str) -> str:
    async with get_client() as client:
        found = await client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        )
    return str(max(found, key=lambda a: a.created or datetime.min.replace(tzinfo=UTC)).data)


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.filterwarnings("default")
def test_only_missing_asks_for_the_gaps_alone_and_status_shows_each_day(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    sandbox = start_sandbox(messages_per_day=40, today=date(2026, 2, 10))
    data = sandbox_settings(sandbox, **KNOWN)
    fill("02.02.2026", "02.02.2026")
    fill("05.02.2026", "05.02.2026")
    before = exported(sandbox)
    fill("02.02.2026", "06.02.2026", only_missing=True)
    assert exported(sandbox) == sorted([*before, "2026-02-03", "2026-02-04", "2026-02-06"])
    assert exported(sandbox, "statistics") == exported(sandbox)
    fill("02.02.2026", "06.02.2026", only_missing=True)
    assert len(exported(sandbox)) == 5
    faults = ["empty-day:03.02.2026", "impossible-date:04.02.2026", "late-rows:06.02.2026"]
    httpx.post(f"{sandbox.root_url}/sandbox/faults", json=faults)
    fill("03.02.2026", "06.02.2026")  # 03. is held, 06. comes with fewer rows
    shown = told(data)
    lines = shown.split("chats:")[1].splitlines()
    line = next(line for line in lines if line.startswith("2026-02"))
    assert line.startswith("2026-02   ■HQ■+×")
    assert "1 held (03.02.2026)" in shown


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.filterwarnings("default")
def test_a_nightly_leaves_the_calendar_as_an_artifact_and_names_gaps_it_does_not_reach(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    sandbox = start_sandbox(messages_per_day=40, faults=(Fault("never-ready", date(2026, 2, 1)),))
    yesterday = datetime.now(MOSCOW).date() - timedelta(days=1)
    old = yesterday - timedelta(days=9)
    sandbox_settings(sandbox, **KNOWN, CATCH_UP_DAYS="3", LOOKBACK_DAYS="1")
    fill(f"{old:%d.%m.%Y}", f"{old:%d.%m.%Y}")
    asyncio.run(nightly())
    page = asyncio.run(artifact("completeness"))
    assert "### chats: 6 missing, 4 loaded" in page
    summary = asyncio.run(artifact("nightly-summary"))
    assert "further back than a nightly reaches by itself" in summary
    assert f"backfill from {old + timedelta(days=1):%d.%m.%Y} with only_missing=true" in summary
