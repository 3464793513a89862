"""kill -9 of a whole run, anywhere: the next run ends with what an undisturbed one has, waits for
the exports that were under way instead of starting them again, and readers never see half a thing.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import httpx
import pytest
from crashing.points import points
from prefect.settings import PREFECT_API_URL

from flows.backfill import backfill
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.published import current_release
from warehouse.reading import query_release

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
]
DAYS = ("02.02.2026", "05.02.2026")
JOBS = 8  # four days of two data sets
COMPANY = {"messages_per_day": 60, "selection": "thread"}
KNOWN_VENDOR = {"DATE_TO": "inclusive", "SELECTION": "thread", "EXPORT_JOBS": "8"}
CHATS, STATISTICS = (
    f"SELECT * EXCLUDE (load_id, observed_at) FROM {name} ORDER BY ALL"
    for name in ("chats", "statistics")
)
LEDGER = """
    SELECT dataset, window_day, rows, rows_duplicate, rows_hidden, rows_without_id, file_sha256,
           contract_version, first_id, last_id
    FROM meta.days ORDER BY dataset, window_day"""
# In the order in which a run passes them, each from what the kill before it left.
POINTS = [
    ("extract.claims.journalled", "2"),
    ("warehouse.loading.ledger-written", "3"),
    ("warehouse.releases.link-made", "1"),
]
Content = dict[str, list[tuple[object, ...]]]
Point = Callable[..., Path]
Ready = Callable[[], bool]


def fill(*days: str) -> None:
    date_from, date_to = days or DAYS
    asyncio.run(backfill(date_from=date_from, date_to=date_to))  # type: ignore[arg-type]


def parquet_rows(data: Path, dataset: str) -> list[tuple[object, ...]]:
    """The published rows of a data set, in an order of their own."""
    files = (data / "current").resolve() / "parquet" / dataset / "*" / "part.parquet"
    source = f"read_parquet('{files}', hive_partitioning = true)"
    with duckdb.connect() as connection:
        kept = f"SELECT * EXCLUDE (load_id, observed_at) FROM {source} ORDER BY ALL"
        return connection.execute(kept).fetchall()


def content(data: Path) -> Content:
    """All that readers see, but for the names of loads and the times they were made."""
    layout = DataDirectory(data)
    shown = {
        name: query_release(layout, sql).rows
        for name, sql in {"chats": CHATS, "statistics": STATISTICS, "ledger": LEDGER}.items()
    }
    for name in ("chats", "statistics"):
        assert parquet_rows(data, name) == shown[name]
    return shown


def starts(sandbox: RunningSandbox) -> Counter[str]:
    """Exports started, by their journal's name."""
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return Counter(
        f"{entry['kind']}_{entry['date_from']}_{entry['date_to']}"
        for entry in served
        if entry["event"] == "start"
    )


def under_way(data: Path) -> set[str]:
    """The exports whose task_id is in the journal."""
    return {path.stem for path in (data / "state" / "journal").glob("*.json")}


def loads_so_far(data: Path, beside: Path) -> int:
    """Ledger rows committed by now, read from a copy: a reader of the original would lock it."""
    beside.mkdir(exist_ok=True)
    with suppress(OSError, duckdb.Error):
        for path in (data / "state").glob("warehouse.duckdb*"):
            shutil.copyfile(path, beside / path.name)
        with duckdb.connect(str(beside / "warehouse.duckdb"), read_only=True) as connection:
            row = connection.execute("SELECT count(*) FROM meta.loads").fetchone()
            return row[0] if row else 0
    return 0


@contextmanager
def started_run(tmp_path: Path, *point: str) -> Iterator[subprocess.Popen[bytes]]:
    """A backfill in a process of its own against the tests' Prefect server."""
    script = Path(__file__).with_name("killed_run.py")
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "PREFECT_HOME": str(tmp_path / "prefect"),
    }
    with (tmp_path / "run.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(script), *DAYS, *point],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def kill_when(process: subprocess.Popen[bytes], ready: Ready) -> None:
    """SIGKILL as soon as `ready` says so."""
    wait_until(process, ready)
    process.kill()
    assert process.wait() == -9


def wait_until(process: subprocess.Popen[bytes], ready: Ready) -> None:
    """Look every few milliseconds; the run must not end before."""
    deadline = time.monotonic() + 90
    while not ready():
        assert process.poll() is None, "the run ended before it could be killed: see run.log"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Content]:
    return {}


