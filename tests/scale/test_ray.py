"""The same backfill on Ray: another engine behind the same task runner's interface."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from dasks import require_extras
from hosting import wait_for
from prefect.settings import PREFECT_API_URL
from test_cluster import JOBS, VENDOR, Point, Start, fill
from test_crashes import content, starts, under_way

from flows.servers import free_port, program

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture
def ray_address(tmp_path: Path, sandbox: tuple[object, Path], prefect_api: None) -> Iterator[str]:
    """A head node of Ray, a process group of its own; its workers have this environment."""
    require_extras("prefect_ray")
    port, log = free_port(), tmp_path / "ray.log"
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        command = [program("ray"), "start", "--head", "--block", "--port", str(port)]
        command += ["--num-cpus", "1", "--include-dashboard", "false", "--temp-dir", folder]
        command += ["--node-ip-address", "127.0.0.1", "--disable-usage-stats"]
        environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        try:
            wait_for(lambda: b"Ray runtime started" in log.read_bytes(), 120)
            yield f"127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)  # it stops what it has started
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def sandbox(start_sandbox: Start, sandbox_settings: Point) -> tuple[object, Path]:
    running = start_sandbox(messages_per_day=60, export_seconds=1)
    return running, sandbox_settings(running, **VENDOR)


@pytest.mark.promise("scale-cluster")
def test_days_prepared_by_ray_are_what_one_process_makes_of_them(
    ray_address: str,
    sandbox: tuple[object, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running, data = sandbox
    monkeypatch.setenv("SMARTCONNECT_TASK_RUNNER", "ray")
    monkeypatch.setenv("SMARTCONNECT_CLUSTER_ADDRESS", ray_address)
    fill()
    assert sum(starts(running).values()) == JOBS  # type: ignore[arg-type]
    assert under_way(data) == set()
    monkeypatch.setenv("SMARTCONNECT_TASK_RUNNER", "local")
    monkeypatch.setenv("SMARTCONNECT_DATA_DIR", str(tmp_path / "alone"))
    fill()
    assert content(tmp_path / "alone") == content(data)
