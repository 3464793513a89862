"""The commands of docs/scale-out.md, run as they stand there: Prefect's server on Postgres with two
API servers and Redis between them, and two workers."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from engines import required, running_postgres, running_redis
from hosting import wait_for
from machines import PAGE, PROJECT, Machine, commands
from s3server import s3_server

from flows.servers import PREFECT_ENVIRONMENT, free_port, pruned_after, wait_for_url
from flows.settings import Settings
from sandbox.server import RunningSandbox

PASSWORD, LOGIN = "CHANGE-ME", ("smartconnect", "CHANGE-ME-TOO")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def profile(name: str) -> dict[str, str]:
    text = (PROJECT / "deploy" / "scale-out" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def require_extras() -> None:
    if importlib.util.find_spec("prefect_redis") is None:
        assert not os.environ.get("REQUIRE_CLUSTER"), "make .venv/.cluster"
        pytest.skip("make .venv/.cluster installs what this needs")


@pytest.mark.promise("scale-server")
def test_the_profiles_have_the_environment_that_up_gives() -> None:
    server, worker = profile("server.env"), profile("worker.env")
    days = Settings.model_fields["keep_runs_days"].default
    here = {name: value for name, value in PREFECT_ENVIRONMENT.items() if "SERVER" in name}
    assert {**here, **pruned_after(days)}.items() <= server.items()
    there = {k: v for k, v in PREFECT_ENVIRONMENT.items() if "TASK_RUN_RECORDER" not in k}
    assert there.items() <= worker.items()
    assert server["PREFECT_API_URL"] == worker["PREFECT_API_URL"]
    known = {f"SMARTCONNECT_{name.upper()}" for name in Settings.model_fields}
    ours = {name for name in worker if name.startswith("SMARTCONNECT_")}
    assert ours <= {*known, "SMARTCONNECT_HOME"}


def test_the_page_names_files_that_are_there() -> None:
    for told in re.findall(r"deploy/[\w./-]+\w", PAGE.read_text(encoding="utf-8")):
        assert (PROJECT / told).exists(), told


@pytest.mark.rehearsal
@pytest.mark.promise("scale-server", "scale-workers-apart")
def test_two_api_servers_and_two_workers_by_the_commands_of_the_page(
    stack: ExitStack, start_sandbox: Callable[..., RunningSandbox], tmp_path: Path
) -> None:
    require_extras()
    postgres = stack.enter_context(running_postgres())
    redis = stack.enter_context(running_redis(tmp_path))
    store = stack.enter_context(s3_server())
    sandbox = start_sandbox(messages_per_day=40, export_seconds=90)
    database = (
        f"postgresql+asyncpg://smartconnect:{PASSWORD}@127.0.0.1:{postgres.port}/smartconnect"
    )
    shared = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_DOCKET_URL": redis,
        "PREFECT_REDIS_MESSAGING_URL": redis,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "SMARTCONNECT_DATA_URL": store.url("one"),
        "SMARTCONNECT_TASK_RUNNER": "local",
        **store.environment,
    }
    ports = (free_port(), free_port())
    machines = [
        Machine(
            tmp_path / f"machine-{number}",
            {
                **shared,
                "PREFECT_SERVER_API_PORT": str(port),
                "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
                "SMARTCONNECT_HOME": str(tmp_path),
                "SMARTCONNECT_SANDBOX": "true",
                "SMARTCONNECT_TOKEN": sandbox.token,
                "SMARTCONNECT_BASE_URL": sandbox.base_url,
                "SMARTCONNECT_DATA_DIR": str(tmp_path / f"data-{number}"),
                "SMARTCONNECT_DATE_TO": "inclusive",
                "SMARTCONNECT_SELECTION": "message",
            },
        )
        for number, port in enumerate(ports, start=1)
    ]
    one, two = machines
    psql = Path(required("psql", "REQUIRE_POSTGRES")).parent
    one.run(
        commands("CREATE DATABASE"),
        **postgres.administrator(),
        PATH=f"{psql}{os.pathsep}{os.environ['PATH']}",
    )
    one.run(commands("database upgrade"))
    stack.enter_context(one.running(commands("services start"), "services"))
    for machine, port in zip(machines, ports, strict=True):
        server = stack.enter_context(machine.running(commands("--no-services"), "server"))
        wait_for_url(f"http://127.0.0.1:{port}/api/health", server, "Prefect's server")

    def ask(port: int, path: str, **body: object) -> object:
        answer = httpx.post(f"http://127.0.0.1:{port}/api{path}", json=body, auth=LOGIN, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def taken(number: int) -> bool:
        return "started!" in machines[number].said("worker")

    named = commands("smartconnect worker$").replace("worker\n", "worker --name one\n")
    stack.enter_context(one.running(named, "worker"))
    wait_for(lambda: taken(0), 120)
    deployment = httpx.get(
        f"http://127.0.0.1:{ports[0]}/api/deployments/name/backfill/backfill", auth=LOGIN
    ).json()["id"]
    window = {"date_from": "02.02.2026", "date_to": "03.02.2026"}
    run = ask(ports[0], f"/deployments/{deployment}/create_flow_run", parameters=window)
    assert isinstance(run, dict)

    def state(port: int, run: dict[str, object]) -> str:
        answer = httpx.get(f"http://127.0.0.1:{port}/api/flow_runs/{run['id']}", auth=LOGIN)
        return str(answer.json()["state_name"])

    wait_for(lambda: state(ports[1], run) == "Running", 60)
    # The other worker comes, dies and is started again meanwhile: the run isn't its.
    second = commands("--no-deploy").replace("--no-deploy", "--no-deploy --name two")
    leaving = stack.enter_context(two.running(second, "worker"))
    wait_for(lambda: taken(1), 60)
    leaving.kill()
    leaving.wait()
    stack.enter_context(two.running(second, "worker-again"))
    wait_for(lambda: "started!" in two.said("worker-again"), 60)
    assert state(ports[0], run) == "Running"
    wait_for(lambda: state(ports[1], run) == "Completed", 240)
    # What happened by one server is told by the other: messages go through Redis.
    names = {"prefect.flow-run.Running", "prefect.flow-run.Completed"}
    about = {
        "any_resource": {"id": [f"prefect.flow-run.{run['id']}"]},
        "event": {"name": sorted(names)},
    }

    def told(port: int) -> bool:
        page = ask(port, "/events/filter", filter=about, limit=50)
        assert isinstance(page, dict)
        return names <= {event["event"] for event in page["events"]}

    for port in ports:
        wait_for(lambda port=port: told(port), 60)  # type: ignore[misc]
