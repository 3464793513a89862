"""The dead-man's ping: a success is told, a failure is a sentence without the address."""

from __future__ import annotations

import asyncio
import http.server
import threading
import time
from collections.abc import Iterator

import pytest

from extract.ping import ping

pytestmark = pytest.mark.promise("process-nightly-overdue")


class Watchman(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/slow"):
            time.sleep(1)
        self.send_response(302 if self.path.startswith("/moved") else 200)
        self.send_header("location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def watchman() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Watchman)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("path", "said"),
    [("/ok/canary", None), ("/moved/canary", "HTTP 302"), ("/slow/canary", "no answer in 0.3 s")],
)
def test_what_came_is_told_without_the_address(watchman: str, path: str, said: str | None) -> None:
    assert asyncio.run(ping(watchman + path, deadline_seconds=0.3)) == said


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/canary", "ftp://h/canary", "canary", "http://[/canary"]
)
def test_an_address_that_cannot_be_called_is_a_sentence(url: str) -> None:
    said = asyncio.run(ping(url))
    assert said
    assert "canary" not in said
