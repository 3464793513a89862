"""Machines at work at once on one company: real processes, each with a data directory of its own,
and an object store that is all they share.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_URL
from s3server import S3Server, s3_server

from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.promise("shared-day-once", "shared-writer"),
]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message", "EXPORT_JOBS": "8"}
RUN = Path(__file__).with_name("killed_run.py")
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def machine(
    start_sandbox: Start,
    sandbox_settings: Point,
    server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a machine's backfill: `machine(name, date_from, date_to, *point_and_count)`."""
    sandbox = start_sandbox(messages_per_day=30, export_seconds=1)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    url = server.url(tmp_path.name)
    sandbox_settings(sandbox, **VENDOR, DATA_URL=url, LEASE_SECONDS="3")
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str, *told: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "SMARTCONNECT_DATA_DIR": str(tmp_path / name),
            "PREFECT_API_URL": str(PREFECT_API_URL.value()),
            "PREFECT_HOME": str(tmp_path / f"{name}-prefect"),
        }
        with (tmp_path / f"{name}.log").open("ab") as log:
            command = [sys.executable, str(RUN), *told]
            running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        return running[-1]

    start.sandbox = sandbox  # type: ignore[attr-defined]
    yield start
    for process in running:
        process.kill()
        process.wait()


def starts(sandbox: RunningSandbox) -> Counter[tuple[str, str]]:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return Counter((e["kind"], e["date_from"]) for e in served if e["event"] == "start")


def days_shown(data: Path) -> list[str]:
    sql = "SELECT DISTINCT window_day::VARCHAR FROM chats ORDER BY 1"
    return [str(row[0]) for row in query_release(DataDirectory(data), sql).rows]


def test_two_machines_load_at_once_and_nothing_is_lost_or_asked_for_twice(
    machine: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    running = [
        machine("one", "02.02.2026", "05.02.2026"),
        machine("other", "06.02.2026", "09.02.2026"),
    ]
    codes = [process.wait(240) for process in running]
    assert codes == [0, 0], (tmp_path / "one.log").read_text() + (
        tmp_path / "other.log"
    ).read_text()
    sandbox = machine.sandbox  # type: ignore[attr-defined]
    assert set(starts(sandbox).values()) == {1}
    assert len(starts(sandbox)) == 16
    third = machine("third", "02.02.2026", "09.02.2026")
    assert third.wait(240) == 0, (tmp_path / "third.log").read_text()
    assert days_shown(tmp_path / "third") == [f"2026-02-{day:02d}" for day in range(2, 10)]


def test_a_machine_that_dies_costs_no_export_and_another_goes_on(
    machine: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    dead = machine("dead", "02.02.2026", "05.02.2026", "extract.claims.journalled", "8")
    assert dead.wait(240) == -signal.SIGKILL, (tmp_path / "dead.log").read_text()
    sandbox = machine.sandbox  # type: ignore[attr-defined]
    assert sum(starts(sandbox).values()) == 8
    heir = machine("heir", "02.02.2026", "05.02.2026")
    assert heir.wait(240) == 0, (tmp_path / "heir.log").read_text()
    assert set(starts(sandbox).values()) == {1}
    assert days_shown(tmp_path / "heir") == [f"2026-02-{day:02d}" for day in range(2, 6)]
