"""The processes of a chaos run: the fork server with its children, Prefect's server, a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from flows.servers import (
    PREFECT_ENVIRONMENT,
    free_port,
    program,
    running,
    running_sandbox_process,
    wait_for_url,
)

ROOT = Path(__file__).resolve().parents[1]
MARK = "SMARTCONNECT_CHAOS"  # in the environment of everything that is started, to find it again
STARTS_WITHIN_SECONDS = 60.0
CALLS = {
    "write": "write,pwrite64,writev",
    "fsync": "fsync,fdatasync",
    "rename": "rename,renameat,renameat2",
    "connect": "connect",
}


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


def children_of(parent: int, *words: str) -> list[int]:
    """Our own children whose command line has all the words."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            stat = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if int(stat[1]) == parent and all(any(w in part for part in command) for w in words):
                found.append(int(folder.name))
    return found


def marked(mark: str) -> dict[int, str]:
    """Every process that was started with this mark in its environment, and what it is."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(folder.name)] = command.decode(errors="replace").strip()[:200]
    return found


def strace_works() -> bool:
    """Whether system calls of another process can be made to kill it here."""
    program_path = shutil.which("strace")
    if program_path is None or not sys.platform.startswith("linux"):
        return False
    with subprocess.Popen(["sleep", "30"]) as sleeper:  # noqa: S607
        try:
            attached = traced(sleeper.pid, "write", 1)
            time.sleep(0.3)
            status = Path(f"/proc/{sleeper.pid}/status").read_text(encoding="utf-8")
            attached.kill()
            attached.wait()
        except OSError:
            return False
        finally:
            sleeper.kill()
    return "TracerPid:\t0\n" not in status


def traced(pid: int, call: str, number: int) -> subprocess.Popen[bytes]:
    """strace at a process: SIGKILL at the how manyth call of one of its threads."""
    calls = CALLS[call]
    inject = f"inject={calls}:signal=KILL:when={number}"
    command = [
        "strace",
        "-f",
        "-p",
        str(pid),
        "-o",
        os.devnull,
        "-e",
        f"trace={calls}",
        "-e",
        inject,
    ]
    return subprocess.Popen(
        [*command, "-e", inject], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
