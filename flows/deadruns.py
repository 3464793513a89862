"""Runs that nobody runs any more: closed by the next worker, whose machine knows best.

Prefect's server takes a run whose worker was killed for running for ever, and with it its
deployment's only slot. Of runs that a worker of this name took, this machine's processes tell which
are gone; of those of other machines only silence tells, and an automation listens for it as well.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events import Event
from prefect.events.filters import (
    EventAnyResourceFilter,
    EventFilter,
    EventNameFilter,
    EventOccurredFilter,
)
from prefect.states import Crashed

from flows.runwatch import NEVER_BEGAN_AFTER, SILENT_AFTER

BEGUN = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
EVENTS_KEPT = timedelta(days=30)  # no run lives for longer
PAGE = 200
_TAKEN = "prefect.worker.submitted-flow-run"
_HEARTBEAT = "prefect.flow-run.heartbeat"
_PROCESSES = Path("/proc")


def worker_name() -> str:
    """What a machine's worker is called where nobody says otherwise; two machines never alike."""
    return socket.gethostname().translate(str.maketrans("/%", "--"))


def close_dead_runs(pool: str, worker: str, now: datetime | None = None) -> int:
    """Tell the server that the pool's runs whose process is gone are no more; how many.

    Args:
        pool: the work pool.
        worker: the name of the worker that is about to start here.
        now: when silence is measured; timezone-aware.
    """
    now = now or datetime.now(UTC)
    with get_client(sync_client=True) as client:
        dead = [run for run in _begun(client, pool) if _is_dead(client, run, worker, now)]
        for run in dead:
            message = "The process that ran it is gone, or its machine; run it again."
            client.set_flow_run_state(run.id, Crashed(message=message), force=True)
    return len(dead)


def _begun(client: SyncPrefectClient, pool: str) -> Iterator[FlowRun]:
    """All runs of the pool that a worker has taken and nobody has ended."""
    of_pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
    states = FlowRunFilterState(type=FlowRunFilterStateType(any_=BEGUN))
    found: list[FlowRun] = []
    while True:
        page = client.read_flow_runs(
            work_pool_filter=of_pool,
            flow_run_filter=FlowRunFilter(state=states),
            limit=PAGE,
            offset=len(found),
        )
        found += page
        if len(page) < PAGE:
            return iter(found)


def _is_dead(client: SyncPrefectClient, run: FlowRun, worker: str, now: datetime) -> bool:
    taken = _last(client, run.id, _TAKEN, now - EVENTS_KEPT, now)
    if taken is not None and taken.resource.name == worker:
        return not lives_here(run)
    return _is_silent(client, run, now)


def lives_here(run: FlowRun) -> bool:
    """Whether a process of this machine runs the flow run.

    By its environment where the system shows it, since a number may be another process's by now.
    """
    if _PROCESSES.joinpath("self", "environ").exists():
        mark = f"PREFECT__FLOW_RUN_ID={run.id}".encode()
        return any(mark in environment for environment in _environments())
    if run.infrastructure_pid is None or not run.infrastructure_pid.isdecimal():
        return False
    try:
        os.kill(int(run.infrastructure_pid), 0)
    except OSError:
        return False
    return True


def _environments() -> Iterator[list[bytes]]:
    for path in _PROCESSES.glob("[0-9]*/environ"):
        try:
            yield path.read_bytes().split(b"\0")
        except OSError:  # it has ended, or is another user's
            continue


def _is_silent(client: SyncPrefectClient, run: FlowRun, now: datetime) -> bool:
    """Whether a run of another machine has said nothing for longer than a living one can."""
    if run.state is None:
        return False
    patience = NEVER_BEGAN_AFTER if run.state.is_pending() else SILENT_AFTER
    if now - run.state.timestamp < patience:
        return False
    return _last(client, run.id, _HEARTBEAT, now - patience, now) is None


def _last(
    client: SyncPrefectClient, run: UUID, name: str, since: datetime, until: datetime
) -> Event | None:
    """The newest event of this name about the run."""
    page = client.read_events(
        EventFilter(
            event=EventNameFilter(name=[name]),
            any_resource=EventAnyResourceFilter(id=[f"prefect.flow-run.{run}"]),
            occurred=EventOccurredFilter(since=since, until=until),
        ),
        limit=1,
    )
    return page.events[0] if page.events else None
