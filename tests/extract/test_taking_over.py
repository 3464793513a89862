"""What a machine noted alone counts for all once it shares, whatever is cut off."""

from __future__ import annotations

import asyncio
import shutil
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from keeping import KeptHere

from extract.budget import CallBudget
from extract.journal import Entry, ExportRequest, Journal
from extract.sharedcalls import SharedCalls
from extract.sharedexports import SharedCoordination
from extract.sharing import Shared
from extract.takingover import take_over

pytestmark = pytest.mark.promise("shared-taken-over")
TODAY, VENDOR = date(2026, 2, 3), "https://vendor.example"
NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)
DAY = ExportRequest("chats", date(2026, 2, 2), date(2026, 2, 2))
FILTERED = ExportRequest("chats", date(2026, 2, 2), date(2026, 2, 2), name="Анна")


def alone(folder: Path, *requests: ExportRequest, calls: int = 0) -> Path:
    """A machine's folder: exports under way, and calls of today."""
    journal = Journal(folder / "journal", VENDOR)
    for number, request in enumerate(requests):
        journal.write(request, Entry(7 + number, NOW, NOW))
    budget = CallBudget(folder / "calls", None, 1000, lambda: TODAY)

    async def call() -> None:
        for _ in range(calls):
            await budget.spend("list_users", "users")

    asyncio.run(call())
    return folder


def given(kept: KeptHere, folder: Path) -> int:
    return take_over(kept, folder / "journal", folder / "calls", TODAY)


def under_way(kept: KeptHere, *requests: ExportRequest) -> list[bool]:
    async def asked() -> list[bool]:
        async with Shared(kept, holder="B") as shared:
            return SharedCoordination(shared, vendor=VENDOR, max_jobs=1).under_way(requests)

    return asyncio.run(asked())


def left(kept: KeptHere) -> int:
    async def asked() -> int:
        async with Shared(kept, holder="B") as shared:
            return SharedCalls(shared).left(TODAY, 1000)

    return asyncio.run(asked())


def test_exports_under_way_and_calls_of_today_are_those_of_all(tmp_path: Path) -> None:
    kept, first = KeptHere(time.time), alone(tmp_path / "A", DAY, FILTERED, calls=30)
    assert given(kept, first) == 2
    assert under_way(kept, DAY, FILTERED) == [True, True]
    assert left(kept) == 970
    assert given(kept, first) == 0
    assert left(kept) == 970
    second = alone(tmp_path / "B", FILTERED, calls=5)
    assert given(kept, second) == 0, "its names are of another key: nobody could find it"
    assert left(kept) == 965


def test_what_was_cut_off_is_gone_on_with_and_no_call_is_given_back(tmp_path: Path) -> None:
    kept, first = KeptHere(time.time), alone(tmp_path / "A", DAY, calls=30)
    shutil.copytree(first, tmp_path / "before")
    given(kept, first)
    assert given(kept, tmp_path / "before") == 0  # as after a kill before it was removed here
    assert under_way(kept, DAY) == [True]
    assert left(kept) <= 970
    assert not list((tmp_path / "before/journal").glob("[!.]*"))


def test_an_export_that_another_holds_is_left_until_it_is_free(tmp_path: Path) -> None:
    kept, first = KeptHere(time.time), alone(tmp_path / "A", DAY)

    async def held() -> None:
        async with Shared(kept, holder="B") as shared:
            both = SharedCoordination(shared, vendor=VENDOR, max_jobs=1)
            async with both.claim(DAY, 0) as claim:
                assert given(kept, first) == 0
                await claim.keep(Entry(70, NOW, NOW))  # it is still the holder's

    asyncio.run(held())
    assert given(kept, first) == 0
    assert not list((first / "journal").glob("[!.]*"))
