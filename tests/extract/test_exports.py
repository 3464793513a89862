"""Export jobs over real sockets: task_ids are durable before a poll, a day has one holder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from extract.client import ClientOptions, SmartConnectClient
from extract.download import Downloaded, download
from extract.errors import (
    ClaimedElsewhere,
    ExportTimedOut,
    LocationRefused,
    TokenRefused,
    UnexpectedStatus,
)
from extract.exports import ExportJobs, ExportRequest, Polling
from sandbox.options import Fault
from sandbox.server import RunningSandbox

DAY = date(2026, 2, 3)
REQUEST = ExportRequest("chats", DAY, DAY)
StartSandbox = Callable[..., RunningSandbox]


def options(sandbox: RunningSandbox, **more: Any) -> ClientOptions:
    return ClientOptions(
        base_url=sandbox.base_url, allow_loopback=True, backoff_first_seconds=0.01, **more
    )


def jobs(client: SmartConnectClient, folder: Path, **polling: float) -> ExportJobs:
    return ExportJobs(
        client,
        folder / "journal",
        folder / "locks",
        max_jobs=2,
        polling=Polling(**{"first_seconds": 0.02, **polling}),
        holder="the first run",
        claim_wait_seconds=0.1,
    )


def with_client(
    sandbox: RunningSandbox, work: Callable[[SmartConnectClient], Coroutine[Any, Any, Any]]
) -> Any:
    async def run() -> Any:
        async with SmartConnectClient(options(sandbox), lambda: sandbox.token) as client:
            return await work(client)

    return asyncio.run(run())


def started(sandbox: RunningSandbox) -> int:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served").json()
    return sum(entry["event"] == "start" for entry in served)


async def fetched(client: SmartConnectClient, folder: Path) -> Downloaded:
    async with jobs(client, folder).claim(REQUEST) as claim:
        ready = await claim.locate()
        file = await download(client, ready.location, folder / "incoming")
        claim.finish()
        return file


@pytest.mark.parametrize("needs_token", [False, True])
def test_an_export_becomes_a_file_with_its_hash(
    needs_token: bool, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=20, download_needs_token=needs_token)
    file = with_client(sandbox, lambda client: fetched(client, tmp_path))
    assert file.suffix == ".csv"
    assert file.path.stat().st_size == file.size_bytes > 100
    assert not list((tmp_path / "journal").glob("*.json"))


def test_a_run_that_dies_goes_on_waiting_for_the_export_it_started(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=20, export_seconds=0.5)

    async def die(client: SmartConnectClient) -> None:
        async with jobs(client, tmp_path).claim(REQUEST) as claim:
            await asyncio.wait_for(claim.locate(), 0.2)

    with pytest.raises(TimeoutError):
        with_client(sandbox, die)
    with_client(sandbox, lambda client: fetched(client, tmp_path))
    assert started(sandbox) == 1
    with_client(sandbox, lambda client: fetched(client, tmp_path))
    assert started(sandbox) == 2


def test_an_export_that_is_too_old_is_not_taken_up(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=20)

    async def locate(client: SmartConnectClient) -> bool:
        later = datetime.now(UTC) + timedelta(seconds=1)
        async with jobs(client, tmp_path).claim(REQUEST, started_after=later) as claim:
            return (await claim.locate()).resumed

    assert with_client(sandbox, locate) is False
    assert with_client(sandbox, locate) is False
    assert started(sandbox) == 2


@pytest.mark.promise("process-two-runs")
def test_one_day_has_one_holder_and_the_other_is_told_who(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    async def both(client: SmartConnectClient) -> None:
        first, second = (jobs(client, tmp_path) for _ in range(2))
        async with first.claim(REQUEST), second.claim(REQUEST):
            pass

    with pytest.raises(ClaimedElsewhere, match="the first run"):
        with_client(start_sandbox(), both)


def test_an_export_that_never_gets_ready_ends_in_time_and_stays_in_the_journal(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(faults=(Fault("never-ready"),))

    async def wait(client: SmartConnectClient) -> None:
        async with jobs(client, tmp_path, job_deadline_seconds=0.3).claim(REQUEST) as claim:
            await claim.locate()

    with pytest.raises(ExportTimedOut, match=r"03\.02\.2026"):
        with_client(sandbox, wait)
    assert len(list((tmp_path / "journal").glob("*.json"))) == 1


def test_an_unknown_status_is_loud(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox = start_sandbox(faults=(Fault("unknown-status"),))
    with pytest.raises(UnexpectedStatus, match="299"):
        with_client(sandbox, lambda client: fetched(client, tmp_path))


@pytest.mark.parametrize(
    "location",
    ["http://127.1:9/x", "http://2130706433/x", "http://[::ffff:127.0.0.1]/x", "file:///etc/passwd",
     "http://169.254.169.254/latest", "http://10.0.0.1/x", "http://0/x"],
)  # fmt: skip
def test_a_location_inside_a_network_is_refused(
    location: str, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    with pytest.raises(LocationRefused):
        with_client(sandbox, lambda client: download(client, location, tmp_path))


def test_a_refused_token_is_in_no_log_and_no_error(
    start_sandbox: StartSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox = start_sandbox()
    canary = "canary-token-0123456789"

    async def ask() -> None:
        async with SmartConnectClient(options(sandbox), lambda: canary) as client:
            await client.list_users()

    with caplog.at_level(logging.DEBUG), pytest.raises(TokenRefused) as refused:
        asyncio.run(ask())
    assert canary not in f"{refused.value!r} {refused.value} {refused.value.__cause__}"
    assert canary not in caplog.text
