"""A run that died with its worker holds its deployment's only slot until the next `up` says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.states import Pending, Running

from flows.deploying import POOL
from flows.nightly import nightly
from flows.up import close_dead_runs

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]


@pytest.fixture
def client(prefect_api: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found


def begin(client: SyncPrefectClient, deployment_id: object) -> str:
    """Begin a run of the deployment as a worker does; the state that it gets."""
    run = client.create_flow_run_from_deployment(deployment_id)  # type: ignore[arg-type]
    state = client.set_flow_run_state(run.id, Pending()).state
    if state is not None and state.is_pending():
        state = client.set_flow_run_state(run.id, Running()).state
    return str(state.type.value) if state else "none"


@pytest.mark.promise("process-worker-killed")
def test_what_a_dead_worker_left_running_is_closed_and_gives_its_slot_back(
    client: SyncPrefectClient,
) -> None:
    client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    flow_id = client.create_flow(nightly)
    deployment = client.create_deployment(
        flow_id,
        "nightly",
        work_pool_name=POOL,
        concurrency_limit=1,
        concurrency_options=ConcurrencyOptions(collision_strategy="CANCEL_NEW"),
    )
    elsewhere = client.create_flow_run(nightly, state=Running())
    assert begin(client, deployment) == "RUNNING"
    assert begin(client, deployment) == "CANCELLED"
    assert close_dead_runs() == 1
    assert begin(client, deployment) == "RUNNING"
    assert close_dead_runs() == 1
    state = client.read_flow_run(elsewhere.id).state
    assert state is not None
    assert state.is_running()
