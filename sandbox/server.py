"""The sandbox on a real socket: in a thread for tests, in the foreground for people."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from sandbox.app import make_app
from sandbox.options import SandboxOptions

STARTUP_SECONDS = 30.0


@dataclass(frozen=True)
class RunningSandbox:
    """Where it is, and the token that opens it."""

    base_url: str
    token: str

    @property
    def root_url(self) -> str:
        """Without /api: /sandbox/truth and /sandbox/served are there."""
        return self.base_url.removesuffix("/api")


def bound_socket(options: SandboxOptions) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((options.host, options.port))
    bound.listen(128)  # whoever reads the URL may call at once
    return bound


def server(options: SandboxOptions) -> uvicorn.Server:
    """A server that has not begun; it writes no access log."""
    config = uvicorn.Config(
        make_app(options), log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    return uvicorn.Server(config)


@contextmanager
def running_sandbox(options: SandboxOptions | None = None) -> Iterator[RunningSandbox]:
    """The sandbox for the time of the block, on a free port of 127.0.0.1."""
    options = options or SandboxOptions()
    bound = bound_socket(options)
    serving = server(options)
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + STARTUP_SECONDS
    while not serving.started and time.monotonic() < deadline:
        time.sleep(0.01)
    host, port = bound.getsockname()[:2]
    try:
        yield RunningSandbox(f"http://{host}:{port}/api", options.token)
    finally:
        serving.should_exit = True
        thread.join(10)
        bound.close()
