"""The fork server, which imports everything once, and its children: each a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STARTS_WITHIN_SECONDS = 60.0


@dataclass
class Child:
    """A forked run."""

    number: int
    server: ForkServer
    pid: int = 0
    code: int | None = None
    _started: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float) -> int | None:
        """Its exit code (-9: killed), or None if it still runs after so long."""
        self._ended.wait(seconds)
        return self.code

    def signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        self.server.tell({"signal": self.number, "number": number})

    def begun(self, pid: int) -> None:
        """It was forked."""
        self.pid = pid
        self._started.set()

    def wait_for_start(self) -> None:
        """Until it was forked."""
        if not self._started.wait(STARTS_WITHIN_SECONDS):
            raise TimeoutError("the fork server forked no child")

    def over(self, code: int) -> None:
        """It has ended."""
        self.code = code
        self._ended.set()


class ForkServer:
    """`chaos.forks` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._children: dict[int, Child] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, number: int, job: dict[str, Any]) -> Child:
        """Fork a child for `job`."""
        child = self._children[number] = Child(number, self)
        self.tell({"start": number, "job": job})
        child.wait_for_start()
        return child

    def tell(self, command: dict[str, Any]) -> None:
        """Give a command."""
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "started" in said:
                self._children[said["started"]].begun(said["pid"])
            elif "ended" in said:
                self._children.pop(said["ended"]).over(said["code"])


@contextmanager
def fork_server(environment: dict[str, str], log: Path) -> Iterator[ForkServer]:
    """Imports everything once; ready when this yields."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "chaos.forks"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env={**_plain_environment(), **environment},
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError(f"the fork server did not start: see {log}")
        yield ForkServer(process)
    finally:
        with suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _plain_environment() -> dict[str, str]:
    """Ours without any setting of a company, or of a Prefect that is used otherwise."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SMARTCONNECT_", "PREFECT_"))
    }
