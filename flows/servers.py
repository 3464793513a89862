"""Processes that a run needs beside it: Prefect's server, the sandbox; and their environment."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from flows.errors import FlowError
from warehouse.layout import PRIVATE_DIR, PRIVATE_FILE

# How often a run says that it lives; the automations of `flows.automations` count on it.
HEARTBEAT_SECONDS = 30
# Why: analytics stay off, and the UI's task history keeps up with a thousand fast tasks.
PREFECT_ENVIRONMENT: Mapping[str, str] = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
}
STARTUP_SECONDS = 90.0


def pruned_after(days: int) -> dict[str, str]:
    """What lets Prefect's server forget runs, their logs, artifacts and events after so many days.

    The ledger of the warehouse keeps what was loaded for ever; this is Prefect's own database.
    """
    return {
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs,orphans",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(days * 24 * 3600),
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{days}D",
    }


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    """A console script installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def wait_for_url(url: str, process: subprocess.Popen[bytes] | None, what: str) -> None:
    """Wait until `url` answers.

    Raises:
        FlowError: the process ended, or nothing answered in time.
    """
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=2):  # noqa: S310  (loopback, made here)
                return
        except (URLError, OSError):
            if process is not None and process.poll() is not None:
                raise FlowError(f"{what} ended with code {process.returncode}.") from None
            time.sleep(0.2)
    raise FlowError(f"{what} did not answer within {STARTUP_SECONDS:.0f} seconds.")


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the time of the block, its output in `log`; stopped at the end.

    What it writes is its owner's alone.
    """
    log.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    log.touch(mode=PRIVATE_FILE)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running_prefect(home: Path, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """Prefect's server on a free port with its database in `home`; yields the API's URL.

    `more` is its environment besides.
    """
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    command = [program("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**PREFECT_ENVIRONMENT, "PREFECT_HOME": str(home), "PREFECT_API_URL": api}
    environment.update(more or {})
    with running(command, environment, home / "server.log") as process:
        wait_for_url(f"{api}/health", process, f"Prefect's server (log: {home / 'server.log'})")
        yield api


@contextmanager
def running_sandbox_process(folder: Path, *options: str) -> Iterator[str]:
    """The sandbox on a free port; yields its base URL."""
    url_file = folder / "sandbox.url"
    folder.mkdir(parents=True, exist_ok=True)
    url_file.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "--port",
        "0",
        "--url-file",
        str(url_file),
        *options,
    ]
    with running(command, {}, folder / "sandbox.log") as process:
        deadline = time.monotonic() + STARTUP_SECONDS
        while not (url_file.exists() and url_file.read_text().strip()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise FlowError(f"The sandbox did not start; see {folder / 'sandbox.log'}.")
            time.sleep(0.05)
        yield url_file.read_text().strip()
