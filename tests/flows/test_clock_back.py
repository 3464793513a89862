"""Whole runs on a machine whose clock was set back: fresher exports are shown all the same, and
what a dead run had started is taken up.

The clock of a process is moved by a library loaded before libc, so that nothing of ours can tell.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_URL

from flows.backfill import backfill
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.promise("process-clock-back"),
    pytest.mark.skipif(COMPILER is None, reason="no C compiler: the clock can't be moved"),
]
DAYS = ("02.02.2026", "03.02.2026")
JOBS = 4  # two days of two data sets
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
TWO_HOURS_BACK = -7200
OUTCOMES = "SELECT outcome, count(*) FROM meta.loads GROUP BY ALL ORDER BY ALL"


@pytest.fixture(scope="module")
def clock_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock_shim.c")
    command = [str(COMPILER), "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


@contextmanager
def run_at(offset_seconds: int, library: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A backfill in a process of its own, on a clock that is off."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "PREFECT_HOME": str(log.parent / "prefect"),
        "LD_PRELOAD": str(library),
        "CLOCK_OFFSET_SECONDS": str(offset_seconds),
    }
    command = [sys.executable, str(Path(__file__).with_name("killed_run.py")), *DAYS]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def fill() -> None:
    asyncio.run(backfill(date_from=DAYS[0], date_to=DAYS[1]))  # type: ignore[arg-type]


def starts(sandbox: RunningSandbox) -> int:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return sum(entry["event"] == "start" for entry in served)


def truth(sandbox: RunningSandbox) -> int:
    query = {"date_from": DAYS[0], "date_to": DAYS[1], "selection": "message"}
    days = httpx.get(f"{sandbox.root_url}/sandbox/truth", params=query, timeout=30).json()
    return sum(int(day["count"]) for day in days)


def shown(data: Path) -> int:
    found = query_release(DataDirectory(data), "SELECT count(*) FROM chats").rows
    return int(str(found[0][0]))


@pytest.mark.rehearsal
def test_what_comes_after_the_clock_was_set_back_is_what_readers_see(
    clock_library: Path,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    tmp_path: Path,
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=30), **VENDOR)
    fill()
    later = start_sandbox(messages_per_day=50, export_seconds=2)
    sandbox_settings(later, **VENDOR)
    log = tmp_path / "run.log"
    with run_at(TWO_HOURS_BACK, clock_library, log) as process:
        deadline = time.monotonic() + 60
        while len(list((data / "state" / "journal").glob("*.json"))) < JOBS:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    with run_at(TWO_HOURS_BACK, clock_library, log) as process:
        assert process.wait(90) == 0, log.read_text()
    assert "the clock was set back" in log.read_text()
    assert starts(later) == JOBS  # the second run took up what the first had started
    assert shown(data) == truth(later) > 60
    assert query_release(DataDirectory(data), OUTCOMES).rows == [("loaded", 2 * JOBS)]
