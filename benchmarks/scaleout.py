"""A backfill on three workers of a Dask cluster with 48 exports at once, against one process with
16: what a company gains whose vendor allows more at once.

The exports take as long as they are told to, and all processes share this machine's processors.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from rich.table import Table

from benchmarks.measure import Measured, run_side
from benchmarks.table import MIB, console, judge
from benchmarks.waiting import DATASETS, FIRST_DAY, surroundings
from flows.servers import (
    free_port,
    program,
    running,
    running_prefect,
    running_sandbox_process,
    wait_for_url,
)

FASTER = 2.7
WORKERS, THREADS = 3, 32
ONE, THREE = 16, 48
SLACK_SECONDS = 600.0


def run(
    folder: Path,
    *,
    days: int,
    export_seconds: float,
    messages_per_day: int,
    say: Callable[[str], None],
) -> bool:
    """Back-fill `days` days of both datasets both ways.

    Returns:
        Whether three workers are as much faster as they have to be, from the flow's start to its
        end, publication included.
    """
    one = _backfill(folder / "one", days, export_seconds, messages_per_day, ONE, say)
    three = _backfill(folder / "three", days, export_seconds, messages_per_day, THREE, say)
    exports = days * DATASETS
    table = Table(title=f"{exports} exports of {export_seconds:g} s")
    for heading in ("", "ideal s", "flow s", "CPU s of the flow", "peak MiB of the flow"):
        table.add_column(heading, justify="right")
    for name, at_once, measured in (("one process", ONE, one), ("three workers", THREE, three)):
        table.add_row(
            f"{name}, {at_once} at once",
            f"{-(-exports // at_once) * export_seconds:.1f}",
            f"{measured.told['flow_seconds']:.1f}",
            f"{measured.cpu_seconds:.1f}",
            f"{measured.peak_bytes / MIB:.0f}",
        )
    console.print(table)
    faster = float(one.told["flow_seconds"]) / float(three.told["flow_seconds"])
    return judge("three workers take a part of", 1 / faster, 1 / FASTER)


def _backfill(
    folder: Path,
    days: int,
    export_seconds: float,
    messages_per_day: int,
    at_once: int,
    say: Callable[[str], None],
) -> Measured:
    options = (
        f"--export-seconds={export_seconds}",
        f"--max-running={at_once}",
        f"--messages-per-day={messages_per_day}",
        "--token=benchmark",
    )
    last = FIRST_DAY + timedelta(days=days - 1)
    with ExitStack() as stack:
        api = stack.enter_context(running_prefect(folder / "prefect"))
        base_url = stack.enter_context(running_sandbox_process(folder / "sandbox", *options))
        environment = surroundings(folder, api, base_url, at_once)
        if at_once == THREE:
            environment |= stack.enter_context(_dask(folder / "dask", environment))
        os.environ.update(environment)
        say(f"{days} days, {at_once} exports at once")
        rounds = -(-days * DATASETS // at_once)
        return run_side(
            "backfilled",
            f"{FIRST_DAY:%d.%m.%Y}",
            f"{last:%d.%m.%Y}",
            deadline_seconds=rounds * export_seconds * 2 + SLACK_SECONDS,
        )


@contextmanager
def _dask(folder: Path, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """A scheduler and three workers; what a flow needs to find them."""
    environment = {**environment, "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false"}
    port, pages = free_port(), free_port()
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        listen = ["--host", "127.0.0.1", "--port", str(port)]
        listen += ["--dashboard-address", f"127.0.0.1:{pages}"]
        command = [program("dask"), "scheduler", *listen]
        process = stack.enter_context(running(command, environment, folder / "scheduler.log"))
        wait_for_url(f"http://127.0.0.1:{pages}/health", process, "Dask's scheduler")
        for number in range(WORKERS):
            command = [program("dask"), "worker", address, "--nthreads", str(THREADS)]
            command += ["--no-nanny", "--no-dashboard", "--memory-limit", "0"]
            command += [
                "--preload",
                "flows.daskworker",
                "--local-directory",
                str(folder / str(number)),
            ]
            log = folder / f"worker-{number}.log"
            stack.enter_context(running(command, environment, log))
            while b"Registered to:" not in log.read_bytes():
                time.sleep(0.1)
        yield {"SMARTCONNECT_TASK_RUNNER": "dask", "SMARTCONNECT_CLUSTER_ADDRESS": address}
