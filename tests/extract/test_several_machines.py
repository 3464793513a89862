"""Machines with nothing in common but an object store: real processes, a real S3 protocol server,
and the sandbox, which tells what it was asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from crashing.points import points
from keeping import KeptHere
from s3server import S3Server, s3_server
from vendor import starts

from extract.sendnotes import DONE, Note, Notes, sha256_of
from extract.sharednotes import SharedNotes, bring_notes
from extract.sharing import Shared
from sandbox.options import Fault
from sandbox.server import RunningSandbox

pytestmark = pytest.mark.rehearsal

StartSandbox = Callable[..., RunningSandbox]
Said = list[dict[str, Any]]
FIRST = date(2026, 2, 1)
SOON = {"lasts": 1.5, "renew": 0.3}
MACHINE = Path(__file__).with_name("machine.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


class Machines:
    """Starts machines that share one prefix of a store, each with a folder of its own."""

    def __init__(self, server: S3Server, sandbox: RunningSandbox, folder: Path) -> None:
        self._server, self._sandbox, self._folder = server, sandbox, folder
        self._store = server.url(uuid4().hex)
        self._running: list[subprocess.Popen[str]] = []

    def start(self, name: str, days: list[date], **more: Any) -> subprocess.Popen[str]:
        asked = {
            "store": self._store,
            "base_url": self._sandbox.base_url,
            "token": self._sandbox.token,
            "folder": str(self._folder / name),
            "name": name,
            "days": [day.isoformat() for day in days],
            **more,
        }
        machine = subprocess.Popen(
            [sys.executable, str(MACHINE), json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self._server.environment, "PYTHONPATH": str(ROOT)},
        )
        self._running.append(machine)
        return machine

    def run(self, name: str, days: list[date], **more: Any) -> Said:
        return said(self.start(name, days, **more))

    def end(self) -> None:
        for machine in self._running:
            machine.kill()
            machine.wait()
            for pipe in (machine.stdin, machine.stdout):
                if pipe is not None:
                    pipe.close()


@pytest.fixture
def machines(server: S3Server, tmp_path: Path) -> Iterator[Callable[[RunningSandbox], Machines]]:
    made: list[Machines] = []

    def beside(sandbox: RunningSandbox) -> Machines:
        made.append(Machines(server, sandbox, tmp_path))
        return made[-1]

    yield beside
    for found in made:
        found.end()


def days(count: int, first: date = FIRST) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


def said(machine: subprocess.Popen[str]) -> Said:
    out = machine.communicate(timeout=120)[0]
    assert machine.returncode == 0, out
    return [json.loads(line) for line in out.splitlines()]


def together(machines: list[subprocess.Popen[str]]) -> None:
    """Let machines begin once all of them are ready."""
    for machine in machines:
        assert machine.stdout is not None
        assert json.loads(machine.stdout.readline())["ready"]
    for machine in machines:
        assert machine.stdin is not None
        machine.stdin.write("go\n")
        machine.stdin.flush()


def stands(machine: subprocess.Popen[str]) -> None:
    """Wait until a machine stands still."""
    assert machine.stdout is not None
    assert "stands_at" in json.loads(machine.stdout.readline())
    os.waitpid(machine.pid, os.WUNTRACED)


def started(sandbox: RunningSandbox) -> Counter[str]:
    """How often each day's export was started."""
    served = httpx.get(f"{sandbox.root_url}/sandbox/served").json()
    return Counter(entry["date_from"] for entry in served if entry["event"] == "start")


def calls(sandbox: RunningSandbox) -> Counter[str]:
    return Counter(httpx.get(f"{sandbox.root_url}/sandbox/calls").json())


