"""Bulk messaging: shown, approved, started once whatever happens, followed to a clear end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from oddvendor import odd_vendor
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import NotPausedError
from prefect.flow_runs import resume_flow_run

from extract.errors import BadConfiguration
from flows.bulk import bulk_message
from flows.errors import BulkUnfinished, NotApproved, NotConfigured, TooLong
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("prefect_api")]
Start, Point = Callable[..., RunningSandbox], Callable[..., Path]
TEXT = "Текст: canary"
PAUSED = FlowRunFilter(
    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
)


@pytest.fixture
def text_file(tmp_path: Path) -> str:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return "text.txt"


def started(sandbox: RunningSandbox) -> list[Any]:
    bulk = httpx.get(f"{sandbox.root_url}/sandbox/sent").json()["bulk"]
    return [task["channel_account_id"] for task in bulk]


def shown(data: Path, columns: str) -> list[tuple[Any, ...]]:
    sql = f"SELECT {columns} FROM meta.bulk_tasks ORDER BY task_id"
    return query_release(DataDirectory(data), sql).rows


def send(text_file: str, **more: Any) -> None:
    asyncio.run(bulk_message("easter", text_file, follow_seconds=5, **more))


def test_a_dry_run_is_the_default_and_a_wrong_figure_sends_nothing(
    start_sandbox: Start, sandbox_settings: Point, text_file: str, tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    sandbox_settings(sandbox)
    send(text_file)
    with pytest.raises(NotApproved, match="5 channel accounts, and 4 was confirmed"):
        send(text_file, dry_run=False, confirm=4)
    with pytest.raises(NotConfigured, match="Not among them: 999"):
        send(text_file, accounts=[999], dry_run=False, confirm=1)
    (tmp_path / "long.txt").write_text("x" * 1001, encoding="utf-8")
    with pytest.raises(TooLong, match="takes 1,000"):
        send("long.txt", dry_run=False, confirm=5)
    assert started(sandbox) == []


def test_it_is_started_once_followed_to_its_end_and_kept_with_its_history(
    start_sandbox: Start, sandbox_settings: Point, text_file: str, tmp_path: Path
) -> None:
    sandbox = start_sandbox(export_seconds=0.4)
    data = sandbox_settings(sandbox)
    send(text_file, accounts=[101, 103], dry_run=False, confirm=2)
    send(text_file, accounts=[101, 103], dry_run=False, confirm=2)
    assert started(sandbox) == [101, 103]
    assert shown(data, "channel_account_id, outcome, characters") == [
        (101, "ended", len(TEXT)),
        (103, "ended", len(TEXT)),
    ]
    sql = "SELECT fields FROM meta.bulk_task_history WHERE task_id = 5000 ORDER BY seen_at"
    told = [json.loads(row[0]) for row in query_release(DataDirectory(data), sql).rows]
    assert [fields["state"] for fields in told] == ["running", "done"]
    (tmp_path / "text.txt").write_text("another", encoding="utf-8")
    with pytest.raises(BadConfiguration, match="another text"):
        send(text_file, accounts=[101], dry_run=False, confirm=1)
    notes = b"".join(path.read_bytes() for path in (data / "state" / "outbox").iterdir())
    assert b"canary" not in notes


def test_without_a_figure_it_waits_until_a_person_types_it(
    start_sandbox: Start, sandbox_settings: Point, text_file: str
) -> None:
    sandbox = start_sandbox()
    sandbox_settings(sandbox)

    async def approve() -> None:
        async with get_client() as client:
            for _ in range(1200):
                await asyncio.sleep(0.1)
                paused = await client.read_flow_runs(flow_run_filter=PAUSED)
                if paused:
                    assert started(sandbox) == []
                    await resume_flow_run(paused[0].id, run_input={"confirm": 5})
                    return
        raise NotPausedError

    async def both() -> None:
        running = bulk_message("easter", text_file, dry_run=False, follow_seconds=5)
        await asyncio.gather(running, approve())

    asyncio.run(both())
    assert started(sandbox) == [None]


@pytest.mark.promise("bulk-once")
def test_what_may_have_been_started_is_started_again_only_on_a_persons_word(
    start_sandbox: Start, sandbox_settings: Point, text_file: str
) -> None:
    sandbox = start_sandbox(faults=(Fault.parse("lost-reply@start_bulk*1"),))
    data = sandbox_settings(sandbox)
    for _ in range(2):
        with pytest.raises(BulkUnfinished, match="may"):
            send(text_file, dry_run=False, confirm=5)
    assert len(started(sandbox)) == 1
    send(text_file, dry_run=False, confirm=5, send_again=True)
    assert len(started(sandbox)) == 2
    assert shown(data, "outcome") == [("ended",)]


KILLED = """
import asyncio, os, signal, sys
from flows.bulk import Sending
from flows.bulkplan import Plan, Account
from flows.ingest import read_ledger
from flows.run import open_run
from flows.settings import load_settings
import hashlib
def hook(event, args):
    if event == "smartconnect.point" and args[0] == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
