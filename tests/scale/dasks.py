"""A real Dask cluster: a scheduler and workers, each a process, by the commands of the page."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from flows.servers import free_port, program

# As worker.env has it: on Python 3.11 the profiler can stop a worker for good.
WITHOUT_PROFILER = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false"}


def require_extras(name: str = "prefect_dask") -> None:
    if importlib.util.find_spec(name) is None:
        assert not os.environ.get("REQUIRE_CLUSTER"), "make .venv/.cluster"
        pytest.skip("make .venv/.cluster installs what this needs")


class DaskCluster:
    """A scheduler; workers come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        port = self.address.rpartition(":")[2]
        self._start("scheduler", ["scheduler", "--host", "127.0.0.1", "--port", port], {})

    def worker(self, name: str, environment: Mapping[str, str] = {}) -> subprocess.Popen[bytes]:
        """A worker of sixteen threads, once it is there."""
        command = ["worker", self.address, "--name", name, "--nthreads", "16", "--no-nanny"]
        command += ["--no-dashboard", "--local-directory", str(self.folder)]
        command += ["--preload", "flows.daskworker"]
        return self._start(name, command, environment)

    def _start(
        self, name: str, words: list[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [program("dask"), *words], env={**os.environ, **WITHOUT_PROFILER, **environment},
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)
        said = b"Registered to:" if words[0] == "worker" else b"Scheduler at:"
        deadline = time.monotonic() + 60
        while said not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        return process

    def stop(self) -> None:
        for process in reversed(self._processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def running_dask(folder: Path) -> Iterator[DaskCluster]:
    """A scheduler without workers; all is stopped at the end."""
    require_extras()
    folder.mkdir(exist_ok=True)
    cluster = DaskCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
