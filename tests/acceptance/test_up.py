"""`smartconnect up --sandbox` in an empty folder: a backfill from a second terminal, wrong dates
refused, Ctrl-C in the middle of a run, and everything goes on after the next `up`.

It takes over a minute, so it runs with `LONG=1`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from flows.errors import FlowError
from flows.servers import free_port, program, wait_for_url

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("LONG"), reason="takes over a minute; LONG=1 runs it"),
]
DEPLOYMENT = "backfill/backfill"
SLOW_STARTS = 3  # each waited for as long as a server


@contextmanager
def running_up(home: Path, port: int, *options: str) -> Iterator[None]:
    """Everything of one host, until Ctrl-C; no process of it is there afterwards."""
    command = [program("smartconnect"), "up", "--port", str(port), *options]
    environment = {**os.environ, "UP_TEST": str(home)}  # inherited by all, and found again by it
    with (home / "up.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_for_url(f"http://127.0.0.1:{port}/api/health", process, "Prefect's server")
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C sends
            process.wait(60)
    assert processes_of(home) == []


def processes_of(home: Path) -> list[str]:
    """The command lines of processes that `up` started, directly or not."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"UP_TEST={home}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def backfill(home: Path, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    """`prefect deployment run` in a second terminal."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(home / "second-terminal"),
    }
    command = [program("prefect"), "deployment", "run", DEPLOYMENT, *options]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=180
    )


def shown_by_dashboard(home: Path) -> str:
    """The dashboard's page of the days that were loaded, at the address that `up` says."""
    told = re.search(r"Dashboard: (http://\S+)", (home / "up.log").read_text(encoding="utf-8"))
    assert told is not None
    return httpx.get(told[1], params={"from": "2026-02-01", "to": "2026-02-03"}, timeout=60).text


def window(date_from: str, date_to: str) -> tuple[str, ...]:
    return ("--param", f"date_from={date_from}", "--param", f"date_to={date_to}")


def runs(port: int) -> list[dict[str, object]]:
    """The backfills, in order; others come by schedule, or tell of one that failed."""
    api = f"http://127.0.0.1:{port}/api"
    deployment = httpx.get(f"{api}/deployments/name/backfill/backfill").json()["id"]
    query = {"sort": "EXPECTED_START_TIME_ASC", "deployments": {"id": {"any_": [deployment]}}}
    return list(httpx.post(f"{api}/flow_runs/filter", json=query).json())


def wait_for_deployments(port: int) -> None:
    """The worker applies them last."""
    wait_for_url(
        f"http://127.0.0.1:{port}/api/deployments/name/snapshot-users/snapshot-users",
        None,
        "The last deployment",
    )


def wait_until_running(port: int) -> None:
    """The newest run; a worker looks for one every few seconds."""
    deadline = time.monotonic() + 60
    while runs(port)[-1]["state_name"] != "Running":
        assert time.monotonic() < deadline, runs(port)[-1]["state_name"]
        time.sleep(0.2)


def test_up_serves_backfills_and_survives_ctrl_c_in_the_middle_of_one(tmp_path: Path) -> None:
    port = free_port()
    with running_up(tmp_path, port, "--sandbox"):
        wait_for_deployments(port)
        done = backfill(tmp_path, port, *window("01.02.2026", "03.02.2026"), "--watch")
        assert done.returncode == 0, done.stdout
        assert shown_by_dashboard(tmp_path).count("data-measure=") > 5
        wrong = backfill(tmp_path, port, *window("2026-02-01", "03.02.2026"))
        assert wrong.returncode != 0
        assert "does not match" in wrong.stdout + wrong.stderr
        backfill(tmp_path, port, *window("31.02.2026", "03.03.2026"), "--watch")
        (_, refused) = runs(port)
        assert "31.02.2026 is in no calendar" in str(refused["state"])
        backfill(tmp_path, port, *window("01.01.2025", "31.12.2025"))
        wait_until_running(port)
    with running_up(tmp_path, port, "--sandbox"):
        wait_for_deployments(port)
        done = backfill(tmp_path, port, *window("01.02.2026", "04.02.2026"), "--watch")
        assert done.returncode == 0, done.stdout
        assert [run["state_name"] for run in runs(port)] == [
            "Completed",
            "Failed",
            "Crashed",
            "Completed",
        ]
    assert (tmp_path / "data-sandbox" / "current" / "warehouse.duckdb").exists()
    assert not (tmp_path / "data").exists()


def test_up_serves_several_companies_each_with_what_its_file_asks_for(tmp_path: Path) -> None:
    port, callbacks, dashboard = free_port(), free_port(), free_port()
    own = {
        "acme": f"SMARTCONNECT_CALLBACK_SECRET=0123456789abcdef\n"
        f"SMARTCONNECT_CALLBACK_PORT={callbacks}\nSMARTCONNECT_DASHBOARD_PORT={dashboard}\n",
        "plain": "",
    }
    (tmp_path / "companies").mkdir()
    for key, text in own.items():
        file = tmp_path / "companies" / f"{key}.env"
        file.write_text(f"SMARTCONNECT_TOKEN=token-of-{key}\nSMARTCONNECT_SANDBOX=true\n{text}")
    with running_up(tmp_path, port):
        wait_for_url(f"http://127.0.0.1:{dashboard}/", None, "The dashboard of acme")
        refused = httpx.post(f"http://127.0.0.1:{callbacks}/not-the-secret", timeout=60)
        assert refused.status_code == 404
        api = f"http://127.0.0.1:{port}/api/deployments/name"
        for key in own:
            last = f"{api}/ingest-callbacks/ingest-callbacks-{key}"
            for _ in range(SLOW_STARTS):
                with suppress(FlowError):
                    wait_for_url(last, None, "The last deployment")
                    break
        assert httpx.get(f"{api}/nightly/nightly", timeout=60).status_code == 404
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "company=acme",
        "company=plain",
        "state",  # Prefect's own
    ]