@pytest.mark.promise("shared-day-once")
def test_days_asked_for_by_two_machines_at_once_are_exported_once(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox(messages_per_day=20, export_seconds=1)
    both = machines(sandbox)
    wanted = days(20)
    running = [
        both.start("A", wanted[:14], claim_wait=0, gate=True),
        both.start("B", wanted[6:][::-1], claim_wait=0, gate=True),
    ]
    together(running)
    told = [entry for machine in running for entry in said(machine)]
    exported = [entry["day"] for entry in told if "sha256" in entry]
    assert sorted(exported) == [day.isoformat() for day in wanted]
    assert starts(sandbox) == 20
    refused = [entry for entry in told if "failed" in entry]
    assert {entry["failed"] for entry in refused} == {"ClaimedElsewhere"}
    assert all("A has been" in e["why"] or "B has been" in e["why"] for e in refused)


@pytest.mark.promise("shared-dead-machine")
def test_what_a_killed_machine_had_started_is_taken_up_by_another(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox(messages_per_day=20, export_seconds=1)
    both = machines(sandbox)
    killed = both.start("A", days(4), point="extract.claims.journalled", hit=4, dies=True, **SOON)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert starts(sandbox) == 4
    began = time.monotonic()
    told = both.run("B", days(4), **SOON)
    assert [entry.get("resumed") for entry in told] == [True] * 4
    assert starts(sandbox) == 4
    assert time.monotonic() - began < 15


@pytest.mark.promise("shared-one-holder")
def test_a_machine_that_stood_still_starts_nothing_when_it_wakes_up(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox(messages_per_day=20)
    both = machines(sandbox)
    still = both.start("A", days(1), point="extract.sharing.document-taken", **SOON)
    stands(still)
    (told,) = both.run("B", days(1), **SOON)
    assert told["resumed"] is False
    still.send_signal(signal.SIGCONT)
    (late,) = said(still)
    assert late["failed"] == "LeaseLost"
    assert "an export that was started is taken up" in late["why"]
    assert starts(sandbox) == 1


@pytest.mark.promise("shared-limits")
def test_all_machines_together_keep_to_the_vendors_limit_of_jobs(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox(
        messages_per_day=5, export_seconds=0.4, max_running=3, over_limit="refuse"
    )
    three = machines(sandbox)
    running = [
        three.start(name, days(8, FIRST + timedelta(days=30 * place)), max_jobs=3, gate=True)
        for place, name in enumerate("ABC")
    ]
    together(running)
    told = [said(machine) for machine in running]
    assert [len([entry for entry in of_one if "sha256" in entry]) for of_one in told] == [8, 8, 8]
    assert starts(sandbox) == 24
    assert calls(sandbox)["start_chats_export"] == 24, "one was refused: too many at once"
    first_ends = [of_one[1]["at"] for of_one in told]
    last_ends = [max(entry["at"] for entry in of_one) for of_one in told]
    assert max(first_ends) < min(last_ends), "one had to wait until another was through"


@pytest.mark.promise("shared-limits")
def test_a_dead_machines_jobs_are_free_again(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox(messages_per_day=5, export_seconds=0.1)
    both = machines(sandbox)
    killed = both.start(
        "A", days(2), max_jobs=2, point="extract.claims.journalled", hit=2, dies=True, **SOON
    )
    killed.communicate()
    told = both.run("B", days(3, FIRST + timedelta(days=9)), max_jobs=2, **SOON)
    assert len([entry for entry in told if "sha256" in entry]) == 3


@pytest.mark.promise("shared-limits")
def test_two_machines_never_make_more_calls_than_a_day_may_have(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox(messages_per_day=5, export_seconds=0.1)
    both = machines(sandbox)
    later = FIRST + timedelta(days=30)
    killed = both.start(
        "K", days(3), per_day=60, point="extract.claims.journalled", hit=2, dies=True, **SOON
    )
    killed.communicate()
    running = [
        both.start("A", days(20, later), per_day=60),
        both.start("B", days(20, later + timedelta(days=40)), per_day=60),
    ]
    told = [entry for machine in running for entry in said(machine)]
    made = sum(calls(sandbox).values())
    assert 45 <= made <= 60
    assert {entry["failed"] for entry in told if "failed" in entry} == {"CallBudgetSpent"}
    both.run("C", days(1), per_day=60)
    assert sum(calls(sandbox).values()) <= 60


@pytest.mark.promise("shared-dead-machine")
def test_a_kill_anywhere_between_machines_costs_no_second_export(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox(messages_per_day=5, export_seconds=0.1)
    among_machines = ("extract.documents.", "extract.leases.", "extract.sharing.")
    found = [str(e.point) for e in points() if str(e.point).startswith(among_machines)]
    reached, expected, running = set(), Counter[str](), []
    for place, point in enumerate(found):
        company = machines(sandbox)
        wanted = days(2, FIRST + timedelta(days=3 * place))
        # One day: of another, the vendor may just have accepted the start that nobody noted.
        often = {**SOON, "renew": 0.05}
        killed = company.start("A", wanted[:1], per_day=1000, point=point, dies=True, **often)
        told = [json.loads(line) for line in killed.communicate(timeout=60)[0].splitlines()]
        reached |= {point} if killed.returncode == -signal.SIGKILL else set()
        expected.update([day.isoformat() for day in wanted] + [entry["day"] for entry in told])
        running.append(company.start("B", wanted, per_day=1000, **SOON))
    for machine in running:
        assert len([entry for entry in said(machine) if "sha256" in entry]) == 2
    assert set(found) - reached <= {"extract.leases.buried"}, "not reached"
    assert started(sandbox) == expected, "what was finished is exported anew, nothing else"


def sent(sandbox: RunningSandbox) -> Counter[str]:
    """How often each message was sent."""
    told = httpx.get(f"{sandbox.root_url}/sandbox/sent").json()["messages"]
    return Counter(message["message"] for message in told)


@pytest.mark.promise("shared-sending")
def test_two_machines_never_send_the_same(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox()
    both = machines(sandbox)
    keys = [f"report-{number}" for number in range(8)]
    running = [both.start(name, [], send=keys, gate=True) for name in "AB"]
    together(running)
    told = [entry for machine in running for entry in said(machine)]
    assert sent(sandbox) == {f"the message {key}": 1 for key in keys}
    assert Counter(entry["sent"] for entry in told) == {True: 8, False: 8}


@pytest.mark.promise("shared-sending")
@pytest.mark.parametrize(
    ("point", "before"), [("extract.sharednotes.noted", 0), ("extract.outbox.sent", 1)]
)
def test_what_a_killed_machine_may_have_sent_is_sent_by_no_other(
    point: str,
    before: int,
    start_sandbox: StartSandbox,
    machines: Callable[[RunningSandbox], Machines],
) -> None:
    sandbox = start_sandbox()
    both = machines(sandbox)
    both.start("A", [], send=["report-1"], point=point, dies=True, **SOON).communicate()
    assert sum(sent(sandbox).values()) == before
    (told,) = both.run("B", [], send=["report-1"], **SOON)
    assert told["failed"] == "SendUncertain"
    assert sum(sent(sandbox).values()) == before


@pytest.mark.promise("shared-sending")
def test_a_machine_that_stood_still_sends_what_no_other_has_sent(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox()
    both = machines(sandbox)
    still = both.start("A", [], send=["report-1"], point="extract.sharednotes.noted", **SOON)
    stands(still)
    (told,) = both.run("B", [], send=["report-1"], **SOON)
    assert told["failed"] == "SendUncertain"
    still.send_signal(signal.SIGCONT)
    (late,) = said(still)
    assert late["sent"] is True
    assert sum(sent(sandbox).values()) == 1
    (again,) = both.run("B", [], send=["report-1"], **SOON)
    assert again["sent"] is False, "it is known by now"


@pytest.mark.promise("shared-sending")
def test_what_a_machine_sent_before_it_shared_counts(
    start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines], tmp_path: Path
) -> None:
    notes = Notes(tmp_path / "A" / "outbox")
    notes.keep("report-1", Note(DONE, datetime.now(UTC), sha256_of("the message report-1")))
    word = notes.word("somebody")
    sandbox = start_sandbox()
    (told,) = machines(sandbox).run("A", [], send=["report-1"])
    assert told["sent"] is False
    assert not sent(sandbox)
    kept = KeptHere(time.time)
    for name in "AB":
        shared = Shared(kept, holder=name)
        assert SharedNotes(tmp_path / name / "outbox", shared).word("somebody") == word
        shared.threads.close()


@pytest.mark.promise("shared-sending")
def test_a_backup_of_any_machine_knows_what_all_have_sent(tmp_path: Path) -> None:
    kept = KeptHere(time.time)
    note = Note(DONE, datetime.now(UTC), sha256_of("a report"))

    async def send_on_one() -> str:
        async with Shared(kept, holder="A") as shared:
            notes = SharedNotes(tmp_path / "A" / "outbox", shared)
            async with notes.alone("report-1"):
                notes.keep("report-1", note)
            async with notes.alone("report-2"):
                notes.keep("report-2", note)
                notes.forget("report-2")
            return notes.word("somebody")

    word = asyncio.run(send_on_one())
    assert bring_notes(kept, tmp_path / "B" / "outbox") == 1
    restored = Notes(tmp_path / "B" / "outbox")
    assert restored.read("report-1") == note
    assert restored.read("report-2") is None
    assert restored.word("somebody") == word


def test_a_store_that_is_away_for_a_moment_costs_nothing(
    server: S3Server, start_sandbox: StartSandbox, machines: Callable[[RunningSandbox], Machines]
) -> None:
    sandbox = start_sandbox(messages_per_day=5, faults=(Fault.parse("http-500*1"),))
    server.misbehave(
        {"method": "PUT", "key": "state/shared/requests", "what": "503", "times": 1},
        {"method": "PUT", "key": "state/shared/sessions", "what": "lost", "times": 1},
        {"method": "PUT", "key": "state/shared/slots", "what": "lost", "times": 1},
        {"method": "GET", "key": "state/shared/slots", "what": "503", "times": 1},
    )
    told = machines(sandbox).run("A", days(3))
    server.misbehave()
    assert len([entry for entry in told if "sha256" in entry]) == 3
