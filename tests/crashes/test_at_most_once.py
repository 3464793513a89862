"""kill -9 around a message: it is sent at most once, and whoever comes next is told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from crashing.rehearsal import Rehearsal, Zygote

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running_sandbox

SENDS = ("extract.outbox.noted", "extract.outbox.sent", "extract.outbox.forgotten")


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
