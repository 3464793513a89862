"""Prefect's server killed in the middle of a run, and started again or not: no work is lost."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from flows.servers import PREFECT_ENVIRONMENT, free_port, program, running, wait_for_url
from flows.up import UI_USER, server_environment
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.slow, pytest.mark.promise("process-server-gone")]
DAYS = ("02.02.2026", "05.02.2026")
JOBS = 8
PASSWORD = "canary-password-of-the-ui"
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message", "EXPORT_JOBS": "8"}


def starts(sandbox: RunningSandbox) -> int:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return sum(entry["event"] == "start" for entry in served)


@contextmanager
def server(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Prefect's server on this port, with a database that outlives it."""
    command = [program("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = {
        **PREFECT_ENVIRONMENT,
        **server_environment("127.0.0.1", port),
        "PREFECT_HOME": str(home),
    }
    home.mkdir(exist_ok=True)
    with running(command, environment, home / "server.log") as process:
        wait_for_url(f"{environment['PREFECT_API_URL']}/health", process, "Prefect's server")
        yield process


@contextmanager
def started_run(tmp_path: Path, port: int, retries: int) -> Iterator[subprocess.Popen[bytes]]:
    """A backfill in a process of its own, which tries so often to reach the server again."""
    environment = {
        **os.environ,
        **server_environment("127.0.0.1", port),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_CLIENT_MAX_RETRIES": str(retries),
    }
    script = Path(__file__).with_name("killed_run.py")
    with (tmp_path / "run.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(script), *DAYS], env=environment, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def wait_for_starts(sandbox: RunningSandbox, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while starts(sandbox) < JOBS:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def require_whole(data: Path, sandbox: RunningSandbox) -> None:
    """All is published, no export is under way, none was started twice."""
    query = {"date_from": DAYS[0], "date_to": DAYS[1], "selection": "message"}
    truth = httpx.get(f"{sandbox.root_url}/sandbox/truth", params=query, timeout=30).json()
    found = query_release(DataDirectory(data), "SELECT count(*) FROM chats").rows
    assert found == [(sum(day["count"] for day in truth),)]
    assert not list((data / "state" / "journal").glob("*.json"))
    assert starts(sandbox) == JOBS


def states(port: int) -> list[str]:
    url = f"http://127.0.0.1:{port}/api/flow_runs/filter"
    return [run["state_name"] for run in httpx.post(url, json={}, timeout=30).json()]


def require_password(port: int) -> None:
    """Nobody gets in without it, and no command line shows it."""
    url = f"http://127.0.0.1:{port}/api/flow_runs/count"
    wrong = (UI_USER, "not-the-password")
    assert httpx.post(url, json={}).status_code == 401
    assert httpx.post(url, json={}, auth=wrong).status_code == 401
    assert httpx.post(url, json={}, auth=(UI_USER, PASSWORD)).status_code == 200
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            assert PASSWORD.encode() not in process.read_bytes()


def require_no_password_in(folder: Path) -> None:
    """Prefect's database, every log and all data are without it, in every spelling."""
    login = f"{UI_USER}:{PASSWORD}".encode()
    spellings = [PASSWORD.encode(), base64.b64encode(login)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in files)
    for path in files:
        content = path.read_bytes()
        assert not any(spelling in content for spelling in spellings), path


@pytest.mark.rehearsal
@pytest.mark.promise("process-open-ui")
def test_a_run_whose_server_never_comes_back_loads_and_publishes_all_the_same(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    tmp_path: Path,
) -> None:
    sandbox = start_sandbox(messages_per_day=60, export_seconds=3)
    data = sandbox_settings(sandbox, **VENDOR, UI_PASSWORD=PASSWORD)
    port = free_port()
    with (
        server(tmp_path / "server", port) as gone,
        started_run(tmp_path, port, retries=0) as process,
    ):
        require_password(port)
        wait_for_starts(sandbox, process)
        gone.kill()
        gone.wait()
        process.wait(120)
    require_whole(data, sandbox)
    assert "Prefect's server could not be told" in (tmp_path / "run.log").read_text()
    require_no_password_in(tmp_path)


@pytest.mark.rehearsal
def test_a_run_whose_server_comes_back_ends_as_completed(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    tmp_path: Path,
) -> None:
    sandbox = start_sandbox(messages_per_day=60, export_seconds=8)
    data = sandbox_settings(sandbox, **VENDOR)
    port = free_port()
    with (
        server(tmp_path / "server", port) as gone,
        started_run(tmp_path, port, retries=5) as process,
    ):
        wait_for_starts(sandbox, process)
        gone.kill()
        gone.wait()
        time.sleep(5)
        with server(tmp_path / "server", port):
            assert process.wait(120) == 0, (tmp_path / "run.log").read_text()
            assert states(port) == ["Completed"]
    require_whole(data, sandbox)
