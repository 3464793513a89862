"""What is kept no longer goes by the company's rule, and no day goes with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from flows.backfill import Exported, backfill
from flows.nightly import nightly
from flows.rebuild import rebuild_everything
from flows.settings import load_settings
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from transform.datasets import DATASETS
from warehouse.database import open_writer
from warehouse.errors import RawMissing
from warehouse.layout import DataDirectory
from warehouse.reading import query_release
from warehouse.releases import publish
from warehouse.retention import Removed, apply_retention

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
DAYS = ("2026-02-02", "2026-02-03")
ROWS = "SELECT * EXCLUDE load_id FROM chats WHERE window_day <= '2026-02-03' ORDER BY ALL"
REJECTED = "SELECT line, reason, raw FROM meta.quarantine WHERE dataset = 'chats' ORDER BY ALL"
BAD = Fault("impossible-date", date(2026, 2, 2))


def fill() -> None:
    window = {"date_from": "02.02.2026", "date_to": "03.02.2026"}
    asyncio.run(backfill(**window, datasets=[Exported.chats]))  # type: ignore[arg-type]


def shown(data: Path, sql: str) -> list[tuple[object, ...]]:
    return query_release(DataDirectory(data), sql).rows


def raw_of(data: Path, day: str) -> list[Path]:
    found = (data / "raw" / "chats" / f"{day}_{day}").glob("*")
    return [path for path in found if not path.name.endswith(".seen.json")]


def age(data: Path, days: int) -> None:
    """As if all exports had been started so much earlier."""
    for note in (data / "raw").rglob("*.seen.json"):
        told = json.loads(note.read_text())
        for seen in told["observations"]:
            earlier = datetime.fromisoformat(seen["observed_at"]) - timedelta(days=days)
            seen["observed_at"] = earlier.isoformat()
        note.write_text(json.dumps(told))


@pytest.mark.rehearsal
@pytest.mark.promise("personal-retention")
def test_a_day_whose_file_is_gone_is_kept_by_every_later_run_and_rebuild(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=40, faults=(BAD,)), **VENDOR)
    fill()
    emptied = start_sandbox(messages_per_day=40, faults=(Fault("empty-day", date(2026, 2, 3)),))
    sandbox_settings(emptied, **VENDOR)
    fill()  # 02.02. comes mended; 03.02. comes empty, is held, and may be accepted later
    before, rejected = shown(data, ROWS), shown(data, REJECTED)
    assert [len(raw_of(data, day)) for day in DAYS] == [2, 2]
    age(data, 10)
    sandbox_settings(emptied, **VENDOR, KEEP_RAW_DAYS="9")
    asyncio.run(nightly(lookback_days=1))
    assert raw_of(data, DAYS[0]) == []
    (held,) = raw_of(data, DAYS[1])
    assert shown(data, ROWS) == before
    for _ in range(2):
        report = rebuild_everything(load_settings(), lambda *_: None)
        assert not report.failures
        assert any("2 days were taken over as they were" in line for line in report.notes)
        assert shown(data, ROWS) == before
        assert shown(data, REJECTED) == rejected
    hashes = "SELECT count(*) FROM meta.removed_files WHERE window_day <= '2026-02-03'"
    assert shown(data, hashes) == [(3,)]
    assert raw_of(data, DAYS[1]) == [held]


@pytest.mark.promise("personal-retention")
def test_a_file_that_is_lost_is_no_file_that_was_removed(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=40), **VENDOR)
    fill()
    raw_of(data, DAYS[0])[0].unlink()
    with pytest.raises(RawMissing, match=r"chats of 02\.02\.2026"):
        rebuild_everything(load_settings(), lambda *_: None)


@pytest.mark.promise("personal-retention")
def test_old_rejected_records_go_and_stay_counted(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=40, faults=(BAD,)), **VENDOR)
    fill()
    assert len(shown(data, REJECTED)) == 1
    layout, schemas = DataDirectory(data), [d.arrow_schema() for d in DATASETS.values()]
    with open_writer(layout, holder="a test", wait_seconds=5, schemas=schemas) as writer:
        for days, removed in ((7, Removed()), (5, Removed(quarantine_files=1))):
            now = datetime.now(UTC) + timedelta(days=6)
            assert (
                apply_retention(writer, now, keep_raw_days=None, keep_quarantine_days=days)
                == removed
            )
        publish(writer, keep=2)
    assert shown(data, REJECTED) == []
    assert not list((data / "quarantine").rglob("*.parquet"))
    assert shown(data, "SELECT sum(rows_quarantined)::BIGINT FROM meta.loads") == [(1,)]
