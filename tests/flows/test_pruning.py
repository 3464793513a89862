"""Prefect's own database forgets what is old, and nothing else: a real server, set as by `up`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State, StateType

from flows.servers import pruned_after, running_prefect

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@flow
def nightly() -> None:
    """Stands in for a run: what it does makes no difference to its record."""


def ended(client: SyncPrefectClient) -> UUID:
    """A run that ended, with an artifact."""
    run = client.create_flow_run(nightly)
    state: State[None] = State(type=StateType.COMPLETED)
    client.set_flow_run_state(run.id, state, force=True)
    client.create_artifact(ArtifactCreate(key="summary", data="said", flow_run_id=run.id))
    return run.id


def let_time_pass(database: Path, run: UUID, days: int) -> None:
    """The server dates states itself: its record is changed while it is stopped."""
    moment = datetime.now(UTC) - timedelta(days=days)
    with closing(sqlite3.connect(database)) as connection, connection:
        changed = connection.execute(
            "UPDATE flow_run SET end_time = ? WHERE id = ?", (f"{moment:%F %T.%f}", str(run))
        )
        assert changed.rowcount == 1


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.rehearsal
def test_runs_older_than_the_setting_go_with_their_artifacts_and_no_others(tmp_path: Path) -> None:
    with running_prefect(tmp_path) as api, SyncPrefectClient(api) as client:
        old, recent = ended(client), ended(client)
    let_time_pass(tmp_path / "prefect.db", old, 31)
    let_time_pass(tmp_path / "prefect.db", recent, 29)
    often = {"PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "2"}
    with (
        running_prefect(tmp_path, {**pruned_after(30), **often}) as api,
        SyncPrefectClient(api) as client,
    ):
        eventually(lambda: [run.id for run in client.read_flow_runs()] == [recent])
        eventually(lambda: [a.flow_run_id for a in client.read_artifacts()] == [recent])
