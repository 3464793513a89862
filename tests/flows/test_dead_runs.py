"""A run that died with its worker holds its deployment's only slot until the next worker says so;
a run that lives, here or elsewhere, is left alone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.events import Event, RelatedResource, Resource
from prefect.events.clients import get_events_client
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventOccurredFilter
from prefect.exceptions import ObjectAlreadyExists
from prefect.states import Pending, Running

from flows.deadruns import close_dead_runs
from flows.deploying import POOL
from flows.nightly import nightly

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
HERE, ELSEWHERE = "machine-1", "machine-2"


@pytest.fixture
def client(prefect_api: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        try:
            found.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        except ObjectAlreadyExists:
            close_all(found)
        yield found
        close_all(found)


def close_all(client: SyncPrefectClient) -> None:
    for run in client.read_flow_runs():
        if run.state is not None and not run.state.is_final():
            client.delete_flow_run(run.id)


def deployment(client: SyncPrefectClient, limit: int | None = None) -> UUID:
    flow_id = client.create_flow(nightly)
    options = ConcurrencyOptions(collision_strategy="CANCEL_NEW") if limit else None
    name = "limited" if limit else "free"
    return client.create_deployment(
        flow_id, name, work_pool_name=POOL, concurrency_limit=limit, concurrency_options=options
    )


def begin(client: SyncPrefectClient, deployment_id: UUID, worker: str | None) -> UUID | None:
    """Begin a run as a worker does, who tells the server; None where it got no slot."""
    run = client.create_flow_run_from_deployment(deployment_id)
    state = client.set_flow_run_state(run.id, Pending()).state
    if state is None or not state.is_pending():
        return None
    client.set_flow_run_state(run.id, Running())
    if worker:
        resource = {
            "prefect.resource.id": f"prefect.worker.process.{worker}",
            "prefect.resource.name": worker,
        }
        tell(client, run.id, "prefect.worker.submitted-flow-run", resource)
    return run.id


def tell(
    client: SyncPrefectClient,
    run: UUID,
    name: str,
    resource: dict[str, str],
    occurred: datetime | None = None,
) -> None:
    """Emit an event about the run, and wait until the server knows it."""
    ours = {"prefect.resource.id": f"prefect.flow-run.{run}"}
    event = Event(
        event=name,
        resource=Resource.model_validate(resource or ours),
        related=[RelatedResource.model_validate({**ours, "prefect.resource.role": "flow-run"})],
        occurred=occurred or datetime.now(UTC),
    )

    async def emit() -> None:
        async with get_events_client() as events:
            await events.emit(event)

    asyncio.run(emit())
    about = EventFilter(
        any_resource=EventAnyResourceFilter(id=[f"prefect.flow-run.{run}"]),
        occurred=EventOccurredFilter(until=later(3600)),
    )
    deadline = time.monotonic() + 30
    while not any(seen.id == event.id for seen in client.read_events(about, limit=50).events):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def is_running(client: SyncPrefectClient, run: UUID) -> bool:
    state = client.read_flow_run(run).state
    assert state is not None
    return state.is_running()


@contextmanager
def process_of(run: UUID) -> Iterator[None]:
    """A process that runs the flow run, as far as anybody can see."""
    environment = {**os.environ, "PREFECT__FLOW_RUN_ID": str(run)}
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.communicate()


@pytest.mark.promise("process-worker-killed")
def test_what_this_machines_dead_worker_left_running_is_closed_and_gives_its_slot_back(
    client: SyncPrefectClient,
) -> None:
    limited = deployment(client, limit=1)
    elsewhere = client.create_flow_run(nightly, state=Running())
    left = begin(client, limited, HERE)
    assert left is not None
    assert begin(client, limited, HERE) is None
    assert close_dead_runs(POOL, HERE) == 1
    assert begin(client, limited, HERE) is not None
    assert close_dead_runs(POOL, HERE) == 1
    assert is_running(client, elsewhere.id)


@pytest.mark.promise("scale-workers-apart")
def test_a_run_whose_process_outlived_its_worker_is_left_alone(client: SyncPrefectClient) -> None:
    run = begin(client, deployment(client), HERE)
    assert run is not None
    with process_of(run):
        assert close_dead_runs(POOL, HERE) == 0
    assert is_running(client, run)
    assert close_dead_runs(POOL, HERE) == 1


@pytest.mark.promise("scale-workers-apart")
@pytest.mark.parametrize("worker", [ELSEWHERE, None], ids=["another's", "nobody knows whose"])
def test_another_machines_run_is_closed_only_once_it_has_been_silent_for_long(
    client: SyncPrefectClient, worker: str | None
) -> None:
    run = begin(client, deployment(client), worker)
    assert run is not None
    assert close_dead_runs(POOL, HERE) == 0, "it has begun just now"
    tell(client, run, "prefect.flow-run.heartbeat", {}, later(570))
    assert close_dead_runs(POOL, HERE, later(600)) == 0, "it says that it lives"
    assert is_running(client, run)
    assert close_dead_runs(POOL, HERE, later(700)) == 1
    assert not is_running(client, run)


@pytest.mark.promise("scale-workers-apart")
def test_a_run_that_another_machine_is_about_to_begin_has_minutes_for_it(
    client: SyncPrefectClient,
) -> None:
    run = client.create_flow_run_from_deployment(deployment(client))
    client.set_flow_run_state(run.id, Pending())
    assert close_dead_runs(POOL, HERE, later(120)) == 0
    assert close_dead_runs(POOL, HERE, later(320)) == 1
