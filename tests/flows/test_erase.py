"""A person leaves all that is kept, for good: searched for in all bytes, others untouched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from canaries.searching import Searcher
from typer.testing import CliRunner

from flows.backfill import Exported, backfill
from flows.cli import app
from flows.rebuild import rebuild_everything
from flows.settings import load_settings
from sandbox.company import InventedCompany
from sandbox.messages import Message
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from transform.pseudonyms import add_key
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
DAYS = (date(2026, 2, 2), date(2026, 2, 3), date(2026, 2, 4))
MESSAGES = 40
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
ROWS = "SELECT message_id, chat_id, client_phone, text FROM chats ORDER BY message_id::BIGINT"
LEDGER = """SELECT count(*) FROM meta.loads WHERE outcome = 'loaded' AND dataset = 'chats' AND
            rows_read <> rows_loaded + rows_duplicate + rows_quarantined
                         + coalesce(rows_suppressed, 0)"""
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]


def fill(*, datasets: tuple[str, ...] = ("chats",), **options: object) -> None:
    window = {"date_from": "02.02.2026", "date_to": "04.02.2026"}
    names = [Exported(name) for name in datasets]
    asyncio.run(backfill(**window, datasets=names, **options))  # type: ignore[arg-type]


def shown(data: Path, sql: str = ROWS) -> list[tuple[object, ...]]:
    return query_release(DataDirectory(data), sql).rows


def messages() -> list[Message]:
    company = InventedCompany(1, MESSAGES)
    found = [message for day in DAYS for message in company.sent_on(day)]
    return sorted(found, key=lambda message: message.message_id)


def person() -> Message:
    """Who has the most to say, and has a thread that runs over midnight or not."""
    said = [m.client_phone for m in messages()]
    phone = max(sorted(set(said)), key=said.count)
    return next(m for m in messages() if m.client_phone == phone)


def truth_without(who: Message) -> list[tuple[object, ...]]:
    threads = {m.thread_id for m in messages() if m.client_phone == who.client_phone}
    return [
        (str(m.message_id), m.thread_id, m.client_phone, m.text)
        for m in messages()
        if m.thread_id not in threads
    ]


def searcher(who: Message) -> Searcher:
    """Their phone and name, and the texts of their threads that nobody else has said."""
    theirs = {m.thread_id for m in messages() if m.client_phone == who.client_phone}
    others = {m.text for m in messages() if m.thread_id not in theirs}
    texts = {m.text for m in messages() if m.thread_id in theirs} - others
    told = {f"text {n}": text for n, text in enumerate(sorted(texts)) if len(text) > 15}
    assert told
    return Searcher({"phone": who.client_phone, "name": who.client_name, **told})


def erase(tmp_path: Path, *items: str) -> None:
    (tmp_path / "who.txt").write_text("\n".join(items), encoding="utf-8")
    done = CliRunner().invoke(app, ["erase", "--file", str(tmp_path / "who.txt"), "--yes"])
    assert done.exit_code == 0, done.output
    for item in items:
        assert item.partition(": ")[2] not in done.output


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    add_key(tmp_path / "personal.key", data_root=tmp_path / "data")
    return str(tmp_path / "personal.key")


@pytest.mark.parametrize(
    "options",
    [
        {"format": "csv", "encoding": "cp1251", "faults": (Fault("impossible-date"),)},
        {"format": "csv", "wrap": "zip", "faults": (Fault("duplicate-rows"),)},
        {"format": "xlsx"},
        {"format": "json", "wrap": "gzip"},
    ],
    ids=lambda options: f"{options['format']}-{options.get('wrap', 'plain')}",
)
@pytest.mark.promise("personal-erased", "personal-comes-back")
def test_nothing_is_left_of_a_person_and_everything_of_the_others(
    options: dict[str, object],
    start_sandbox: Start,
    sandbox_settings: Point,
    tmp_path: Path,
    key_file: str,
) -> None:
    sandbox = start_sandbox(messages_per_day=MESSAGES, **options)
    data = sandbox_settings(sandbox, **VENDOR, PERSONAL_KEY_FILE=key_file)
    fill(datasets=("chats", "statistics"))
    fill(force=True)
    who = person()
    looks = searcher(who)
    assert {path.partition("/")[0] for path in looks.below(data)} >= {"raw", "lake", "releases"}
    before, statistics = shown(data), shown(data, "FROM statistics ORDER BY ALL")
    old = (data / "current").resolve()
    with duckdb.connect(str(old / "warehouse.duckdb"), read_only=True) as reader:
        erase(tmp_path, f"phone: 8 ({who.client_phone[2:5]}) {who.client_phone[5:]}")
        assert reader.execute("SELECT count(*) FROM chats").fetchone() == (len(before),)
    assert looks.below(data) == {}
    rejected = {row[0] for row in before} - {str(m.message_id) for m in messages()}
    assert not rejected
    expected = [row for row in truth_without(who) if row[0] in {b[0] for b in before}]
    assert shown(data) == expected
    assert shown(data, "FROM statistics ORDER BY ALL") == statistics
    assert shown(data, LEDGER) == [(0,)]
    assert [path.name for path in (data / "releases").iterdir()] == [
        (data / "current").resolve().name
    ]
    fill()  # comes again, and is known to be the same
    assert looks.below(data) == {}
    assert shown(data) == expected
    fill(force=True)
    assert looks.below(data) == {}
    assert shown(data) == expected
    assert shown(data, LEDGER) == [(0,)]
    told = "SELECT max(rows_suppressed) > 0 FROM meta.loads WHERE source = 'export'"
    assert shown(data, told) == [(True,)]
    assert not rebuild_everything(load_settings(), lambda *_: None).failures
    assert looks.below(data) == {}
    assert shown(data) == expected
    assert shown(data, LEDGER) == [(0,)]
