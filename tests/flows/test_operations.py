"""All ten operations and the callback on the sandbox, and the page that says what uses each."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from operations import CALLBACK, ROWS, page
from rich.console import Console
from rich.markdown import Markdown
from typer.testing import CliRunner

from extract.routes import Operation
from flows.bulk import bulk_message
from flows.callbacks import ingest_callbacks_flow
from flows.chatextract import extract_chats
from flows.cli import app
from flows.nightly import nightly
from flows.servers import free_port, program, running
from flows.users import snapshot_users_flow
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"


def test_the_page_is_what_the_rows_say_and_names_tests_that_are_there() -> None:
    """`UPDATE_DOCS=1 make operations` writes it anew."""
    assert [row.operation for row in ROWS] == list(Operation)
    for row in (*ROWS, CALLBACK):
        file, name = row.test.split("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), row
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def called_back(sandbox: RunningSandbox, port: int, log: Path) -> None:
    """The vendor calls a real receiver with the messages of two days ago."""
    day = datetime.now(ZoneInfo("Europe/Moscow")).date() - timedelta(days=2)
    with running([program("smartconnect"), "callbacks"], {}, log) as process:
        deadline = time.monotonic() + 60
        while not is_listening(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        url = f"{sandbox.root_url}/sandbox/callbacks?date={day:%d.%m.%Y}"
        assert httpx.post(url, timeout=60).json()["sent"] > 0


def is_listening(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("prefect_api")
def test_every_operation_is_called_and_its_data_lands_where_the_page_says(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    tmp_path: Path,
) -> None:
    port, secret = free_port(), "a-secret-of-this-test"
    sandbox = start_sandbox(
        messages_per_day=60, today=None, callback_url=f"http://127.0.0.1:{port}/{secret}"
    )
    data = sandbox_settings(
        sandbox,
        DATE_TO="inclusive",
        SELECTION="message",
        CALLBACK_SECRET=secret,
        CALLBACK_PORT=str(port),
    )
    (tmp_path / "text.txt").write_text("text", encoding="utf-8")
    (tmp_path / "thread.txt").write_text("thread", encoding="utf-8")
    asyncio.run(nightly(lookback_days=1))
    asyncio.run(snapshot_users_flow())
    asyncio.run(extract_chats("some", "02.02.2026", "02.02.2026", category=1))  # type: ignore[arg-type]
    words = ["send", "--account", "101", "--text-file", "text.txt", "--thread-file", "thread.txt"]
    assert CliRunner().invoke(app, words).exit_code == 0
    asyncio.run(bulk_message("all", "text.txt", dry_run=False, confirm=5, follow_seconds=20))
    called_back(sandbox, port, tmp_path / "callbacks.log")
    asyncio.run(ingest_callbacks_flow())
    calls = httpx.get(f"{sandbox.root_url}/sandbox/calls").json()
    sent = httpx.get(f"{sandbox.root_url}/sandbox/sent").json()
    assert (len(sent["messages"]), len(sent["bulk"])) == (1, 1)
    for row in ROWS:
        assert calls.get(row.operation, 0) > 0, row.operation
        if row.landed is not None:
            found = query_release(DataDirectory(data), row.landed).rows
            assert found[0][0] > 0, row
    assert query_release(DataDirectory(data), CALLBACK.landed).rows[0][0] > 0
    Console(width=160).print(Markdown(page()))
