"""A backup while runs go on, everything lost, and everything back: rows, ledger, and who is out."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from canaries.searching import Searcher
from typer.testing import CliRunner

from flows.backfill import Exported, backfill
from flows.cli import app
from sandbox.company import InventedCompany
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from transform.pseudonyms import add_key
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
TABLES = ("chats", "statistics", "meta.days", "meta.loads", "meta.quarantine", "meta.facts")


def fill(**more: object) -> None:
    window = {"date_from": "02.02.2026", "date_to": "03.02.2026", **more}
    asyncio.run(backfill(**window))  # type: ignore[arg-type]


def content(data: Path) -> dict[str, list[str]]:
    layout = DataDirectory(data)
    return {
        table: sorted(map(repr, query_release(layout, f"FROM {table}").rows)) for table in TABLES
    }


def starts(sandbox: RunningSandbox) -> int:
    served = httpx.get(f"{sandbox.root_url}/sandbox/served", timeout=30).json()
    return sum(entry["event"] == "start" for entry in served)


def run(*command: str) -> str:
    done = CliRunner().invoke(app, list(command))
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


@pytest.mark.rehearsal
@pytest.mark.promise("personal-backup")
def test_everything_lost_comes_back_and_the_next_run_asks_for_nothing(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = start_sandbox(messages_per_day=40, faults=(Fault("impossible-date"),))
    data = sandbox_settings(sandbox, **VENDOR)
    fill(date_to="02.02.2026")
    backup = tmp_path / "backup"
    run("backup", str(backup))
    fill()
    assert "new or changed" in run("backup", str(backup))
    before, exports = content(data), starts(sandbox)
    shutil.rmtree(data)
    monkeypatch.setenv("SMARTCONNECT_TOKEN", "")
    assert "published as release 1" in run("restore", str(backup))
    assert content(data) == before
    assert {path.stat().st_mode & 0o077 for path in (data / "raw").rglob("*")} == {0}
    sandbox_settings(sandbox, **VENDOR)
    fill(only_missing=True)
    assert starts(sandbox) == exports
    run("rebuild")
    assert {t: len(rows) for t, rows in content(data).items() if t != "meta.loads"} == {
        t: len(rows) for t, rows in before.items() if t != "meta.loads"
    }


@pytest.mark.promise("personal-backup")
def test_a_damaged_or_foreign_backup_is_refused_and_nothing_is_overwritten(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=40), **VENDOR)
    fill(datasets=[Exported.chats])
    backup = tmp_path / "backup"
    run("backup", str(backup))
    lost = next((data / "raw").rglob("*.csv"))
    lost.unlink()
    assert "1 files are in the backup alone" in run("backup", str(backup))

    def refused(*command: str) -> str:
        done = CliRunner().invoke(app, list(command))
        assert done.exit_code == 1
        return " ".join(done.output.split())

    assert "within the data" in refused("backup", str(data / "backup"))
    assert "holds data" in refused("restore", str(backup))
    shutil.rmtree(data)
    assert "no whole backup" in refused("restore", str(tmp_path))
    kept = next((backup / "lake").rglob("*.parquet"))
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    assert "damaged" in refused("restore", str(backup))
    assert not (data / "state" / "warehouse.duckdb").exists()


@pytest.mark.promise("personal-backup")
def test_who_was_erased_leaves_the_backup_too_and_an_older_one_is_erased_again(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path
) -> None:
    add_key(tmp_path / "personal.key", data_root=tmp_path / "data")
    data = sandbox_settings(
        start_sandbox(messages_per_day=40),
        **VENDOR,
        PERSONAL_KEY_FILE=str(tmp_path / "personal.key"),
    )
    fill(datasets=[Exported.chats])
    new, old = tmp_path / "new", tmp_path / "old"
    run("backup", str(new))
    shutil.copytree(new, old)
    day = query_release(DataDirectory(data), "SELECT min(window_day) FROM chats").rows[0][0]
    who = InventedCompany(1, 40).sent_on(day)[0]
    looks = Searcher({"phone": who.client_phone, "name": who.client_name})
    (tmp_path / "who.txt").write_text(f"phone: {who.client_phone}", encoding="utf-8")
    run("erase", "--file", str(tmp_path / "who.txt"), "--yes")
    run("backup", str(new))
    assert looks.below(new) == {}
    suppression = (data / "state" / "suppression.json").read_bytes()
    rows = query_release(DataDirectory(data), "SELECT message_id FROM chats ORDER BY 1").rows
    shutil.rmtree(data)
    assert looks.below(old)
    run("restore", str(old))
    (data / "state" / "suppression.json").write_bytes(suppression)
    run("erase", "--again", "--yes")
    assert looks.below(data) == {}
    assert (
        query_release(DataDirectory(data), "SELECT message_id FROM chats ORDER BY 1").rows == rows
    )
