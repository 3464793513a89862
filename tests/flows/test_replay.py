"""What is kept in raw/ makes a day, or everything, again: the same rows, as old as their export."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import httpx
import pytest
from typer.testing import CliRunner

from flows.backfill import backfill
from flows.cli import app
from flows.errors import DaysFailed, RebuildRefused
from flows.rebuild import rebuild_everything
from flows.settings import load_settings
from flows.summary import RunReport
from flows.users import snapshot_users_flow
from sandbox.options import ColumnChange, Fault
from sandbox.server import RunningSandbox
from warehouse.errors import HashMismatch, NothingKept, RawMissing
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]

KNOWN_VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
NOWHERE = "http://127.0.0.1:9/api"  # nothing listens there: a call would fail
TABLES = ("chats", "statistics", "users", "users_history", "user_snapshots", "meta.quarantine")
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]


def fill(**more: object) -> None:
    window = {"date_from": "02.02.2026", "date_to": "04.02.2026", **more}
    asyncio.run(backfill(**window))  # type: ignore[arg-type]


def rebuild() -> RunReport:
    return rebuild_everything(load_settings(), lambda *_: None)


def shown(data: Path, sql: str) -> list[tuple[object, ...]]:
    return query_release(DataDirectory(data), sql).rows


def content(data: Path, beside: str = "load_id") -> dict[str, tuple[int, str]]:
    """Each table's rows, counted and hashed; which load brought them is not their content."""
    found, names = {}, ", ".join(f"'{name}'" for name in beside.split())
    for table in TABLES:
        rows = sorted(
            map(repr, shown(data, f"SELECT COLUMNS(lambda c: c NOT IN ({names})) FROM {table}"))
        )
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        found[table] = (len(rows), digest)
    return found


def starts(sandbox: RunningSandbox) -> int:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return sum(entry["event"] == "start" for entry in served)


def raw_file(data: Path, day: str = "2026-02-03") -> Path:
    (found,) = (data / "raw" / "chats" / f"{day}_{day}").glob("*.csv")
    return found


def days_of_the_writer(data: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(data / "state/warehouse.duckdb"), read_only=True) as database:
        return database.execute(
            "SELECT *, (FROM meta.revision) FROM meta.days ORDER BY ALL"
        ).fetchall()


def damage(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3] + b"???")


def lake_files(data: Path) -> set[str]:
    return {str(path.relative_to(data)) for path in (data / "lake").glob("*/*/*.parquet")}


def needed_files(data: Path) -> set[str]:
    return {str(row[0]) for row in shown(data, "SELECT lake_file FROM meta.days")}


@pytest.fixture
def filled(start_sandbox: Start, sandbox_settings: Point) -> Path:
    """Three days of both exports, one record quarantined, a second look, and two users lists."""
    faults = (Fault("impossible-date", date(2026, 2, 3)),)
    first = start_sandbox(messages_per_day=40, faults=faults, today=date(2026, 2, 10))
    data = sandbox_settings(first, **KNOWN_VENDOR)
    fill()
    fill()
    asyncio.run(snapshot_users_flow())
    later = start_sandbox(messages_per_day=40, faults=faults, today=date(2026, 9, 10))
    sandbox_settings(later, **KNOWN_VENDOR)
    asyncio.run(snapshot_users_flow())
    return data


