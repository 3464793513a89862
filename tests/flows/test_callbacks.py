"""From the vendor's POST to the published row: once each, in any order, and never into chats."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from extract.inbox import Inbox
from extract.inboxsegments import Received
from flows.backfill import backfill
from flows.callbackcheck import callback_warnings as warned
from flows.callbacks import ingest_callbacks_flow
from flows.cli import app
from flows.rebuild import rebuild_everything
from flows.settings import load_settings
from sandbox.server import RunningSandbox
from transform.pseudonyms import add_key
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)


def message(number: int, **more: object) -> dict[str, object]:
    return {
        "channel_account_id": 101,
        "thread_id": f"t-{number % 5}",
        "message": f"Текст {number}",
        "message_id": number,
        "time": int(NOW.timestamp()) - 3600 * (number % 60),
        **more,
    }


def received(body: object, minutes: float = 0.0, *, form: bool = False) -> Received:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Received(NOW + timedelta(minutes=minutes), form, content)


def fill(data: Path, *segments: list[Received]) -> None:
    layout = DataDirectory(data)
    layout.initialise("sandbox")

    async def keep(those: list[Received]) -> None:
        async with Inbox(layout.inbox, seal_seconds=60, seal_bytes=10**7) as inbox:
            await asyncio.gather(*map(inbox.keep, those))

    for those in segments:
        asyncio.run(keep(those))


def ingest() -> None:
    asyncio.run(ingest_callbacks_flow())


def ask(data: Path, sql: str) -> list[tuple[Any, ...]]:
    return query_release(DataDirectory(data), sql).rows


@pytest.fixture
def data(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> Path:
    return sandbox_settings(start_sandbox(messages_per_day=10))


@pytest.mark.promise("callback-loaded", "callback-repeated", "callback-out-of-order")
def test_every_message_is_loaded_once_in_whatever_order_and_number_it_comes(data: Path) -> None:
    draw = random.Random(4)
    for part in range(3):
        came = [message(draw.randrange(80)) for _ in range(60)]
        came += [message(number) for number in range(part, 80, 3)]
        draw.shuffle(came)
        fill(data, [received(body, part) for body in came[:50]], [received(b) for b in came[50:]])
        ingest()
    rows = ask(data, "SELECT message_id::INT, text FROM incoming_messages ORDER BY 1")
    assert rows == [(number, f"Текст {number}") for number in range(80)]
    [told] = ask(
        data, "SELECT sum(records), sum(loaded), sum(quarantined) FROM meta.inbox_segments"
    )
    assert told == (3 * 60 + 80, 80, 0)
    assert not list((data / "inbox").iterdir())
    files = pyarrow.dataset.dataset(
        (data / "current").resolve() / "parquet" / "incoming_messages", partitioning="hive"
    )
    assert sorted(files.to_table().column("message_id").to_pylist()) == sorted(map(str, range(80)))
    lake = ask(data, "SELECT lake_file FROM meta.days WHERE dataset = 'incoming_messages'")
    assert sum(pq.read_metadata(data / str(row[0])).num_rows for row in lake) == 80
    balance = "SELECT count_if(rows_read <> rows_loaded + rows_duplicate + rows_quarantined)"
    assert ask(data, f"{balance} FROM meta.loads") == [(0,)]
    release = (data / "current").resolve()
    ingest()
    assert (data / "current").resolve() == release


@pytest.mark.promise("callback-impossible")
def test_what_cannot_be_a_message_is_quarantined_with_its_reason(data: Path) -> None:
    now, impossible = int(NOW.timestamp()), "time: impossible as Unix seconds"
    wrong: list[tuple[str, object]] = [
        ("time: missing", message(1, time=None)),
        ("time: not Unix seconds", message(2, time="yesterday")),
        (impossible, message(3, time=now * 1000)),
        (impossible, message(4, time=5)),
        (impossible, message(5, time=now + 2 * 86_400)),
        ("message_id: not an id", message(6, message_id=[1])),
        ("thread_id: not an id", message(7, thread_id="a\nb")),
    ]
    form = b"message_id=6&thread_id=t&message=%D0%94%D0%B0&time=1770000000&channel_account_id=1"
    kept_aside = Received(NOW, False, b"\xff{", "neither a JSON object nor a form")
    fill(data, [*(received(body) for _, body in wrong), received(form, form=True), kept_aside])
    ingest()
    [row] = ask(data, "SELECT * EXCLUDE (load_id) FROM incoming_messages")
    at = datetime.fromtimestamp(1770000000, UTC)
    local = at.replace(tzinfo=None) + timedelta(hours=3)
    assert row[:8] == ("6", "t", local, at, local.date(), NOW, "1", "Да")
    told = ask(data, "SELECT reason, raw IS NOT NULL FROM meta.quarantine ORDER BY line")
    assert told == [
        (reason, True)
        for reason in [*(reason for reason, _ in wrong), "neither a JSON object nor a form"]
    ]
    [counts] = ask(data, "SELECT records, loaded, quarantined, torn FROM meta.inbox_segments")
    assert counts == (9, 1, 8, 0)


@pytest.mark.promise("callback-repeated")
def test_another_message_with_a_known_id_is_quarantined_and_the_first_stays(data: Path) -> None:
    fill(data, [received(message(1)), received(message(1, message="Подделка"), 1)])
    ingest()
    fill(data, [received(message(1, thread_id="other"), 2), received(message(1), 3)])
    ingest()
    assert ask(data, "SELECT text, chat_id FROM incoming_messages") == [("Текст 1", "t-1")]
    assert ask(data, "SELECT DISTINCT reason FROM meta.quarantine") == [
        ("message_id: another message came with it before",)
    ]
    assert ask(data, "SELECT sum(duplicates), sum(quarantined) FROM meta.inbox_segments") == [
        (1, 2)
    ]


@pytest.mark.promise("callback-rebuilt")
def test_a_rebuild_makes_them_again_from_the_kept_segments(data: Path) -> None:
    fill(data, [received(message(n)) for n in range(20)], [received(message(n)) for n in range(30)])
    ingest()
    asked = "SELECT * EXCLUDE (load_id) FROM incoming_messages ORDER BY message_id"
    before = ask(data, asked)
    assert len(before) == 30
    rebuild_everything(load_settings(), lambda *_: None)
    assert ask(data, asked) == before
    assert ask(data, "SELECT sum(loaded), sum(duplicates) FROM meta.inbox_segments") == [(30, 20)]


@pytest.mark.promise("personal-erased", "personal-comes-back")
def test_a_person_is_erased_from_callbacks_wherever_they_are(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the table, in raw/, in a sealed segment, in one that a living receiver writes; rejects."""
    add_key(tmp_path / "personal.key", data_root=data)
    monkeypatch.setenv("SMARTCONNECT_PERSONAL_KEY_FILE", str(tmp_path / "personal.key"))
    phone = "79161234567"
    theirs = [message(n, thread_id=phone, message=f"canary {n}") for n in range(100, 104)]
    fill(data, [received(theirs[0]), *(received(message(n)) for n in range(5))])
    ingest()
    layout = DataDirectory(data)
    cut = Received(NOW, False, f'{{"thread_id": "{phone}", "message": "canary'.encode(), "broken")
    fill(data, [received(theirs[1]), received(message(5)), cut])

    async def erase_while_receiving() -> None:
        async with Inbox(layout.inbox, seal_seconds=60, seal_bytes=10**7) as inbox:
            await inbox.keep(received(theirs[2]))
            await inbox.keep(received(message(6)))
            (tmp_path / "who.txt").write_text("phone: +7 916 123-45-67\n", encoding="utf-8")
            command = ["erase", "--file", str(tmp_path / "who.txt"), "--yes"]
            done = await asyncio.to_thread(CliRunner().invoke, app, command)
            assert done.exit_code == 0, done.output
            await inbox.keep(received(theirs[3]))

    asyncio.run(erase_while_receiving())
    assert ids(data) == [str(n) for n in range(5)]
    ingest()
    assert ids(data) == [str(n) for n in range(7)]
    for path in data.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert phone.encode() not in content, path
        assert b"canary" not in content, path
    rebuild_everything(load_settings(), lambda *_: None)
    assert ids(data) == [str(n) for n in range(7)]


