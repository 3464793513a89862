"""Prefect's server and a worker as two processes, as `smartconnect up` starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from flows.servers import PREFECT_ENVIRONMENT, free_port, program, running, wait_for_url
from flows.up import server_environment

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
    def worker(self, within_seconds: float = 90) -> Iterator[subprocess.Popen[bytes]]:
        """`smartconnect worker`, once it takes runs; whatever it started is killed at the end."""
        self._mark = (self.folder / "worker.log").stat().st_size if self._logged() else 0
        command = [program("smartconnect"), "worker"]
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=PROJECT, env=self.environment, stdout=log, stderr=log
            )
            try:
                wait_for(lambda: "started!" in self._worker_said(), within_seconds)
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

    def processes_of(self, run: str) -> list[int]:
        """The processes that run a flow run, once there are any."""
        found = []
        for process in self.flows():
            with suppress(OSError):
                environment = Path(f"/proc/{process}/environ").read_bytes()
                if f"PREFECT__FLOW_RUN_ID={run}".encode() in environment:
                    found.append(process)
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


@contextmanager
def running_host(folder: Path, **environment: str) -> Iterator[Host]:
    """A server, with more of an environment if given; stopped at the end."""
    port = free_port()
    made = Host(folder, port)
    made.environment.update(environment)
    command = [program("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, made.environment, folder / "server.log") as process:
        wait_for_url(f"{made.api}/health", process, "Prefect's server")
        yield made
