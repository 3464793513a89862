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
from engines import Postgres, required, running_postgres
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
JOBS = 12  # of each company at once
PART = DAYS * DATASETS // 4
LOGIN = ("smartconnect", "CHANGE-ME-TOO")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


class Vendor:
    """A sandbox for each company, a process with a token of its own; and its twin, which exports
    the same to a machine that works alone.
    """

    def __init__(self, stack: ExitStack, folder: Path, host: str) -> None:
        self.folder = folder
        self.urls = {name: self._sandbox(stack, host, name, name) for name in COMPANIES}
        self.twins = {name: self._sandbox(stack, host, name, f"{name}-twin") for name in COMPANIES}

    def _sandbox(self, stack: ExitStack, host: str, company: str, name: str) -> str:
        url_file = self.folder / f"{name}.url"
        command = [sys.executable, "-m", "sandbox", "--host", host, "--port", "0"]
        command += ["--url-file", str(url_file), "--token", f"token-{company}"]
        command += ["--seed", str(COMPANIES.index(company) + 1), "--messages-per-day", "40"]
        command += ["--export-seconds", str(EXPORT_SECONDS), "--max-running", str(JOBS)]
        stack.enter_context(running(command, {}, self.folder / f"{name}.log"))
        wait_for(lambda: url_file.exists() and bool(url_file.read_text().strip()), 60)
        return url_file.read_text().strip()

    def starts(self, company: str) -> Counter[str]:
        """Exports started, by data set and day."""
        served = httpx.get(self.urls[company].replace("/api", "/sandbox/served"), timeout=30).json()
        return Counter(
            f"{one['kind']} {one['date_from']}" for one in served if one["event"] == "start"
        )


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
            if one["schedules"]:
                self._post(f"/deployments/{one['id']}/pause_deployment")

    def state(self, run: str) -> str:
        return str(self._get(f"/flow_runs/{run}")["state_name"])

    def is_over(self, run: str) -> bool:
        return self.state(run) in ("Completed", "Failed", "Crashed", "Cancelled")

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


