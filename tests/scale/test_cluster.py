"""A backfill whose days are prepared on a Dask cluster: the same content, the same bounds."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from dasks import DaskCluster, require_extras, running_dask
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
from test_crashes import content, starts, under_way

from flows.backfill import backfill
from flows.errors import ClusterLost, DaysFailed, MachinesDiffer, NotConfigured
from sandbox.options import Fault
from sandbox.server import RunningSandbox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
]
DAYS = ("02.02.2026", "05.02.2026")
JOBS = 8  # four days of two data sets
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message", "EXPORT_JOBS": "8"}
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]


def fill(**more: bool) -> None:
    asyncio.run(backfill(date_from=DAYS[0], date_to=DAYS[1], **more))  # type: ignore[arg-type]


@pytest.fixture
def dask(tmp_path: Path, prefect_api: None) -> Iterator[DaskCluster]:
    with running_dask(tmp_path / "dask") as made:
        yield made


def on(dask: DaskCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows of this process use the cluster, and its workers Prefect's server."""
    monkeypatch.setenv("SMARTCONNECT_TASK_RUNNER", "dask")
    monkeypatch.setenv("SMARTCONNECT_CLUSTER_ADDRESS", dask.address)
    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))


@pytest.mark.promise("scale-cluster")
def test_days_prepared_by_two_workers_are_what_one_process_makes_of_them(
    dask: DaskCluster,
    start_sandbox: Start,
    sandbox_settings: Point,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = start_sandbox(messages_per_day=60, export_seconds=1)
    data = sandbox_settings(sandbox, **VENDOR)
    on(dask, monkeypatch)
    for name in ("one", "two"):
        dask.worker(name)
    fill()
    there = content(data)
    assert sum(starts(sandbox).values()) == JOBS
    assert under_way(data) == set(), "all are used up"
    fill()  # what is known isn't read again
    assert content(data) == there
    monkeypatch.setenv("SMARTCONNECT_TASK_RUNNER", "local")
    monkeypatch.setenv("SMARTCONNECT_DATA_DIR", str(tmp_path / "alone"))
    fill()
    assert content(tmp_path / "alone") == there


def clients_of_a_worker(address: str) -> list[tuple[int, str]]:
    """What tasks find in threads of it: the client of Prefect's server, and where that is."""
    from distributed import Client  # noqa: PLC0415  (an extra)

    def found(_: int) -> tuple[int, str]:
        time.sleep(0.2)  # so that each has a thread of its own
        client = get_client(sync_client=True)
        return id(client), str(client.api_url)

    with Client(address, set_as_default=False) as asking:
        return list(asking.gather(asking.map(found, range(8), pure=False)))


def test_the_tasks_of_a_worker_share_its_client_of_the_server_that_its_machine_names(
    dask: DaskCluster,
) -> None:
    dask.worker("one", {"PREFECT_API_URL": "http://prefect.internal:4200/api"})
    assert [url for _, url in set(clients_of_a_worker(dask.address))] == [
        "http://prefect.internal:4200/api/"
    ]


@pytest.mark.rehearsal
@pytest.mark.promise("scale-cluster-killed")
def test_a_worker_that_is_killed_costs_its_days_a_retry_and_no_export(
    dask: DaskCluster,
    start_sandbox: Start,
    sandbox_settings: Point,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = start_sandbox(messages_per_day=60, export_seconds=6)
    data = sandbox_settings(sandbox, **VENDOR)
    on(dask, monkeypatch)
    doomed, _ = dask.worker("doomed"), dask.worker("other")

    def kill() -> None:
        while len(under_way(data)) < JOBS:
            time.sleep(0.05)
        os.kill(doomed.pid, signal.SIGKILL)

    killing = threading.Thread(target=kill, daemon=True)
    killing.start()
    fill()
    killing.join()
    assert starts(sandbox) == Counter(dict.fromkeys(starts(sandbox), 1))
    assert len(starts(sandbox)) == JOBS
    assert {day[1] for day in content(data)["ledger"]} == {
        date(2026, 2, day) for day in (2, 3, 4, 5)
    }


@pytest.mark.rehearsal
@pytest.mark.promise("scale-machines-differ")
def test_a_machine_that_would_read_files_otherwise_is_refused_by_name(
    dask: DaskCluster,
    start_sandbox: Start,
    sandbox_settings: Point,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = start_sandbox(messages_per_day=60)
    data = sandbox_settings(sandbox, **VENDOR)
    on(dask, monkeypatch)
    dask.worker("other", {"SMARTCONNECT_TIME_ZONE": "Asia/Omsk"})
    with pytest.raises(MachinesDiffer, match=r"SMARTCONNECT_TIME_ZONE: 'Asia/Omsk' for 'Europe/"):
        fill()
    assert not starts(sandbox)
    assert not list((data / "lake").rglob("*.parquet"))


@pytest.mark.rehearsal
@pytest.mark.promise("scale-cluster")
def test_a_day_fails_alone_and_in_the_words_that_it_has_on_one_machine(
    dask: DaskCluster,
    start_sandbox: Start,
    sandbox_settings: Point,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = start_sandbox(messages_per_day=60, faults=(Fault("task-failed", date(2026, 2, 3)),))
    sandbox_settings(sandbox, **VENDOR)
    on(dask, monkeypatch)
    dask.worker("one")
    with pytest.raises(DaysFailed, match=r"^2 of 8 days failed(?s:.*)export") as told:
        fill()
    there = str(told.value)
    monkeypatch.setenv("SMARTCONNECT_TASK_RUNNER", "local")
    with pytest.raises(DaysFailed) as told:
        fill()
    assert re.sub(r"task \d+", "task", str(told.value)) == re.sub(r"task \d+", "task", there)


@pytest.mark.rehearsal
@pytest.mark.promise("scale-cluster")
def test_a_cluster_that_is_away_is_told_before_anything_is_asked(
    start_sandbox: Start, sandbox_settings: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_extras()
    sandbox = start_sandbox(messages_per_day=60)
    sandbox_settings(sandbox, **VENDOR, TASK_RUNNER="dask", CLUSTER_ADDRESS="tcp://127.0.0.1:9")
    import dask  # noqa: PLC0415  (an extra)

    patient = dask.config.set({"distributed.comm.timeouts.connect": "2s"})
    with patient, pytest.raises(ClusterLost, match=r"tcp://127\.0\.0\.1:9"):
        fill()
    assert not starts(sandbox)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"CLUSTER_ADDRESS": "tcp://127.0.0.1:9", "CALLS_PER_RUN": "9999"}, "CALLS_PER_DAY"),
        ({}, "SMARTCONNECT_CLUSTER_ADDRESS"),
    ],
)
def test_settings_that_a_cluster_cant_keep_to_are_refused(
    more: dict[str, str], told: str, start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(messages_per_day=60)
    sandbox_settings(sandbox, **VENDOR, TASK_RUNNER="dask", **more)
    with pytest.raises(NotConfigured, match=told):
        fill()
    assert not starts(sandbox)
