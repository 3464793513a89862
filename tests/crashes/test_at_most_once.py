"""kill -9 around a message: it is sent at most once, and whoever comes next is told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from crashing.mailserver import mail_server
from crashing.rehearsal import Rehearsal, Zygote
from crashing.stages import PARCEL, RECIPIENTS

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running_sandbox

SENDS = ("extract.sendnotes.noted", "extract.outbox.sent", "extract.sendnotes.forgotten")


def times_sent(sandbox: RunningSandbox, text: str) -> int:
    sent = httpx.get(f"{sandbox.root_url}/sandbox/sent").json()["messages"]
    return [message["message"] for message in sent].count(text)


@pytest.mark.promise("send-at-most-once")
def test_a_message_is_sent_at_most_once_wherever_its_sender_is_killed(
    forking: Zygote, tmp_path: Path
) -> None:
    outcomes = []
    for number, (point, count) in enumerate(
        [(point, count) for point in SENDS for count in (1, 2)]
    ):
        with running_sandbox(SandboxOptions()) as vendor:
            rehearsal = Rehearsal(forking, vendor, tmp_path / str(number))
            code = rehearsal.run("messaged", (point, count))
            assert code in (0, -9), rehearsal.log.read_text()[-3000:]
            for _ in range(2):
                rehearsal.must("messaged")
            once = times_sent(vendor, "once")
            assert once <= 1, (point, count)
            outcomes.append(once)
    assert outcomes.count(1) >= 4
    assert outcomes.count(0) == 1  # noted, and killed before the call: nobody can know


DELIVERS = ("extract.sendnotes.noted", "flows.mailer.taken", "extract.outbox.sent")


@pytest.mark.promise("report-once", "report-doubt")
def test_a_report_is_delivered_at_most_once_wherever_its_run_is_killed(
    forking: Zygote, tmp_path: Path
) -> None:
    """Each recipient, and the chat; whoever may have it is told with the cure by the next run."""
    never = 0
    for number, (point, count) in enumerate(
        [(point, count) for point in DELIVERS for count in (1, 2, 3)]
    ):
        with running_sandbox(SandboxOptions()) as vendor, mail_server() as (mails, port):
            rehearsal = Rehearsal(forking, vendor, tmp_path / str(number))
            rehearsal.more["SMTP_PORT"] = str(port)
            killed = rehearsal.run("delivered", (point, count)) == -9
            rehearsal.log.unlink()
            for _ in range(2):
                rehearsal.must("delivered")
            came = [len(mails.of(one)) for one in RECIPIENTS]
            came.append(times_sent(vendor, PARCEL.message.text))
            assert max(came) == 1, (point, count)
            told = rehearsal.log.read_text()
            assert told.count(": may have been sent (begun on ") in ((0, 2) if killed else (0,)), (
                told
            )
            assert "canary" not in told
            never += came.count(0)
    assert never == 2  # noted, and killed before its last line: nobody can know
