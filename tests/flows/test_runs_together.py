"""Runs that are stopped, and runs beside each other: real processes, one data directory."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from companydays import yesterday
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from flows.backfill import backfill
from flows.nightly import nightly
from flows.windows import ddmmyyyy
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from warehouse.database import writer_lock
from warehouse.errors import WriterBusy
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
]
DAYS = ("02.02.2026", "05.02.2026")
JOBS = 8  # four days of two data sets
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message", "EXPORT_JOBS": "8"}
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]


def fill(*days: str) -> None:
    date_from, date_to = days or DAYS
    asyncio.run(backfill(date_from=date_from, date_to=date_to))  # type: ignore[arg-type]


@contextmanager
def started_run(log: Path, *days: str) -> Iterator[subprocess.Popen[bytes]]:
    """A backfill in a process of its own against the tests' Prefect server."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "PREFECT_HOME": str(log.parent / "prefect"),
    }
    command = [sys.executable, str(Path(__file__).with_name("killed_run.py")), *(days or DAYS)]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def under_way(data: Path) -> int:
    return len(list((data / "state" / "journal").glob("*.json")))


def wait_until(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not ready():
        assert process.poll() is None, "the run ended too soon: see run.log"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def served(sandbox: RunningSandbox) -> list[dict[str, str]]:
    return list(httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json())


def starts(sandbox: RunningSandbox) -> Counter[tuple[str, str]]:
    return Counter((e["kind"], e["date_from"]) for e in served(sandbox) if e["event"] == "start")


def require_one_at_a_time(sandbox: RunningSandbox) -> None:
    """No day was exported by two at once: a second start comes after the first one's file."""
    events: dict[tuple[str, str], list[str]] = {}
    for entry in served(sandbox):
        events.setdefault((entry["kind"], entry["date_from"]), []).append(entry["event"])
    for key, order in events.items():
        assert order == ["start", "file"] * (len(order) // 2), (key, order)


def require_truth(data: Path, sandbox: RunningSandbox, first: str, last: str) -> None:
    query = {"date_from": first, "date_to": last, "selection": "message"}
    days = httpx.get(f"{sandbox.root_url}/sandbox/truth", params=query, timeout=30).json()
    found = query_release(
        DataDirectory(data),
        "SELECT count(*), count(DISTINCT message_id) FROM chats",
    ).rows
    true = sum(day["count"] for day in days)
    assert found == [(true, true)]


@pytest.mark.promise("process-sigterm")
def test_a_run_that_is_told_to_stop_keeps_its_exports_and_gives_its_locks_back(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=40, export_seconds=3)
    data = sandbox_settings(sandbox, **VENDOR)
    with started_run(tmp_path / "run.log") as process:
        wait_until(process, lambda: under_way(data) == JOBS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) != 0
    assert under_way(data) == JOBS
    with get_client(sync_client=True) as client:
        newest = client.read_flow_runs(limit=1, sort="EXPECTED_START_TIME_DESC")[0]
    assert newest.state_name == "Crashed"
    sandbox_settings(sandbox, **VENDOR, CLAIM_WAIT_SECONDS="0", WRITER_WAIT_SECONDS="5")
    fill()
    assert set(starts(sandbox).values()) == {1}
    require_truth(data, sandbox, *DAYS)
    assert under_way(data) == 0


@pytest.mark.promise("process-writer-busy")
def test_another_run_that_loads_for_too_long_is_named_before_anything_is_started(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(messages_per_day=40)
    data = sandbox_settings(sandbox, **VENDOR, WRITER_WAIT_SECONDS="0.3")
    fill("02.02.2026", "02.02.2026")
    layout = DataDirectory(data)
    with (
        writer_lock(layout, holder="backfill of a year", wait_seconds=0),
        pytest.raises(WriterBusy, match=r"written by backfill of a year \(process \d+, since"),
    ):
        fill()
    assert sum(starts(sandbox).values()) == 2
    require_truth(data, sandbox, "02.02.2026", "02.02.2026")


@pytest.mark.promise("process-writer-busy")
def test_a_writer_that_is_busy_in_mid_run_costs_no_export(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=40, export_seconds=2)
    data = sandbox_settings(sandbox, **VENDOR, WRITER_WAIT_SECONDS="0.5")
    log = tmp_path / "run.log"
    with started_run(log) as process:
        wait_until(process, lambda: under_way(data) == JOBS)
        with writer_lock(DataDirectory(data), holder="a long rebuild", wait_seconds=30):
            assert process.wait(90) != 0
    assert "is being written by a long rebuild" in log.read_text()
    assert under_way(data) == JOBS
    fill()
    assert set(starts(sandbox).values()) == {1}
    require_truth(data, sandbox, *DAYS)


@pytest.mark.promise("process-two-runs")
def test_two_runs_of_one_window_export_each_day_one_at_a_time_and_double_nothing(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=40, export_seconds=0.5)
    data = sandbox_settings(sandbox, **VENDOR | {"EXPORT_JOBS": "3"})
    log = tmp_path / "run.log"
    with started_run(log) as first, started_run(log) as second:
        assert (first.wait(120), second.wait(120)) == (0, 0), log.read_text()
    require_one_at_a_time(sandbox)
    require_truth(data, sandbox, *DAYS)
    assert under_way(data) == 0


@pytest.mark.promise("process-nightly-in-backfill")
def test_a_nightly_is_through_while_a_long_backfill_goes_on(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path
) -> None:
    last = yesterday()
    first = last - timedelta(days=3)
    slow = f"never-ready:{ddmmyyyy(first)}"  # the backfill lasts until this is lifted
    sandbox = start_sandbox(messages_per_day=20, faults=(Fault.parse(slow),))
    options = {"EXPORT_JOBS": "3", "LOOKBACK_DAYS": "2", "CATCH_UP_DAYS": "0"}
    data = sandbox_settings(sandbox, **VENDOR | options)
    window = (ddmmyyyy(first), ddmmyyyy(last))
    log = tmp_path / "run.log"
    with started_run(log, *window) as long:
        wait_until(long, lambda: under_way(data) >= 2)
        asyncio.run(nightly())
        assert long.poll() is None
        newest = query_release(DataDirectory(data), "SELECT max(window_day) FROM chats").rows
        assert newest == [(last,)]
        httpx.post(f"{sandbox.root_url}/sandbox/faults", json=[], timeout=30).raise_for_status()
        assert long.wait(120) == 0, log.read_text()
    require_one_at_a_time(sandbox)
    require_truth(data, sandbox, *window)
