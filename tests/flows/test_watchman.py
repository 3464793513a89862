"""The ping after a nightly: after a success alone, and what becomes of it costs nothing."""

from __future__ import annotations

import asyncio
import http.server
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flows.demo import sandbox_environment
from flows.errors import DaysFailed
from flows.nightly import nightly
from sandbox.options import Fault
from sandbox.server import RunningSandbox

pytestmark = [
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.promise("process-nightly-overdue"),
]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message", "LOOKBACK_DAYS": "1"}


class Watchman(http.server.BaseHTTPRequestHandler):
    pings: list[str]

    def do_GET(self) -> None:
        self.pings.append(self.path)
        self.send_response(500 if self.path.startswith("/broken") else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def watchman() -> Iterator[tuple[str, list[str]]]:
    handler = type("Heard", (Watchman,), {"pings": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler.pings
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_success_is_told_and_a_failure_is_not(
    watchman: tuple[str, list[str]],
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    url, pings = watchman
    broken = start_sandbox(messages_per_day=20, faults=(Fault("unreadable-file"),))
    sandbox_settings(broken, **VENDOR, PING_URL=f"{url}/canary")
    with suppress(DaysFailed):
        asyncio.run(nightly())
    assert pings == []
    whole = start_sandbox(messages_per_day=20)
    sandbox_settings(whole, **VENDOR, PING_URL=f"{url}/canary")
    asyncio.run(nightly())
    assert pings == ["/canary"]
    sandbox_settings(whole, **VENDOR, PING_URL=f"{url}/broken-canary")
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "prefect.flow_runs"):
        asyncio.run(nightly())
    assert pings == ["/canary", "/broken-canary"]
    assert "was not told of this success: HTTP 500" in caplog.text
    assert "canary" not in caplog.text


def test_the_sandbox_tells_nobody(tmp_path: Path) -> None:
    assert sandbox_environment("http://127.0.0.1:1", tmp_path)["SMARTCONNECT_PING_URL"] == ""
