"""Alerts on a real server with a real worker: runs that fail, crash or are late are told of, once
each by a real mail server, and to a real receiver of webhooks. Prefect's server tells these again
where its database was locked in between: what it told is compared, not how often.

It starts a server, a worker and several runs, so it runs with `LONG=1`.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from crashing.mailserver import Mails, mail_server
from hosting import PROJECT, Host, running_host, wait_for

from flows.servers import program
from sandbox.options import Fault
from sandbox.server import RunningSandbox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
    pytest.mark.skipif(not os.environ.get("LONG"), reason="takes two minutes; LONG=1 runs it"),
]
TO = "canary.oncall@example.org"
SOON = {
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
}


class _Receiver(http.server.BaseHTTPRequestHandler):
    heard: list[dict[str, str]]

    def do_POST(self) -> None:
        self.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, str]]]]:
    handler = type("Heard", (_Receiver,), {"heard": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/canary-hook", handler.heard
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def mails() -> Iterator[tuple[Mails, int]]:
    with mail_server() as found:
        yield found


@pytest.fixture
def host(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mails: tuple[Mails, int],
    webhook: tuple[str, list[dict[str, str]]],
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> Iterator[Host]:
    sandbox = start_sandbox(
        messages_per_day=20, export_seconds=15, faults=(Fault.parse("unreadable-file"),)
    )
    more = {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mails[1]),
        "SMTP_SECURITY": "none",
        "SMTP_DEADLINE_SECONDS": "5",
        "REPORT_EMAIL_FROM": "Robot <robot@example.org>",
        "ALERT_EMAIL_TO": TO,
        "ALERT_WEBHOOK_URL": webhook[0],
        "ALERT_LATE_AFTER_SECONDS": "20",
    }
    sandbox_settings(sandbox, DATE_TO="inclusive", SELECTION="message", HOME=str(tmp_path), **more)
    # A worker that looks each ten seconds takes a run just as it is called late.
    with running_host(tmp_path, **SOON, PREFECT_WORKER_QUERY_SECONDS="1") as made:
        yield made


def once(heard: list[dict[str, str]]) -> list[dict[str, str]]:
    """Each different message, by its subject and text."""
    different = {(message["subject"], message["text"]): message for message in heard}
    return [different[key] for key in sorted(different)]


def begin(host: Host, name: str, /, **parameters: str) -> str:
    deployment = httpx.get(f"{host.api}/deployments/name/{name}/{name}").json()["id"]
    made = host.call(f"/deployments/{deployment}/create_flow_run", parameters=parameters)
    return str(made["id"])


def nobody_takes(host: Host, name: str) -> None:
    """The deployment's runs go to a queue that is paused: no worker takes them."""
    host.call("/work_pools/smartconnect/queues", name="nobody", is_paused=True)
    deployment = httpx.get(f"{host.api}/deployments/name/{name}/{name}").json()["id"]
    changed = httpx.patch(
        f"{host.api}/deployments/{deployment}", json={"work_queue_name": "nobody"}
    )
    changed.raise_for_status()


@pytest.mark.promise("operations-told", "operations-installed")
def test_failed_crashed_and_late_runs_are_told_once_each_by_mail_and_webhook(
    host: Host, mails: tuple[Mails, int], webhook: tuple[str, list[dict[str, str]]]
) -> None:
    _, heard = webhook
    window = {"date_from": "02.02.2026", "date_to": "02.02.2026"}

    def subjects() -> list[str]:
        return sorted(str(mail["Subject"]) for mail in mails[0].of(TO))

    with host.worker():
        nobody_takes(host, "extract-chats")
        late = begin(host, "extract-chats", name="canary-of-an-extract", **window)
        crashed = begin(host, "snapshot-users")
        failed = begin(host, "backfill", **window)
        processes: list[int] = []  # it has work for few seconds: killed as soon as it is there
        wait_for(lambda: bool(processes.extend(host.processes_of(crashed)) or processes), 90)
        for process in processes:
            os.kill(process, signal.SIGKILL)
        wait_for(lambda: host.state(crashed) == "Crashed", 90)
        wait_for(lambda: host.state(failed) == "Failed", 120)
        print("all have ended")
        try:
            wait_for(lambda: len(mails[0].of(TO)) == 3 and len(once(heard)) == 3, 60)
        finally:
            print(subjects(), [message["subject"] for message in heard])
        again = subprocess.run(
            [program("smartconnect"), "automations"],
            env=host.environment, cwd=PROJECT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "as they should be" in again.stdout
        time.sleep(10)
    wanted = [
        ("a run crashed: snapshot-users", crashed, "run-crashed.md"),
        ("a run failed: backfill", failed, "run-failed.md"),
        ("a run is late: extract-chats", late, "run-late.md"),
    ]
    assert subjects() == [f"SmartConnect (sandbox): {title}" for title, _, _ in wanted]
    told = once(heard)
    assert [message["subject"] for message in told] == [f"SmartConnect: {w[0]}" for w in wanted]
    by_mail = sorted(mails[0].of(TO), key=lambda mail: str(mail["Subject"]))
    for (_, run, runbook), message, mail in zip(wanted, told, by_mail, strict=True):
        text = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
        assert run in message["text"]
        assert run in text
        assert f"docs/runbooks/{runbook}" in message["text"]
        assert f"docs/runbooks/{runbook}" in text
    everything = json.dumps(automations(host)) + json.dumps(heard) + str(by_mail)
    assert "canary-of-an-extract" not in everything
    assert "canary-hook" not in json.dumps(automations(host))


def automations(host: Host) -> Any:
    return host.call("/automations/filter")


@pytest.mark.promise("operations-installed")
def test_one_command_installs_all_on_a_server_that_has_nothing_yet(host: Host) -> None:
    command = [program("smartconnect"), "automations"]
    first, second = (
        subprocess.run(
            command, env=host.environment, cwd=PROJECT, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    )
    assert first.stdout.count("Installed: ") == 7
    assert "as they should be" in second.stdout
    names = {found["name"] for found in automations(host)}
    assert len(names) == 7


IMPATIENT = """
from datetime import timedelta
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from flows import alarms, automationcommand, automations
from flows.nightly import nightly
automations.OVERDUE_AFTER = alarms.CALLBACKS_AFTER = timedelta(seconds=15)
automationcommand.install_anywhere()
with get_client(sync_client=True) as client:
    made = client.create_deployment(
        client.create_flow(nightly), "nightly", work_pool_name="smartconnect"
    )
    print(client.create_flow_run_from_deployment(made).id)
"""


@pytest.mark.promise("operations-told", "process-nightly-overdue")
def test_with_no_worker_at_all_the_server_itself_tells_of_what_is_late_or_overdue(
    host: Host, webhook: tuple[str, list[dict[str, str]]]
) -> None:
    _, heard = webhook
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT],
        env=host.environment, cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    late = done.stdout.split()[-1]
    wait_for(lambda: len(once(heard)) >= 3, 90)
    time.sleep(25)  # longer than each of them waits
    assert [message["subject"] for message in once(heard)] == [
        "SmartConnect: a run is late: nightly",
        "SmartConnect: no callbacks loaded for 2 hours",
        "SmartConnect: no nightly for 26 hours",
    ]
    assert late in "".join(message["text"] for message in heard)
