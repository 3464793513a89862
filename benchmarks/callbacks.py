"""The receiver of callbacks: pace, latency and kill -9, beside a server that only acknowledges.

    python -m benchmarks.callbacks [--seconds 20] [--soak-minutes 1] [--kills-per-minute 6]

Receiver, bare server and sender are processes of their own on this machine. The soak kills the
receiver at random, starts it anew, loads what it kept while it goes on, and counts in the end:
acknowledged = loaded, 0 lost, 0 doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.sides.calling import Told, call
from flows.reading import Reading
from flows.segments import Loading, load_segments, take_inbox
from transform.datasets import DATASETS
from transform.mapping import MappingFile
from transform.suppression import Suppression
from warehouse.database import Writer, open_writer
from warehouse.layout import DataDirectory
from warehouse.tables import prepare_tables

SECRET = "secret-of-the-benchmark"
ROOT = Path(__file__).resolve().parent.parent
PACE = 500.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Receiver:
    """`smartconnect callbacks` as a process, which can be killed and started anew."""

    def __init__(self, data: Path, **more: str) -> None:
        self.port = free_port()
        self.path = f"/{SECRET}"
        settings = {
            "SANDBOX": "true",
            "DATA_DIR": str(data),
            "CALLBACK_SECRET": SECRET,
            "CALLBACK_PORT": str(self.port),
            "CALLBACK_RATE_PER_SECOND": "100000",
            "CALLBACK_SEAL_SECONDS": "1",
            **more,
        }
        self._command = [sys.executable, "-m", "flows.cli", "callbacks"]
        self._environment = {f"SMARTCONNECT_{name}": value for name, value in settings.items()}
        self.start()

    def start(self) -> None:
        environment = {**os.environ, **self._environment, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            self._command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )
        wait_for_port(self.port, self.process)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"a server ended with code {process.returncode}")


@contextmanager
def bare_server() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.sides.calling", "bare", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for_port(port, process)
        yield port, process
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def writing(layout: DataDirectory) -> Iterator[Writer]:
    schemas = [dataset.arrow_schema() for dataset in DATASETS.values()]
    with open_writer(layout, holder="callbacks", wait_seconds=60, schemas=schemas) as writer:
        prepare_tables(writer)
        yield writer


def ingest(layout: DataDirectory, writer: Writer) -> None:
    """What the flow does, without Prefect."""
    reading = Reading("Europe/Moscow", "unknown", MappingFile())
    take_inbox(layout, Suppression(), ZoneInfo("Europe/Moscow"))
    load_segments(writer, Loading(layout, reading, ""))


@dataclass(frozen=True)
class Counted:
    """What a soak came to."""

    acknowledged: int
    loaded: int
    lost: int
    doubled: int
    kills: int
    broken: int
    ledger_differs: int


def soak(
    data: Path, seconds: float, kills: int, seed: int, *, per_second: float | None = PACE
) -> Counted:
    """Load with kills at random, and segments loaded meanwhile; then count."""
    layout, draw = DataDirectory(data), random.Random(seed)
    layout.initialise("sandbox")
    receiver, ended = Receiver(data), threading.Event()
    told: list[Told] = []
    sender = threading.Thread(
        target=lambda: told.append(
            asyncio.run(
                call(
                    receiver.port,
                    receiver.path,
                    range(10**9),
                    per_second=per_second,
                    stop=ended.is_set,
                )
            )
        )
    )
    sender.start()
    began = time.monotonic()
    for moment in sorted(draw.uniform(0.3, seconds) for _ in range(kills)):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        receiver.kill()
        if draw.random() < 0.3:
            with writing(layout) as writer:
                ingest(layout, writer)
        receiver.start()
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    ended.set()
    sender.join()
    receiver.stop()
    with writing(layout) as writer:
        ingest(layout, writer)
        return count(writer, told[0], kills)


def count(writer: Writer, told: Told, kills: int) -> Counted:
    rows = writer.connection.execute("SELECT message_id::BIGINT FROM incoming_messages").fetchall()
    ids = [int(row[0]) for row in rows]
    ledger = writer.connection.execute(
        """SELECT sum(loaded) - (SELECT count(*) FROM incoming_messages)
                  + sum(abs(records - loaded - duplicates - quarantined))
           FROM meta.inbox_segments"""
    ).fetchone()
    return Counted(
        acknowledged=len(told.acknowledged),
        loaded=len(ids),
        lost=len(told.acknowledged - set(ids)),
        doubled=len(ids) - len(set(ids)),
        kills=kills,
        broken=told.broken,
        ledger_differs=int(ledger[0]) if ledger and ledger[0] is not None else 0,
    )


def measure(port: int, path: str, process: subprocess.Popen[bytes], seconds: float) -> str:
    """At the promised pace, then as fast as it goes."""
    asyncio.run(call(port, path, range(500)))  # warm
    before = cpu_seconds(process)
    paced = asyncio.run(call(port, path, range(1000, 1000 + int(PACE * seconds)), per_second=PACE))
    spent = cpu_seconds(process) - before
    began = time.monotonic()
    fast = asyncio.run(call(port, path, range(10**6, 10**6 + 10_000)))
    most = len(fast.acknowledged) / (time.monotonic() - began)
    return (
        f"{paced.percentile(0.5) * 1000:.1f} | {paced.percentile(0.99) * 1000:.1f} | "
        f"{max(paced.seconds) * 1000:.0f} | {spent / seconds:.2f} | {most:,.0f}"
    )


def disk(folder: Path) -> str:
    """What one fdatasync costs here and now, by itself."""
    spent = []
    with (folder / "probe").open("ab", buffering=0) as file:
        for _ in range(300):
            file.write(b"x" * 2000)
            began = time.monotonic()
            os.fdatasync(file.fileno())
            spent.append((time.monotonic() - began) * 1000)
    spent.sort()
    return f"p50 {spent[150]:.1f} ms, p99 {spent[297]:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--soak-minutes", type=float, default=1.0)
    parser.add_argument("--kills-per-minute", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("| server | p50 ms at 500/s | p99 ms | max ms | CPU, of one core | most per second |")
    print("|---|---|---|---|---|---|")
    with bare_server() as (port, process):
        print(f"| only acknowledges | {measure(port, '/x', process, given.seconds)} |")
    with tempfile.TemporaryDirectory() as folder:
        receiver = Receiver(Path(folder) / "data")
        told = measure(receiver.port, receiver.path, receiver.process, given.seconds)
        receiver.stop()
        print(f"| receiver, fsynced | {told} |", flush=True)
        load = " ".join(f"{value:.1f}" for value in os.getloadavg()[:1])
        print(f"\nOne fdatasync by itself: {disk(Path(folder))}; load average {load}")
    if given.soak_minutes > 0:
        with tempfile.TemporaryDirectory() as folder:
            kills = round(given.kills_per_minute * given.soak_minutes)
            counted = soak(Path(folder) / "data", given.soak_minutes * 60, kills, given.seed)
            print(f"\nSoak of {given.soak_minutes:g} minutes at {PACE:g}/s: {counted}")
            if counted.lost or counted.doubled or counted.ledger_differs:
                raise SystemExit(1)


if __name__ == "__main__":
    main()