async def main():
    text = open("text.txt", encoding="utf-8").read()
    digest = hashlib.sha256(text.encode()).hexdigest()
    plan = Plan("easter", "text.txt", digest, len(text), [], True)
    async with open_run(load_settings(), "killed", "") as run:
        await read_ledger(run, [])
        sys.addaudithook(hook)
        await Sending(run, plan, text).run([], send_again=False, follow_seconds=5)
asyncio.run(main())
"""


@pytest.mark.promise("bulk-once")
@pytest.mark.parametrize(
    ("point", "known"),
    [
        ("extract.sendnotes.noted", False),
        ("extract.outbox.bulk-started", False),
        ("warehouse.bulktasks.kept", True),
    ],
)
def test_a_run_that_is_killed_never_leads_to_a_second_start(
    start_sandbox: Start, sandbox_settings: Point, text_file: str, point: str, known: bool
) -> None:
    sandbox = start_sandbox()
    data = sandbox_settings(sandbox)
    root = str(Path(__file__).parents[2])
    import os  # noqa: PLC0415

    environment = {**os.environ, "PYTHONPATH": root}
    killed = subprocess.run([sys.executable, "-c", KILLED, point], env=environment, check=False)
    assert killed.returncode == -9
    if known:
        send(text_file, dry_run=False, confirm=5)
        assert shown(data, "outcome") == [("ended",)]
    else:
        with pytest.raises(BulkUnfinished, match="may have been sent already"):
            send(text_file, dry_run=False, confirm=5)
    assert len(started(sandbox)) == (0 if point == "extract.sendnotes.noted" else 1)


@pytest.mark.parametrize(
    ("answer", "outcome", "said"),
    [
        ({"status": 404}, "vanished", "doesn't know the task"),
        ({"status": 200, "task": {"state": "going on"}}, "running", "has not ended"),
        ({"status": 200, "task": {"progress": 3}}, "unclear", "BULK_ENDED_WORDS"),
    ],
)
def test_a_task_that_vanishes_never_ends_or_says_nothing_has_a_clear_outcome(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text_file: str,
    answer: dict[str, Any],
    outcome: str,
    said: str,
) -> None:
    answers = {
        "/bulk/accounts": lambda _: {"status": 200, "accounts": [{"id": 5}]},
        "/bulk": lambda _: {"status": 200, "task_id": 77},
        "/bulk/task": lambda _: answer,
    }
    with odd_vendor(answers) as url:
        monkeypatch.chdir(tmp_path)
        data = tmp_path / "data"
        for name, value in {
            "SANDBOX": "true",
            "TOKEN": "t",
            "BASE_URL": url,
            "DATA_DIR": str(data),
        }.items():
            monkeypatch.setenv(f"SMARTCONNECT_{name}", value)
        with pytest.raises(BulkUnfinished, match=said):
            asyncio.run(
                bulk_message("easter", text_file, dry_run=False, confirm=1, follow_seconds=0.5)
            )
    assert shown(data, "task_id, outcome") == [(77, outcome)]
