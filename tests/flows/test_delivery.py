"""A report is delivered at most once, by e-mail to each and into a chat; doubts are a person's."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from crashing.mailserver import Mails, lost, mail_server
from crashing.stages import PARCEL
from typer.testing import CliRunner

from extract.errors import SendUncertain
from flows import mailer
from flows.cli import app
from flows.deliveries import Deliveries
from flows.errors import NotConfigured, NotDelivered
from flows.parcels import Delivered, Outcome, require_delivered, shortened, with_link
from flows.settings import load_settings
from sandbox.options import Fault
from sandbox.server import RunningSandbox

ONE, TWO = "canary.one@example.org", "canary.two@example.org"
THREAD = "canary-thread-77"
SENT, BEFORE, UNCERTAIN, NOT_SENT = (
    Outcome.SENT, Outcome.BEFORE, Outcome.UNCERTAIN, Outcome.NOT_SENT,
)  # fmt: skip
Start, Point = Callable[..., RunningSandbox], Callable[..., Path]


class Post:
    """A mail server and a sandbox that reports are delivered through."""

    def __init__(self, mails: Mails, sandbox: RunningSandbox, data: Path) -> None:
        self.mails, self.sandbox, self.data = mails, sandbox, data

    def chat(self) -> list[dict[str, Any]]:
        return list(httpx.get(f"{self.sandbox.root_url}/sandbox/sent").json()["messages"])

    def counts(self) -> tuple[int, int, int]:
        return len(self.mails.of(ONE)), len(self.mails.of(TWO)), len(self.chat())

    def deliver(self, *, again: bool = False) -> list[Outcome]:
        return [delivered.outcome for delivered in self.told(again=again)]

    def told(self, *, again: bool = False) -> list[Delivered]:
        return asyncio.run(Deliveries(load_settings()).deliver(PARCEL, again=again))


@pytest.fixture
def post(
    start_sandbox: Start, sandbox_settings: Point, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Post]:
    monkeypatch.setattr(mailer, "FIRST_WAIT_SECONDS", 0.01)
    sandbox = start_sandbox()
    with mail_server() as (mails, port):
        data = sandbox_settings(
            sandbox,
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(port),
            SMTP_SECURITY="none",
            SMTP_DEADLINE_SECONDS="0",
            SMTP_TIMEOUT_SECONDS="5",
            REPORT_EMAIL_FROM="robot@example.org",
            REPORT_EMAIL_TO=f"{ONE}, {TWO}",
            REPORT_CHANNEL_ACCOUNT="101",
            REPORT_THREAD=THREAD,
        )
        yield Post(mails, sandbox, data)


@pytest.mark.promise("report-once", "report-secrets")
def test_a_report_is_delivered_once_to_each_and_its_notes_name_nobody(post: Post) -> None:
    assert post.deliver() == [SENT] * 3
    assert post.deliver() == [BEFORE] * 3
    assert post.counts() == (1, 1, 1)
    (told,) = post.chat()
    assert (told["thread_id"], told["message"]) == (THREAD, PARCEL.message.text)
    notes = [path for path in (post.data / "state").rglob("*") if path.is_file()]
    assert len([path for path in notes if path.parent.name == "deliveries"]) >= 2
    for path in notes:
        assert b"canary" not in path.read_bytes() + path.name.encode()
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.promise("report-once", "report-secrets")
def test_whoever_was_refused_gets_it_later_and_the_others_not_twice(post: Post) -> None:
    post.mails.refused_recipients[TWO] = f"550 no such user {TWO}"
    found = post.told()
    assert [delivered.outcome for delivered in found] == [SENT, NOT_SENT, SENT]
    with pytest.raises(NotDelivered, match=r"1 of 3 .*recipient 2 of 2.*\(550\)") as refused:
        require_delivered(PARCEL, found)
    assert "canary" not in str(refused.value)
    post.mails.refused_recipients.clear()
    assert post.deliver() == [BEFORE, SENT, BEFORE]
    assert post.counts() == (1, 1, 1)


@pytest.mark.promise("report-doubt")
def test_a_doubt_is_told_with_its_cure_and_ended_by_a_persons_word_alone(post: Post) -> None:
    post.mails.answers = [lost()]
    assert post.deliver() == [UNCERTAIN, SENT, SENT]
    found = post.told()
    assert [delivered.outcome for delivered in found] == [UNCERTAIN, BEFORE, BEFORE]
    with pytest.raises(SendUncertain) as told:
        require_delivered(PARCEL, found)
    said = str(told.value)
    assert "recipient 1 of 2" in said
    assert "`smartconnect report --day 01.02.2026 --send-again`" in said
    assert "canary" not in said
    assert post.counts() == (1, 1, 1)
    assert post.deliver(again=True) == [SENT, BEFORE, BEFORE]
    first, second = post.mails.of(ONE)
    assert first["Message-ID"] == second["Message-ID"]  # a mailbox may know it for the same
    assert post.deliver(again=True) == [SENT] * 3  # nothing is in doubt: all of it, once more
    assert post.deliver() == [BEFORE] * 3


@pytest.mark.promise("report-doubt")
def test_a_chat_whose_answer_was_lost_is_a_doubt_too(post: Post) -> None:
    url = f"{post.sandbox.root_url}/sandbox/faults"
    httpx.post(url, json=[str(Fault.parse("lost-reply@send_message*1"))]).raise_for_status()
    assert post.deliver() == [SENT, SENT, UNCERTAIN]
    assert post.deliver() == [BEFORE, BEFORE, UNCERTAIN]
    assert post.deliver(again=True) == [BEFORE, BEFORE, SENT]
    assert post.counts() == (1, 1, 2)


@pytest.mark.promise("report-once")
def test_of_two_runs_at_once_one_sends(post: Post) -> None:
    async def both() -> list[list[Delivered]]:
        settings = load_settings()
        runs = (Deliveries(settings).deliver(PARCEL) for _ in range(2))
        return list(await asyncio.gather(*runs))

    outcomes = sorted(sorted(d.outcome for d in found) for found in asyncio.run(both()))
    assert sorted(o for found in outcomes for o in found) == [SENT] * 3 + [BEFORE] * 3
    assert post.counts() == (1, 1, 1)


def test_a_server_that_is_away_leaves_no_doubt(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    port = os.environ["SMARTCONNECT_SMTP_PORT"]
    monkeypatch.setenv("SMARTCONNECT_SMTP_PORT", "1")
    assert post.deliver() == [NOT_SENT, NOT_SENT, SENT]
    monkeypatch.setenv("SMARTCONNECT_SMTP_PORT", port)
    post.mails.answers = ["554 spam"]
    assert post.deliver() == [NOT_SENT, SENT, BEFORE]
    assert post.deliver() == [SENT, BEFORE, BEFORE]


def test_half_a_chat_is_refused_and_nobody_at_all_is_nowhere(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMARTCONNECT_REPORT_THREAD")
    with pytest.raises(NotConfigured, match="set together"):
        Deliveries(load_settings())
    monkeypatch.delenv("SMARTCONNECT_REPORT_CHANNEL_ACCOUNT")
    assert Deliveries(load_settings()).anywhere
    monkeypatch.delenv("SMARTCONNECT_REPORT_EMAIL_TO")
    assert not Deliveries(load_settings()).anywhere


def test_a_text_that_is_too_long_for_a_chat_ends_with_a_whole_line() -> None:
    text = "\n".join(f"line {n}" for n in range(30))
    assert shortened(text, 1000) == text
    assert shortened(text, 100).endswith("line 12…")
    assert len(shortened("x" * 200, 100)) == 100
    link = "https://dash.example.org/"
    assert with_link(text, link, 100).endswith(f"line 9…\n{link}")
    assert with_link(text, "x" * 60, 100) == shortened(text, 100)


@pytest.mark.promise("report-once")
def test_what_was_sent_is_known_after_everything_was_lost_and_restored(
    post: Post, tmp_path: Path
) -> None:
    assert post.deliver() == [SENT] * 3
    backup = str(tmp_path / "backup")
    for command in (["backup", backup], ["backup", backup]):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    shutil.rmtree(post.data)
    done = CliRunner().invoke(app, ["restore", backup])
    assert done.exit_code == 0, done.output
    assert post.deliver() == [BEFORE] * 3