def test_a_mapping_mends_a_day_from_its_kept_file_without_an_export(
    start_sandbox: Start, sandbox_settings: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = ColumnChange("Что сказано", old="Текст сообщения", since=date(2026, 2, 3))
    sandbox = start_sandbox(messages_per_day=40, column_changes=(renamed,))
    data = sandbox_settings(sandbox, **KNOWN_VENDOR)
    with pytest.raises(DaysFailed, match="2 of 3 days failed"):
        fill(datasets=["chats"])
    exports, ended = starts(sandbox), shown(data, "SELECT max(loaded_at) FROM meta.loads")
    Path("mapping.toml").write_text('[chats.columns]\n"Что сказано" = "text"\n', "utf-8")
    monkeypatch.setenv("SMARTCONNECT_TOKEN", "")
    monkeypatch.setenv("SMARTCONNECT_BASE_URL", NOWHERE)
    fill(datasets=["chats"], from_raw=True)
    assert starts(sandbox) == exports
    truth = httpx.get(
        f"{sandbox.root_url}/sandbox/truth",
        params={"date_from": "02.02.2026", "date_to": "04.02.2026", "selection": "message"},
        timeout=30,
    ).json()
    counts = "SELECT window_day::VARCHAR, count(*) FROM chats GROUP BY 1 ORDER BY 1"
    assert shown(data, counts) == [(day["day"], day["count"]) for day in truth]
    told = "SELECT count(*), max(observed_at) FROM meta.loads WHERE source = 'raw'"
    ((replayed, observed_at),) = shown(data, told)
    assert replayed == 3
    assert observed_at < ended[0][0]  # type: ignore[operator]
    assert shown(data, "SELECT max(observed_at) FROM chats") == [(observed_at,)]


def test_a_kept_file_never_beats_a_fresher_one(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=30), **KNOWN_VENDOR)
    fill(datasets=["chats"])
    sandbox_settings(start_sandbox(messages_per_day=60), **KNOWN_VENDOR)
    fill(datasets=["chats"])
    before = content(data)
    fill(datasets=["chats"], from_raw=True, force=True)
    assert content(data) == before


def test_a_held_file_is_taken_from_raw_once_it_is_accepted(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=40), **KNOWN_VENDOR)
    fill(datasets=["chats"])
    emptied = start_sandbox(messages_per_day=40, faults=(Fault("empty-day", date(2026, 2, 3)),))
    sandbox_settings(emptied, **KNOWN_VENDOR)
    fill(datasets=["chats"])
    day = "SELECT count(*) FROM chats WHERE window_day = '2026-02-03'"
    fill(datasets=["chats"], from_raw=True)
    assert shown(data, day) != [(0,)]
    fill(datasets=["chats"], from_raw=True, accept_smaller=True)
    assert shown(data, day) == [(0,)]


