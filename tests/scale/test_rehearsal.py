"""Three machines with nothing in common but Prefect's server on Postgres and an object store: a
backfill of two companies, one machine killed and one cut off in the middle.

What is published in the end is what one machine makes of the same exports, and no export was
started but those of the days, and of kills between the vendor's acceptance and the journal.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import duckdb
import httpx
import pytest
from dasks import require_extras
from engines import required, running_postgres
from hosting import wait_for
from machines import PROJECT, Machine, commands
from networks import network, possible
from s3server import s3_server
from test_crashes import CHATS, LEDGER, STATISTICS

from flows.servers import free_port, running, wait_for_url

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow]
COMPANIES = ("acme", "umbrella")
FIRST, LAST, DAYS = "01.02.2026", "01.04.2026", 60
DATASETS = 2
EXPORT_SECONDS = 4
JOBS = 16  # of each company at once
LOGIN = ("smartconnect", "CHANGE-ME-TOO")
LEASE_SECONDS = 10


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


class Vendor:
    """A sandbox for each company, each a process with a token of its own."""

    def __init__(self, stack: ExitStack, folder: Path, host: str) -> None:
        self.folder = folder
        self.urls: dict[str, str] = {}
        for number, company in enumerate(COMPANIES):
            url_file = folder / f"{company}.url"
            command = [sys.executable, "-m", "sandbox", "--host", host, "--port", "0"]
            command += ["--url-file", str(url_file), "--token", f"token-{company}"]
            command += ["--seed", str(number + 1), "--messages-per-day", "40"]
            command += ["--export-seconds", str(EXPORT_SECONDS), "--max-running", str(JOBS)]
            stack.enter_context(running(command, {}, folder / f"{company}.log"))
            wait_for(lambda path=url_file: path.exists() and bool(path.read_text().strip()), 60)  # type: ignore[misc]
            self.urls[company] = url_file.read_text().strip()

    def starts(self, company: str) -> Counter[str]:
        """Exports started, by data set and day."""
        served = httpx.get(self.urls[company].replace("/api", "/sandbox/served"), timeout=30).json()
        return Counter(
            f"{one['kind']} {one['date_from']}" for one in served if one["event"] == "start"
        )

    def limit_kept(self, company: str) -> bool:
        served = httpx.get(self.urls[company].replace("/api", "/sandbox/served"), timeout=30).json()
        return all(one.get("running", 0) <= JOBS for one in served)


class Server:
    """Prefect's server, as an operator sees it."""

    def __init__(self, api: str) -> None:
        self._api = api

    def begin(self, company: str) -> str:
        name = f"backfill/backfill-{company}"
        deployment = self._get(f"/deployments/name/{name}")["id"]
        window = {"date_from": FIRST, "date_to": LAST}
        return str(
            self._post(f"/deployments/{deployment}/create_flow_run", parameters=window)["id"]
        )

    def quiet(self) -> None:
        """No run but those that the test begins."""
        for one in self._post("/deployments/filter"):
            self._post(f"/deployments/{one['id']}/pause_deployment") if one["schedules"] else None

    def state(self, run: str) -> str:
        return str(self._get(f"/flow_runs/{run}")["state_name"])

    def why(self, run: str) -> str:
        return str(self._get(f"/flow_runs/{run}")["state"])

    def _get(self, path: str) -> Mapping[str, str]:
        answer = httpx.get(f"{self._api}{path}", auth=LOGIN, timeout=30)
        answer.raise_for_status()
        return dict(answer.json())

    def _post(self, path: str, **body: object) -> list:  # type: ignore[type-arg]
        answer = httpx.post(f"{self._api}{path}", json=body, auth=LOGIN, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else []


def told_by_release(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that readers see of a release's database, but for names of loads and times."""
    database = (folder / "current").resolve() / "warehouse.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        asked = {"chats": CHATS, "statistics": STATISTICS, "ledger": LEDGER}
        return {name: connection.execute(sql).fetchall() for name, sql in asked.items()}


@pytest.mark.promise("scale-rehearsal")
def test_a_machine_killed_and_one_cut_off_cost_a_retry_and_nothing_else(
    stack: ExitStack, tmp_path: Path
) -> None:
    require_extras()
    if not possible():
        assert not os.environ.get("REQUIRE_CLUSTER"), "network namespaces are needed: root and `ip`"
        pytest.skip("network namespaces can't be made here")
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    net = stack.enter_context(network())
    postgres = stack.enter_context(running_postgres(net.host))
    store = stack.enter_context(s3_server(net.host))
    vendor = Vendor(stack, tmp_path, net.host)
    api_port, scheduler_port = free_port(), 8786
    api = f"http://{net.host}:{api_port}/api"
    shared = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://smartconnect:CHANGE-ME@{net.host}:{postgres.port}/smartconnect",
        "PREFECT_SERVER_API_HOST": net.host,
        "PREFECT_SERVER_API_PORT": str(api_port),
        "PREFECT_API_URL": api,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "SMARTCONNECT_SANDBOX": "false",
        "SMARTCONNECT_DATA_URL": store.url("all"),
        "SMARTCONNECT_CLUSTER_ADDRESS": f"tcp://{net.address(1)}:{scheduler_port}",
        "SMARTCONNECT_EXPORT_JOBS": str(JOBS),
        "SMARTCONNECT_DATE_TO": "inclusive",
        "SMARTCONNECT_SELECTION": "message",
        "SMARTCONNECT_LEASE_SECONDS": str(LEASE_SECONDS),
        "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "15s",
        **store.environment,
    }
    hub = Machine(tmp_path / "hub", shared)
    _leave_out(hub.folder / "server.env", "redis")  # there is one API server
    psql = Path(required("psql", "REQUIRE_POSTGRES")).parent
    hub.run(
        commands("CREATE DATABASE"),
        **postgres.administrator(),
        PATH=f"{psql}{os.pathsep}{os.environ['PATH']}",
    )
    hub.run(commands("database upgrade"))
    serving = commands("--no-services").replace(" --no-services", "")
    process = stack.enter_context(hub.running(serving, "server"))
    wait_for_url(f"{api}/health", process, "Prefect's server")
    say("Prefect's server is up")

    machines = []
    for number in (1, 2, 3):
        home = tmp_path / f"machine-{number}"
        machine = Machine(
            home, {**shared, "SMARTCONNECT_HOME": str(home)}, before=net.machine(number)
        )
        (home / "companies").mkdir()
        for company in COMPANIES:
            (home / "companies" / f"{company}.env").write_text(
                f"SMARTCONNECT_TOKEN=token-{company}\nSMARTCONNECT_BASE_URL={vendor.urls[company]}\n"
            )
        _leave_out(home / "worker.env", "token_file")  # each company's is in its own file
        machines.append(machine)
    one, two, _ = machines
    stack.enter_context(one.running(commands("dask scheduler"), "scheduler"))
    wait_for(lambda: "Scheduler at:" in one.said("scheduler"), 60)
    for number, machine in enumerate(machines, start=1):
        dask = commands("dask worker").replace("dask.internal:8786", f"{net.address(1)}:8786")
        dask = dask.replace("dask worker", f"dask worker --name machine-{number}")
        stack.enter_context(machine.running(dask, "dask"))

    server = Server(api)

    def start_worker(number: int, block: str) -> None:
        machine = machines[number - 1]
        block = block.rstrip() + f" --name machine-{number} --limit 1\n"
        working = stack.enter_context(machine.running(block, "worker"))

        def started() -> bool:
            assert working.poll() is None, machine.said("worker")
            return "started!" in machine.said("worker")

        wait_for(started, 120)

    start_worker(1, commands("smartconnect worker$"))
    server.quiet()
    say("machine 1 works")
    runs = {COMPANIES[0]: server.begin(COMPANIES[0])}
    wait_for(lambda: server.state(runs[COMPANIES[0]]) == "Running", 60)
    start_worker(2, commands("--no-deploy"))
    runs[COMPANIES[1]] = server.begin(COMPANIES[1])
    wait_for(lambda: server.state(runs[COMPANIES[1]]) == "Running", 60)
    start_worker(3, commands("--no-deploy"))
    say("both backfills run, on machines 1 and 2; the days of both on all three")

    def half(company: str) -> bool:
        return len(vendor.starts(company)) >= DAYS * DATASETS // 3

    wait_for(lambda: half(COMPANIES[0]) and half(COMPANIES[1]), 120)
    net.cut_off(3)
    killed = two.kill()
    say(f"machine 3 is cut off, {killed} processes of machine 2 are killed")
    lost = runs[COMPANIES[1]]
    wait_for(lambda: server.state(lost) == "Crashed", 150)
    say(f"the run of {COMPANIES[1]} is marked Crashed: {server.why(lost)[:120]}")
    again = server.begin(COMPANIES[1])
    for run in (runs[COMPANIES[0]], again):
        wait_for(lambda run=run: server.state(run) in ("Completed", "Failed", "Crashed"), 240)  # type: ignore[misc]
        assert server.state(run) == "Completed", server.why(run)
    say("both are loaded and published")

    extra = 0
    for company in COMPANIES:
        started = vendor.starts(company)
        assert len(started) == DAYS * DATASETS
        extra += sum(started.values()) - DAYS * DATASETS
    say(f"exports started beyond one a day: {extra}")
    # A kill can fall between the vendor's answer and the journal: on two machines, of each company.
    assert extra <= 2 * len(COMPANIES) * JOBS

    for company in COMPANIES:
        pulled, alone = tmp_path / f"pulled-{company}", tmp_path / f"alone-{company}"
        _smartconnect(one, company, "pull", str(pulled))
        _alone(vendor.urls[company], company, alone)
        assert told_by_release(pulled) == told_by_release(alone / "data"), company
    say("what is published is what one machine makes of it")


def _leave_out(profile: Path, word: str) -> None:
    """Lines that the page says to leave out."""
    lines = profile.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if word not in line.lower()]
    profile.write_text("\n".join(kept) + "\n", encoding="utf-8")


def _smartconnect(machine: Machine, company: str, *words: str) -> None:
    machine.run(
        "set -a; . /etc/smartconnect/worker.env; set +a\n"
        f".venv/bin/smartconnect --company {company} {' '.join(words)}\n"
    )


def _alone(url: str, company: str, folder: Path) -> None:
    """The same days on one machine, with a Prefect server of the process's own."""
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    environment = {
        **kept,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "SMARTCONNECT_HOME": str(folder),
        "SMARTCONNECT_TOKEN": f"token-{company}",
        "SMARTCONNECT_BASE_URL": url,
        "SMARTCONNECT_EXPORT_JOBS": str(JOBS),
        "SMARTCONNECT_DATE_TO": "inclusive",
        "SMARTCONNECT_SELECTION": "message",
    }
    command = [sys.executable, str(PROJECT / "tests" / "flows" / "killed_run.py"), FIRST, LAST]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)
