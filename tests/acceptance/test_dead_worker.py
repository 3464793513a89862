"""A worker killed, with its flow and without: on a real server, with what `up` installs there.

It waits for automations that fire after a minute and a half, so it runs with `LONG=1`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.servers import PREFECT_ENVIRONMENT, free_port, program, running, wait_for_url
from flows.up import server_environment
from sandbox.server import RunningSandbox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.promise("process-worker-killed"),
    pytest.mark.skipif(not os.environ.get("LONG"), reason="takes three minutes; LONG=1 runs it"),
]
PROJECT = Path(__file__).resolve().parents[2]


class Host:
    """A server and, when wanted, a worker, as `smartconnect up` starts them, but not as one."""

    def __init__(self, folder: Path, port: int) -> None:
        self.api = f"http://127.0.0.1:{port}/api"
        self.environment = {
            **os.environ,
            **PREFECT_ENVIRONMENT,
            **server_environment("127.0.0.1", port),
            "PREFECT_HOME": str(folder / "server"),
            "HOST_TEST": str(folder),  # inherited by all, and found again by it
        }
        (folder / "server").mkdir()
        self.folder = folder

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """`smartconnect worker`, once it takes runs; whatever it started is killed at the end."""
        self._mark = (self.folder / "worker.log").stat().st_size if self._logged() else 0
        command = [program("smartconnect"), "worker"]
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=PROJECT, env=self.environment, stdout=log, stderr=log
            )
            try:
                wait_for(lambda: "started!" in self._worker_said(), 90)
                yield process
            finally:
                process.kill()
                process.wait()
                for pid in self.flows():
                    os.kill(pid, signal.SIGKILL)

    def _logged(self) -> bool:
        return (self.folder / "worker.log").exists()

    def _worker_said(self) -> str:
        return (self.folder / "worker.log").read_text()[self._mark :]

    def flows(self) -> list[int]:
        """The processes of flow runs."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes()
                ours = f"HOST_TEST={self.folder}".encode() in environment
                if ours and b"PREFECT__FLOW_RUN_ID=" in environment:
                    found.append(int(process.name))
            except OSError:
                continue
        return found

    def call(self, path: str, **body: Any) -> Any:
        for _ in range(20):
            answer = httpx.post(f"{self.api}{path}", json=body, timeout=30)
            if answer.status_code != 503:  # its database is busy
                break
            time.sleep(0.5)
        answer.raise_for_status()
        return answer.json()

    def begin(self) -> str:
        """A backfill from its deployment; its id."""
        deployment = httpx.get(f"{self.api}/deployments/name/backfill/backfill").json()["id"]
        window = {"date_from": "02.02.2026", "date_to": "05.02.2026"}
        run = self.call(f"/deployments/{deployment}/create_flow_run", parameters=window)
        return str(run["id"])

    def state(self, run: str) -> str:
        return str(httpx.get(f"{self.api}/flow_runs/{run}", timeout=30).json()["state_name"])


def wait_for(ready: Callable[[], bool], seconds: float) -> float:
    """How long it took, in seconds."""
    began = time.monotonic()
    while not ready():
        assert time.monotonic() - began < seconds
        time.sleep(0.2)
    return time.monotonic() - began


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    port = free_port()
    made = Host(tmp_path, port)
    command = [program("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, made.environment, tmp_path / "server.log") as process:
        wait_for_url(f"{made.api}/health", process, "Prefect's server")
        yield made


@pytest.fixture
def data(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> Path:
    sandbox = start_sandbox(messages_per_day=40, export_seconds=20)
    return sandbox_settings(
        sandbox, DATE_TO="inclusive", SELECTION="message", EXPORT_JOBS="8", HOME=str(Path.cwd())
    )


def begun(host: Host, data: Path) -> str:
    """A run that waits for its exports."""
    run = host.begin()
    wait_for(lambda: len(list((data / "state" / "journal").glob("*.json"))) == 8, 90)
    return run


def test_a_run_whose_worker_died_with_it_is_crashed_in_two_minutes_and_its_slot_free(
    data: Path, host: Host
) -> None:
    with host.worker() as worker:
        run = begun(host, data)
        flows = host.flows()
        assert flows
        wait_for(lambda: host.state(run) == "Running", 30)
        worker.kill()
        for flow in flows:
            os.kill(flow, signal.SIGKILL)
        seconds = wait_for(lambda: host.state(run) == "Crashed", 120)
        print(f"marked Crashed after {seconds:.0f} s")
    with host.worker():
        again = host.begin()
        wait_for(lambda: host.state(again) == "Completed", 90)


def test_a_run_that_outlives_its_worker_ends_as_completed(data: Path, host: Host) -> None:
    with host.worker() as worker:
        run = begun(host, data)
        worker.kill()
        worker.wait()
        wait_for(lambda: host.state(run) == "Completed", 120)
    assert (data / "current").exists()


@pytest.mark.promise("process-nightly-overdue")
def test_where_no_nightly_succeeds_the_flow_that_says_so_is_run(host: Host) -> None:
    """As installed, but with a patience of seconds; counted from the `up` that installed it."""
    script = (
        "from datetime import timedelta\n"
        "from prefect.client.orchestration import get_client\n"
        "from flows import automations\n"
        "from flows.overdue import nightly_overdue\n"
        "automations.OVERDUE_AFTER = timedelta(seconds=15)\n"
        "with get_client(sync_client=True) as client:\n"
        "    client.create_deployment(client.create_flow(nightly_overdue), 'nightly-overdue')\n"
        "print(automations.install(None))\n"
    )
    command = [sys.executable, "-c", script]
    subprocess.run(command, cwd=PROJECT, env=host.environment, check=True)

    def runs() -> list[str]:
        flows = {"name": {"any_": ["nightly-overdue"]}}
        return [str(run["name"]) for run in host.call("/flow_runs/filter", flows=flows)]

    assert runs() == []
    seconds = wait_for(lambda: len(runs()) == 1, 90)
    print(f"run after {seconds:.0f} s")
