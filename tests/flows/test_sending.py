"""Messages are sent at most once, never too long; alerts tell a chat without personal data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from extract.errors import RequestRefused, SendUncertain
from extract.outbox import Letter
from flows.cli import app
from flows.errors import DaysFailed, TooLong
from flows.nightly import nightly
from flows.sending import send
from flows.settings import load_settings
from flows.users import snapshot_users_flow
from sandbox.options import Fault
from sandbox.server import RunningSandbox

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("prefect_api")]
Start, Point = Callable[..., RunningSandbox], Callable[..., Path]
HELLO = Letter(101, "canary-thread", "canary text")


def sent(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return list(httpx.get(f"{sandbox.root_url}/sandbox/sent").json()["messages"])


def say(letter: Letter, **more: Any) -> bool:
    return asyncio.run(send(load_settings(), letter, **more))


@pytest.mark.promise("send-lost-reply")
def test_a_message_whose_answer_was_lost_is_not_sent_again_without_a_persons_word(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(faults=(Fault.parse("lost-reply@send_message*1"),))
    data = sandbox_settings(sandbox)
    with pytest.raises(SendUncertain, match="may or may not"):
        say(HELLO)
    with pytest.raises(SendUncertain, match=r"may have been sent already.*--again"):
        say(HELLO)
    assert len(sent(sandbox)) == 1
    assert say(Letter(101, "canary-thread", "another text"))
    assert say(HELLO, again=True)
    assert len(sent(sandbox)) == 3
    assert say(HELLO)  # what is known to be sent may be said again
    notes = b"".join(p.read_bytes() + p.name.encode() for p in (data / "state").rglob("*.json"))
    assert b"canary" not in notes


def test_a_message_with_a_key_is_sent_once_and_a_refused_one_leaves_no_note(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox()
    data = sandbox_settings(sandbox)
    assert say(HELLO, key="report-1") is True
    assert say(HELLO, key="report-1") is False
    assert len(sent(sandbox)) == 1
    with pytest.raises(RequestRefused):
        say(Letter(101, "t", "x" * 1001), key="refused")
    assert not (data / "state" / "outbox" / "refused.json").exists()


def test_a_message_that_is_too_long_for_its_account_is_refused_before_the_call(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=20)
    sandbox_settings(sandbox, USER_DETAILS="false")
    asyncio.run(snapshot_users_flow())
    with pytest.raises(TooLong, match="1,001 characters, and channel account 101 takes 1,000"):
        say(Letter(101, "t", "x" * 1001))
    with pytest.raises(TooLong, match="empty"):
        say(Letter(101, "t", " "))
    (tmp_path / "text.txt").write_text("x" * 1000, encoding="utf-8")
    asked = ["send", "--account", "101", "--text-file", "text.txt"]
    done = CliRunner().invoke(app, asked, input="canary-thread\n")
    assert done.exit_code == 0, done.output
    assert "canary-thread" not in done.output
    assert [message["thread_id"] for message in sent(sandbox)] == ["canary-thread"]


def test_a_failed_nightly_and_a_held_day_are_told_in_the_chat(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    # A Sunday has less than half as many, and none below twenty is held.
    sandbox = start_sandbox(messages_per_day=240, faults=(Fault.parse("unreadable-file"),))
    alerts = {"ALERT_CHANNEL_ACCOUNT": "101", "ALERT_THREAD": "canary-thread"}
    sandbox_settings(sandbox, DATE_TO="inclusive", SELECTION="message", **alerts)
    with pytest.raises(DaysFailed):
        asyncio.run(nightly(lookback_days=1))
    (told,) = sent(sandbox)
    assert told["thread_id"] == "canary-thread"
    assert "FAILED (DaysFailed)" in told["message"]
    assert "2 of 3 days: " in told["message"]
    httpx.post(f"{sandbox.root_url}/sandbox/faults", json=[]).raise_for_status()
    asyncio.run(nightly(lookback_days=1))
    assert len(sent(sandbox)) == 1
    httpx.post(f"{sandbox.root_url}/sandbox/faults", json=["smaller-day"]).raise_for_status()
    asyncio.run(nightly(lookback_days=1))
    held = sent(sandbox)[-1]["message"]
    assert "Held, since far fewer rows came: chats" in held


def test_an_alert_that_cannot_be_sent_is_no_failure_of_its_own(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    faults = (Fault.parse("unreadable-file"), Fault.parse("http-500@send_message"))
    sandbox = start_sandbox(messages_per_day=20, faults=faults)
    alerts = {"ALERT_CHANNEL_ACCOUNT": "101", "ALERT_THREAD": "t"}
    sandbox_settings(sandbox, DATE_TO="inclusive", SELECTION="message", **alerts)
    with pytest.raises(DaysFailed):
        asyncio.run(nightly(lookback_days=1))
    assert not sent(sandbox)
