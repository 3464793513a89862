"""Space on the disk: told, forecast, and asked for before a run begins."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from flows.backfill import Exported, backfill
from flows.space import disk_lines, in_words, space_warning
from flows.status import show_status
from sandbox.server import RunningSandbox
from warehouse.errors import DirectoryUnusable
from warehouse.layout import DataDirectory
from warehouse.space import DiskUse, bytes_of_a_day, disk_use, require_space

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}


def fill(last: str = "03.02.2026") -> None:
    window = {"date_from": "02.02.2026", "date_to": last, "datasets": [Exported.chats]}
    asyncio.run(backfill(**window))  # type: ignore[arg-type]


@pytest.mark.promise("disk-space-asked-before")
def test_a_run_that_the_disk_has_no_space_for_starts_nothing(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    sandbox = start_sandbox(messages_per_day=20)
    data = sandbox_settings(sandbox, **VENDOR)
    fill()
    os.environ["SMARTCONNECT_KEEP_FREE_MB"] = str(10**9)
    try:
        with pytest.raises(DirectoryUnusable, match=r"5 days need about .* Nothing was started"):
            fill("06.02.2026")
    finally:
        del os.environ["SMARTCONNECT_KEEP_FREE_MB"]
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    assert sum(entry["event"] == "start" for entry in served) == 2
    told = Console(record=True, width=200)
    assert show_status(told) == 0
    assert "Disk: raw " in told.export_text()
    layout = DataDirectory(data)
    use = disk_use(layout)
    apart = [path for path in data.rglob("*") if path.is_file() and not path.is_symlink()]
    inodes = {path.lstat().st_ino: path.lstat().st_blocks * 512 for path in apart}
    assert sum(use.areas.values()) <= sum(inodes.values())  # a link into the lake counts once
    database = 512 * (data / "current" / "warehouse.duckdb").stat().st_blocks
    assert database <= use.areas["releases"] < sum(use.areas.values())
    assert bytes_of_a_day(layout) > layout.database.stat().st_size / 2
    require_space(layout, 0, 10**18)  # nothing to load needs nothing


def test_the_forecast_is_a_sentence() -> None:
    assert [in_words(size) for size in (0, 999, 1_000, 2_340_000_000)] == [
        "0 bytes", "999 bytes", "1.0 kB", "2.3 GB",
    ]  # fmt: skip
    soon = DiskUse({"raw": 10**9, "lake": 0}, 3 * 10**9, 10**8)
    assert soon.days_left == 30
    assert disk_lines(soon) == [
        "Disk: raw 1.0 GB; 3.0 GB are free.",
        "A day adds 100.0 MB: that is enough for about 30 days.",
    ]
    assert space_warning(soon, 30) is None
    assert "full in about 30 days" in (space_warning(soon, 31) or "")
    assert disk_lines(DiskUse({}, 10**9, 0.0)) == ["Disk: nothing yet; 1.0 GB are free."]
    assert space_warning(DiskUse({}, 10**9, 0.0), 400) is None
    assert "more than 10 years" in disk_lines(DiskUse({}, 10**12, 1000.0))[1]
    assert "about 2.0 years" in disk_lines(DiskUse({}, 730_000, 1000.0))[1]