class World:
    """Three machines and what they have in common; `say` tells how long everything takes."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._began = time.monotonic()
        self._stack = stack
        self.net = stack.enter_context(network())
        host = self.net.host
        self.vendor = Vendor(stack, folder, host)
        postgres = stack.enter_context(running_postgres(host))
        store = stack.enter_context(s3_server(host))
        port = free_port()
        self._api = f"http://{host}:{port}/api"
        database = f"smartconnect:CHANGE-ME@{host}:{postgres.port}/smartconnect"
        self._shared = {
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{database}",
            "PREFECT_SERVER_API_HOST": host,
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_API_URL": self._api,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "SMARTCONNECT_DATA_URL": store.url("all"),
            "SMARTCONNECT_CLUSTER_ADDRESS": f"tcp://{self.net.address(1)}:8786",
            "SMARTCONNECT_EXPORT_JOBS": str(JOBS),
            "SMARTCONNECT_DATE_TO": "inclusive",
            "SMARTCONNECT_SELECTION": "message",
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s",
            **store.environment,
        }
        self._start_server(Machine(folder / "hub", self._shared), postgres)
        self.server = Server(self._api)
        self.machines = [self._machine(folder, number) for number in (1, 2, 3)]
        self._start_dask()

    def say(self, what: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {what}", flush=True)

    def start_worker(self, number: int, block: str) -> None:
        """A worker that runs one flow at once."""
        machine = self.machines[number - 1]
        block = block.rstrip() + f" --name machine-{number} --limit 1\n"
        working = self._stack.enter_context(machine.running(block, "worker"))

        def started() -> bool:
            assert working.poll() is None, machine.said("worker")
            return "started!" in machine.said("worker")

        wait_for(started, 180)

    def _start_server(self, hub: Machine, postgres: Postgres) -> None:
        _leave_out(hub.folder / "server.env", "redis")  # there is one API server
        psql = Path(required("psql", "REQUIRE_POSTGRES")).parent
        path = f"{psql}{os.pathsep}{os.environ['PATH']}"
        hub.run(commands("CREATE DATABASE"), **postgres.administrator(), PATH=path)
        hub.run(commands("database upgrade"))
        serving = commands("--no-services").replace(" --no-services", "")
        process = self._stack.enter_context(hub.running(serving, "server"))
        wait_for_url(f"{self._api}/health", process, "Prefect's server")

    def _machine(self, folder: Path, number: int) -> Machine:
        home = folder / f"machine-{number}"
        values = {**self._shared, "SMARTCONNECT_HOME": str(home)}
        machine = Machine(home, values, before=self.net.machine(number))
        _leave_out(home / "worker.env", "token_file")  # each company's is in its own file
        (home / "companies").mkdir()
        for company, url in self.vendor.urls.items():
            told = f"SMARTCONNECT_TOKEN=token-{company}\nSMARTCONNECT_BASE_URL={url}\n"
            (home / "companies" / f"{company}.env").write_text(told)
        return machine

    def _start_dask(self) -> None:
        one = self.machines[0]
        self._stack.enter_context(one.running(commands("dask scheduler"), "scheduler"))
        wait_for(lambda: "Scheduler at:" in one.said("scheduler"), 90)
        address = f"{self.net.address(1)}:8786"
        for number, machine in enumerate(self.machines, start=1):
            block = commands("dask worker").replace("dask.internal:8786", address)
            block = block.replace("dask worker", f"dask worker --name machine-{number}")
            self._stack.enter_context(machine.running(block, "dask"))


@pytest.fixture
def world(stack: ExitStack, tmp_path: Path) -> World:
    require_extras()
    if not possible():
        assert not os.environ.get("REQUIRE_CLUSTER"), "network namespaces are needed: root and `ip`"
        pytest.skip("network namespaces can't be made here")
    return World(stack, tmp_path)


@pytest.mark.promise("scale-rehearsal")
def test_a_machine_killed_and_one_cut_off_cost_a_retry_and_nothing_else(
    world: World, tmp_path: Path
) -> None:
    server, vendor, (one, two, _) = world.server, world.vendor, world.machines
    first, second = COMPANIES
    world.say("Prefect's server is up, and Dask on three machines")
    world.start_worker(1, commands("smartconnect worker$"))
    server.quiet()
    undisturbed = server.begin(first)
    wait_for(lambda: server.state(undisturbed) == "Running", 90)
    world.start_worker(2, commands("--no-deploy"))
    lost = server.begin(second)
    wait_for(lambda: server.state(lost) == "Running", 90)
    world.say("both backfills run, on machines 1 and 2; the days of both on all three")

    wait_for(lambda: all(len(vendor.starts(name)) >= PART for name in COMPANIES), 240)
    world.net.cut_off(3)
    killed = two.kill()
    begun = {name: len(vendor.starts(name)) for name in COMPANIES}
    world.say(f"machine 3 is cut off, {killed} processes of machine 2 are killed: {begun} exports")
    alone = {
        name: _alone(vendor.twins[name], name, tmp_path / f"alone-{name}") for name in COMPANIES
    }
    wait_for(lambda: server.state(lost) == "Crashed", 240)
    world.say(f"the run of {second} is marked as Crashed")
    again = server.begin(second)
    for run in (undisturbed, again):
        wait_for(lambda run=run: server.is_over(run), 400)  # type: ignore[misc]
        assert server.state(run) == "Completed", server.why(run)
    world.say("both are loaded and published")

    for name in COMPANIES:
        started = vendor.starts(name)
        assert len(started) == DAYS * DATASETS
        more = sum(started.values()) - DAYS * DATASETS
        world.say(f"{name}: {more} exports started beyond one a day")
        # Those of two machines whose start the vendor accepted and the journal never saw.
        assert more <= JOBS

    for name in COMPANIES:
        pulled = tmp_path / f"pulled-{name}"
        _smartconnect(one, name, "pull", "--to", str(pulled))
        assert alone[name].wait(300) == 0
        there = told_by_release(tmp_path / f"alone-{name}" / "data")
        assert told_by_release(pulled) == there, name
    world.say("what is published is what one machine makes of it")


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


def _alone(url: str, company: str, folder: Path) -> subprocess.Popen[bytes]:
    """The same days on one machine, with a Prefect server of the process's own."""
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    environment = {
        **kept,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "SMARTCONNECT_HOME": str(folder),
        "SMARTCONNECT_TOKEN": f"token-{company}",
        "SMARTCONNECT_BASE_URL": url,
        "SMARTCONNECT_EXPORT_JOBS": str(JOBS),
        "SMARTCONNECT_DATE_TO": "inclusive",
        "SMARTCONNECT_SELECTION": "message",
    }
    command = [sys.executable, str(PROJECT / "tests" / "flows" / "killed_run.py"), FIRST, LAST]
    with (folder / "run.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