def ids(data: Path) -> list[str]:
    rows = ask(data, "SELECT message_id FROM incoming_messages ORDER BY message_id::INT")
    return [str(row[0]) for row in rows]


@pytest.mark.promise("callback-reconciled")
def test_what_one_source_has_and_the_other_lacks_is_told_by_day_and_id(
    start_sandbox: Callable[..., RunningSandbox], sandbox_settings: Callable[..., Path]
) -> None:
    """The sandbox's own callbacks of a day, but for three; and a forged one."""
    vendor = start_sandbox(messages_per_day=40)
    data = sandbox_settings(vendor, DATE_TO="inclusive", SELECTION="message")
    asyncio.run(backfill(date_from="02.02.2026", date_to="02.02.2026"))
    asked = (
        "SELECT message_id, chat_id, epoch(sent_at_utc)::BIGINT, text FROM chats "
        "WHERE direction = 'in' ORDER BY message_id"
    )
    incoming = ask(data, asked)
    early = datetime(2026, 2, 1, 12, tzinfo=UTC)
    told = [
        {"message_id": i, "thread_id": t, "time": at, "message": text, "channel_account_id": 1}
        for i, t, at, text in incoming[3:]
    ]
    forged = {**told[0], "message_id": 77, "thread_id": "forged", "message": "canary"}
    first = message(5, time=int(early.timestamp()))  # the day before was not exported
    bodies = [Received(early, False, json.dumps(first).encode()), *map(received, [*told, forged])]
    fill(data, bodies)
    ingest()
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.ingest.callback_warnings", lambda t: said.extend(warned(t)) or said)
        asyncio.run(backfill(date_from="02.02.2026", date_to="02.02.2026", force=True))
    [day] = ask(
        data,
        """SELECT callbacks, exported, matched_certain, only_callback, only_export,
                  statistics_in_count, only_callback_ids, only_export_ids
           FROM meta.callback_reconciliation WHERE chat_id IS NULL""",
    )
    n = len(incoming)
    assert day[:6] == (n - 2, n, n - 3, 1, 3, n)
    assert (json.loads(day[6]), len(json.loads(day[7]))) == (["77"], 3)
    assert [line.partition(";")[0] for line in said] == [
        "Disagreement: 1 messages told of by callbacks are not in chats (02.02.2026)",
        "Disagreement: 3 messages of chats came with no callback (02.02.2026)",
    ]
    assert ask(data, "SELECT count(*) FROM chats WHERE text = 'canary'") == [(0,)]
    shown = "SELECT source, count(*) FROM messages WHERE direction = 'in' GROUP BY 1 ORDER BY 1"
    assert ask(data, shown) == [("callback", 2), ("export", n)]


