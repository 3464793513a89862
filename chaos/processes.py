"""Servers of a chaos run: Prefect's, and a sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx

from chaos.finding import children_of
from flows.servers import (
    PREFECT_ENVIRONMENT,
    free_port,
    program,
    running,
    running_sandbox_process,
    wait_for_url,
)


class PrefectServer:
    """Prefect's server on one port for the whole chaos, so that it can come back there."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = free_port()
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self.downs: list[tuple[float, float]] = []
        self.down_since: float | None = None

    @property
    def api(self) -> str:
        """The API's URL."""
        return f"http://127.0.0.1:{self._port}/api"

    @property
    def environment(self) -> dict[str, str]:
        """For whoever uses it."""
        told = {"PREFECT_HOME": str(self._home), "PREFECT_API_URL": self.api}
        return {**PREFECT_ENVIRONMENT, **told, "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false"}

    def start(self) -> None:
        """Begin, and wait until it answers."""
        log = self._home / "server.log"
        port = ["--host", "127.0.0.1", "--port", str(self._port)]
        command = [program("prefect"), "server", "start", *port]
        self._process = self._stack.enter_context(running(command, self.environment, log))
        wait_for_url(f"{self.api}/health", self._process, f"Prefect's server (log: {log})")

    def kill(self) -> None:
        """SIGKILL, at once."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def bounce(self, seconds: float) -> None:
        """Kill it, leave it away for a while, start it again."""
        began = self.down_since = time.monotonic()
        self.kill()
        self._stack.close()
        time.sleep(seconds)
        self.start()
        self.downs.append((began, time.monotonic()))
        self.down_since = None

    def stop(self) -> None:
        """End it."""
        self._stack.close()


class SandboxProcess:
    """A vendor in a process of its own; each start has an address of its own, as its tasks have."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.url = ""
        self.injected: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def start(self, options: Sequence[str]) -> None:
        """Begin with these options."""
        self.url = self._stack.enter_context(running_sandbox_process(self._folder, *options))

    def stop(self) -> None:
        """End it; what it injected stays counted."""
        if self.url:
            with suppress(httpx.HTTPError):
                self.count()
        self._before, self.url = dict(self.injected), ""
        self._stack.close()

    def page(self, name: str, **query: str) -> Any:
        """One of the sandbox's own pages."""
        answer = httpx.get(self._page(name), params=query, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def tell(self, name: str, said: object) -> None:
        """POST to one of its own pages."""
        httpx.post(self._page(name), json=said, timeout=30).raise_for_status()

    def ask(self, operation: str, token: str) -> Any:
        """One of the vendor's operations."""
        answer = httpx.post(f"{self.url}{operation}", json={"token": token}, timeout=30)
        return answer.json()

    def count(self) -> dict[str, int]:
        """Faults injected so far, over all its lives."""
        now = self.page("faults")["injected"]
        names = {*now, *self._before}
        self.injected = {n: now.get(n, 0) + self._before.get(n, 0) for n in sorted(names)}
        return self.injected

    def _page(self, name: str) -> str:
        return f"{self.url.removesuffix('/api')}/sandbox/{name}"

    def freeze(self, seconds: float) -> None:
        """Let it be silent for a while: its sockets stay, nothing answers."""
        for pid in children_of(os.getpid(), "sandbox", str(self._folder)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(seconds)
                os.kill(pid, signal.SIGCONT)
