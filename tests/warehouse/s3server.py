"""An S3 protocol server in a process of its own, over real sockets: moto's.

As a store that keeps its word it makes one request at a time, so that a conditional write is one
step. `POST /faults` with a JSON list of {"method", "key", "what", "times"} has it misbehave: answer
`503`, do what was asked and lose the answer, cut an answer short, or ignore a condition.

    python s3server.py HOST    prints its port
"""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.request import Request, urlopen

KEY, SECRET = "AKIAINVENTED", "canary-secret-key-0123456789"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
}


class Faulty:
    """moto, one request at a time, with faults."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self._lock = Lock()
        self._faults: list[dict[str, Any]] = []
        self._puts: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        _read_whole(environ)  # before its turn: who sends may be cut off in the middle
        with self._lock:
            return self._answer(environ, start)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == "/faults":
            length = int(environ.get("CONTENT_LENGTH") or 0)
            self._faults = json.loads(environ["wsgi.input"].read(length))
            start("200 OK", [])
            return [b""]
        if path == "/puts":
            start("200 OK", [])
            return [json.dumps(self._puts).encode()]
        fault = self._fault(method, path)
        if method == "PUT":
            self._puts.append(path)
        if fault == "503":
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("503 Service Unavailable", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"]
        if fault == "unconditional":
            environ.pop("HTTP_IF_MATCH", None)
            environ.pop("HTTP_IF_NONE_MATCH", None)
        body = b"".join(self._app(environ, start))
        if fault == "cut":  # the headers promise all of it
            return [body[: len(body) // 3]]
        if fault == "lost":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return [body]

    def _fault(self, method: str, path: str) -> str | None:
        for fault in self._faults:
            if fault["method"] == method and fault["key"] in path and fault["times"] > 0:
                fault["times"] -= 1
                return str(fault["what"])
        return None


def _read_whole(environ: dict[str, Any]) -> None:
    length, source = environ.get("CONTENT_LENGTH"), environ["wsgi.input"]
    if length or environ.get("wsgi.input_terminated"):
        environ["wsgi.input"] = io.BytesIO(source.read(int(length)) if length else source.read())


def serve(host: str) -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415
    from werkzeug.serving import make_server  # noqa: PLC0415

    app = Faulty(DomainDispatcherApplication(create_backend_app))
    server = make_server(host, 0, app, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


@dataclass(frozen=True)
class S3Server:
    """A running server, with one bucket."""

    endpoint: str
    bucket: str = "releases"

    def url(self, prefix: str) -> str:
        return f"s3://{self.bucket}/{prefix}"

    @property
    def environment(self) -> Mapping[str, str]:
        return {**ENVIRONMENT, "AWS_ENDPOINT_URL": self.endpoint}

    def misbehave(self, *faults: Mapping[str, Any]) -> None:
        """Replace the faults."""
        data = json.dumps([{"times": 1, **fault} for fault in faults]).encode()
        with urlopen(Request(f"{self.endpoint}/faults", data=data)):
            pass

    def puts(self) -> list[str]:
        """The paths of all PUT requests so far."""
        with urlopen(f"{self.endpoint}/puts") as answer:
            return list(json.loads(answer.read()))


@contextmanager
def s3_server(host: str = "127.0.0.1") -> Iterator[S3Server]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), host],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        server = S3Server(f"http://{host}:{process.stdout.readline().strip()}")
        with urlopen(Request(f"{server.endpoint}/{server.bucket}", method="PUT")):
            pass
        yield server
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            process.stdout.close()  # type: ignore[union-attr]


if __name__ == "__main__":
    serve(sys.argv[1])
