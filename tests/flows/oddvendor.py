"""A vendor that behaves as the sandbox doesn't: each answer is written out by the test."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Given = dict[str, Any]
Answer = dict[str, Any] | tuple[int, bytes]


@contextmanager
def odd_vendor(
    answers: Mapping[str, Callable[[Given], Answer]], *, date: str | None = None
) -> Iterator[str]:
    """Its base URL. A path that isn't among `answers` is HTTP 404; `date` is its Date header."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            self._answer(json.loads(body or b"{}"))

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, given: Given) -> None:
            made = answers.get(self.path)
            answer: Answer = made(given) if made else (404, b"nothing here")
            code, body = (200, json.dumps(answer).encode()) if isinstance(answer, dict) else answer
            self.send_response_only(code)
            if date is not None:
                self.send_header("Date", date)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