def test_the_views_say_where_a_message_is_from_and_how_sure_that_is(data: Path) -> None:
    fill(data, [received(message(n)) for n in range(3)])
    ingest()
    with duckdb.connect(str(data / "state" / "warehouse.duckdb")) as connection:
        connection.execute(
            """INSERT INTO chats (message_id, chat_id, sent_at, direction, text, window_day)
               SELECT message_id, chat_id, sent_at, 'in', text, window_day
               FROM incoming_messages WHERE message_id = '0'
               UNION ALL
               SELECT NULL, chat_id, date_trunc('minute', sent_at), 'in', text, window_day
               FROM incoming_messages WHERE message_id = '1'"""
        )
        found = connection.execute(
            "SELECT message_id, matched_by, certainty FROM incoming_matches ORDER BY 1"
        ).fetchall()
        assert found == [
            ("0", "message_id", "certain"),
            ("1", "thread, minute and text", "probable"),
            ("2", None, None),
        ]
        shown = connection.execute(
            "SELECT source, message_id, direction FROM messages ORDER BY ALL"
        ).fetchall()
        assert shown == [("callback", "2", "in"), ("export", "0", "in"), ("export", None, "in")]
        uncommented = connection.execute(
            """SELECT column_name FROM duckdb_columns() WHERE comment IS NULL AND NOT internal
               AND table_name IN ('messages', 'incoming_matches')"""
        ).fetchall()
        assert uncommented == []
