"""A worker killed, with its flow and without: on a real server, with what `up` installs there.

It waits for automations that fire after a minute and a half, so it runs with `LONG=1`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hosting import PROJECT, Host, running_host, wait_for

from sandbox.server import RunningSandbox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.promise("process-worker-killed"),
    pytest.mark.skipif(not os.environ.get("LONG"), reason="takes three minutes; LONG=1 runs it"),
]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with running_host(tmp_path) as made:
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
        "from flows.alerts import tell\n"
        "from flows.overdue import nightly_overdue\n"
        "automations.OVERDUE_AFTER = timedelta(seconds=15)\n"
        "with get_client(sync_client=True) as client:\n"
        "    client.create_deployment(client.create_flow(nightly_overdue), 'nightly-overdue')\n"
        "    client.create_deployment(client.create_flow(tell), 'tell')\n"
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