@pytest.fixture
def expected(
    undisturbed: dict[str, Content],
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Point,
    tmp_path: Path,
) -> Content:
    """What a run that nobody kills ends with; made once."""
    if "content" not in undisturbed:
        data = tmp_path / "undisturbed"
        sandbox_settings(start_sandbox(**COMPANY), **KNOWN_VENDOR, DATA_DIR=str(data))
        fill()
        undisturbed["content"] = content(data)
        assert len(undisturbed["content"]["chats"]) > 150
    return undisturbed["content"]


@pytest.mark.promise("process-crash-points")
@pytest.mark.parametrize("jobs", [JOBS, 3], ids=["all-waiting", "some-waiting"])
def test_killed_while_it_waits_for_exports_a_run_starts_none_of_them_again(
    jobs: int,
    expected: Content,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Point,
    tmp_path: Path,
) -> None:
    sandbox = start_sandbox(**COMPANY, export_seconds=3)
    data = sandbox_settings(sandbox, **KNOWN_VENDOR | {"EXPORT_JOBS": str(jobs)})
    with started_run(tmp_path) as process:
        kill_when(process, lambda: len(under_way(data)) == jobs)
    assert sum(starts(sandbox).values()) == jobs
    assert not (data / "current").exists()
    sandbox_settings(sandbox, **KNOWN_VENDOR)
    fill()
    assert set(starts(sandbox).values()) == {1}
    assert sum(starts(sandbox).values()) == JOBS
    assert content(data) == expected
    assert not under_way(data)


def after_the_kill(data: Path, sandbox: RunningSandbox, expected: Content) -> None:
    """The next run makes all good, and starts no export that was under way a second time."""
    waiting, before = under_way(data), starts(sandbox)
    fill()
    assert content(data) == expected
    assert all(starts(sandbox)[name] == before[name] for name in waiting)
    assert not under_way(data)


@pytest.mark.promise("process-crash-points")
@pytest.mark.parametrize("loads", [1, 4])
def test_killed_between_days_that_it_loads_a_run_is_finished_by_the_next(
    loads: int,
    expected: Content,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Point,
    tmp_path: Path,
) -> None:
    sandbox = start_sandbox(**COMPANY, export_seconds=0.25, max_running=1)
    data = sandbox_settings(sandbox, **KNOWN_VENDOR)
    with started_run(tmp_path) as process:
        kill_when(process, lambda: loads_so_far(data, tmp_path / "copy") >= loads)
    assert not (data / "current").exists()
    after_the_kill(data, sandbox, expected)


@pytest.mark.promise("process-crash-points")
def test_killed_at_a_point_of_a_whole_run_it_publishes_nothing_half_and_leaves_nothing_to_repair(
    long_run: bool,
    expected: Content,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Point,
    tmp_path: Path,
) -> None:
    """Every point, one after the other, with `LONG=1`; without Prefect: tests/crashes."""
    sandbox = start_sandbox(**COMPANY)
    data = sandbox_settings(sandbox, **KNOWN_VENDOR)
    fill("02.02.2026", "03.02.2026")
    earlier, kills = content(data), 0
    wanted = [(str(effect.point), "1") for effect in points()] if long_run else POINTS
    for point in wanted:
        with started_run(tmp_path, *point) as process:
            code = process.wait(90)
        assert code in (0, -9), (tmp_path / "run.log").read_text()
        kills += code == -9
        release = current_release(DataDirectory(data))
        assert release is not None
        assert content(data) == (earlier if release.number == 1 else expected)
        if long_run:
            after_the_kill(data, sandbox, expected)
    after_the_kill(data, sandbox, expected)
    assert kills == len(wanted) or (long_run and kills > 50)


@pytest.mark.promise("process-random-kills")
def test_killed_at_random_moments_again_and_again_a_run_loses_nothing(
    long_run: bool,
    expected: Content,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Point,
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(10**6))
    print(f"KILL_SEED={seed}")
    moments = random.Random(seed)
    sandbox = start_sandbox(**COMPANY, export_seconds=0.2, max_running=2)
    data = sandbox_settings(sandbox, **KNOWN_VENDOR)
    for _ in range(8 if long_run else 2):
        (data / "state" / "writer.holder").unlink(missing_ok=True)
        with started_run(tmp_path) as process:
            wait_until(process, (data / "state" / "writer.holder").exists)
            with suppress(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0, 2.5))
            process.kill()
    after_the_kill(data, sandbox, expected)