def test_a_day_of_which_nothing_is_kept_says_so(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox_settings(start_sandbox(), **KNOWN_VENDOR)
    with pytest.raises(DaysFailed, match=r"chats of 02\.02\.2026: no file is kept in raw/"):
        fill(datasets=["chats"], from_raw=True)


def test_a_dry_run_from_raw_says_what_is_kept_and_needs_no_token(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_TOKEN", "")
    before = (filled / "current").resolve()
    fill(from_raw=True, dry_run=True)
    assert (filled / "current").resolve() == before


@pytest.mark.promise("disk-raw-corrupted")
def test_a_damaged_file_is_refused_and_costs_its_day_alone(filled: Path) -> None:
    before = content(filled, "load_id observed_at")
    damage(raw_file(filled))
    with pytest.raises(DaysFailed, match="1 of 3 days failed") as failed:
        fill(datasets=["chats"], from_raw=True, force=True)
    assert "chats of 03.02.2026" in str(failed.value)
    assert "was damaged after its download" in str(failed.value)
    assert content(filled, "load_id observed_at") == before


def test_a_rebuild_makes_the_same_content_while_a_reader_goes_on(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(filled)
    assert all(rows for rows, _ in before.values()), before
    assert before["users_history"][0] > before["users"][0]
    monkeypatch.setenv("SMARTCONNECT_TOKEN", "")
    monkeypatch.setenv("SMARTCONNECT_BASE_URL", NOWHERE)
    release = (filled / "current").resolve()
    ledger = shown(filled, "SELECT count(*) FROM meta.loads")
    with duckdb.connect(str(release / "warehouse.duckdb"), read_only=True) as reader:
        report = rebuild()
        assert reader.execute("SELECT count(*) FROM chats").fetchone() == (before["chats"][0],)
    assert not report.failures
    assert (filled / "current").resolve() != release
    assert content(filled) == before
    assert shown(filled, "SELECT count(*) FROM meta.loads WHERE source <> 'raw'") == ledger
    assert lake_files(filled) == needed_files(filled)
    assert not (filled / "state" / "rebuild").exists()


def test_messages_that_came_with_several_days_are_shown_once_after_a_rebuild_too(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(messages_per_day=60, selection="thread")
    data = sandbox_settings(sandbox, DATE_TO="inclusive", SELECTION="thread")
    fill(datasets=["chats"])
    fill(datasets=["chats"], date_from="03.02.2026", date_to="03.02.2026", force=True)
    sql = "SELECT * EXCLUDE load_id FROM chats ORDER BY ALL"
    hidden = "SELECT window_day, rows, rows_hidden, observed_at FROM meta.days ORDER BY 1"
    before = shown(data, sql), shown(data, hidden)
    rebuild()
    assert (shown(data, sql), shown(data, hidden)) == before


def test_the_command_says_what_it_did_or_that_nothing_was_changed(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_TOKEN", "")
    done = CliRunner().invoke(app, ["rebuild"])
    assert done.exit_code == 0, done.output
    assert "published as release" in done.output
    damage(raw_file(filled))
    done = CliRunner().invoke(app, ["rebuild"])
    assert done.exit_code == 1
    assert "Nothing was changed." in done.output
    assert "was damaged after its download" in " ".join(done.output.split())


def test_why_records_were_quarantined_is_counted_in_the_ledger(filled: Path) -> None:
    counted = "SELECT DISTINCT reasons FROM meta.loads WHERE rows_quarantined > 0"
    assert shown(filled, counted) == [('{"sent_at: a day that does not exist": 1}',)]


def test_without_database_and_lake_a_rebuild_makes_all_of_it_again(filled: Path) -> None:
    before = content(filled)
    subprocess.run(["rm", "-rf", filled / "lake", filled / "state/warehouse.duckdb"], check=True)
    rebuild()
    assert content(filled) == before
    assert lake_files(filled) == needed_files(filled)


@pytest.mark.promise("disk-raw-corrupted")
def test_a_rebuild_that_meets_a_damaged_or_missing_file_changes_nothing(filled: Path) -> None:
    before, database = content(filled), days_of_the_writer(filled)
    file = raw_file(filled)
    whole = file.read_bytes()
    damage(file)
    with pytest.raises(HashMismatch):
        rebuild()
    file.unlink()
    with pytest.raises(RawMissing, match=r"chats of 03\.02\.2026"):
        rebuild()
    file.write_bytes(whole)
    Path("mapping.toml").write_text('[chats.columns]\n"Текст сообщения" = "extra"\n', "utf-8")
    with pytest.raises(RebuildRefused, match=r"chats of 0\d\.02\.2026 was loaded before"):
        rebuild()
    assert days_of_the_writer(filled) == database
    assert content(filled) == before
    assert lake_files(filled) == needed_files(filled)


KILLED = """
import os, signal, pathlib
from flows.rebuild import rebuild_everything
from flows.settings import load_settings
replace = pathlib.Path.replace
def killed(path, target):
    if path.name == "warehouse.duckdb" and "{when}" == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    replace(path, target)
    if path.name == "warehouse.duckdb":
        os.kill(os.getpid(), signal.SIGKILL)
pathlib.Path.replace = killed
rebuild_everything(load_settings(), lambda *_: None)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rebuild_killed_at_its_swap_leaves_one_whole_warehouse(filled: Path, when: str) -> None:
    before = content(filled)
    code = KILLED.format(when=when)
    done = subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    assert (filled / "state" / "rebuild").exists()
    assert content(filled) == before
    fill()
    assert content(filled) == before
    assert not rebuild().failures
    assert content(filled) == before
    assert lake_files(filled) == needed_files(filled)


def test_there_is_nothing_to_rebuild_before_the_first_run(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox_settings(start_sandbox())
    with pytest.raises(NothingKept, match="run a nightly or a backfill"):
        rebuild()
