"""A person leaves all that is kept, for good: searched for in all bytes, others untouched."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from canaries.searching import Searcher
from typer.testing import CliRunner

import flows.pipeline
from flows.backfill import Exported, backfill
from flows.cli import app
from flows.errors import NotConfigured
from flows.reading import ExportedDay, NormalisedDay
from flows.rebuild import rebuild_everything
from flows.settings import load_settings
from sandbox.company import InventedCompany
from sandbox.messages import Message
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from transform.errors import UnusablePerson
from transform.pseudonyms import add_key
from transform.suppression import Person
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
DAYS = (date(2026, 2, 2), date(2026, 2, 3), date(2026, 2, 4))
MESSAGES = 40
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
ROWS = "SELECT message_id, chat_id, client_phone, text FROM chats ORDER BY message_id::BIGINT"
UNFINISHED = "SELECT count(*) FROM meta.erasures WHERE finished_at IS NULL"
LEDGER = """SELECT count(*) FROM meta.loads WHERE outcome = 'loaded' AND dataset = 'chats' AND
            rows_read <> rows_loaded + rows_duplicate + rows_quarantined
                         + coalesce(rows_suppressed, 0)"""
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]


def fill(*, datasets: tuple[str, ...] = ("chats",), whole: bool = True, **options: object) -> None:
    """All of the days, or the one on which the person has written."""
    first, last = (DAYS[0], DAYS[-1]) if whole else (person().sent_at.date(),) * 2
    window = {"date_from": f"{first:%d.%m.%Y}", "date_to": f"{last:%d.%m.%Y}"}
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


FORMATS = (
    {"format": "csv", "encoding": "cp1251", "faults": (Fault("impossible-date"),)},
    {"format": "csv", "wrap": "zip", "faults": (Fault("duplicate-rows"),)},
    {"format": "xlsx"},
    {"format": "json", "wrap": "gzip"},
)


@pytest.mark.parametrize(
    "options",
    [FORMATS[0], *(pytest.param(each, marks=pytest.mark.rehearsal) for each in FORMATS[1:])],
    ids=["csv", "csv-in-zip", "xlsx", "json"],
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
    whole = options["format"] == "csv"
    fill(whole=whole)
    who = person()
    looks = searcher(who)
    assert {path.partition("/")[0] for path in looks.below(data)} >= {"raw", "lake", "releases"}
    before = shown(data)
    old = (data / "current").resolve()
    with duckdb.connect(str(old / "warehouse.duckdb"), read_only=True) as reader:
        erase(tmp_path, f"phone: 8 ({who.client_phone[2:5]}) {who.client_phone[5:]}")
        assert reader.execute("SELECT count(*) FROM chats").fetchone() == (len(before),)
    expected = [row for row in truth_without(who) if row[0] in {b[0] for b in before}]
    assert 0 < len(expected) < len(before)

    def assert_gone() -> None:
        assert looks.below(data) == {}
        assert shown(data) == expected
        assert shown(data, LEDGER) == [(0,)]

    assert_gone()
    current = (data / "current").resolve()
    assert [path.name for path in (data / "releases").iterdir()] == [current.name]
    fill(whole=whole, force=True)
    assert_gone()
    told = """SELECT sum(rows_suppressed)::BIGINT FROM meta.loads
              WHERE source = 'export' AND outcome = 'loaded'"""
    ((suppressed,),) = shown(data, told)
    gone = len(before) - len(expected)
    assert gone <= int(str(suppressed)) <= gone + len(DAYS)  # a day's duplicate may be theirs
    if "wrap" in options or not whole:
        return
    fill()  # the very same again, and nothing is held
    assert not rebuild_everything(load_settings(), lambda *_: None).failures
    assert_gone()
    outcomes = "SELECT DISTINCT outcome FROM meta.loads"
    assert set(shown(data, outcomes)) == {("loaded",), ("unchanged",)}


@pytest.mark.promise("personal-evidence")
def test_the_evidence_names_files_and_counts_and_nobody(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path, key_file: str
) -> None:
    sandbox = start_sandbox(messages_per_day=MESSAGES)
    data = sandbox_settings(sandbox, **VENDOR, PERSONAL_KEY_FILE=key_file)
    fill(datasets=("chats", "statistics"))
    before, statistics = shown(data), shown(data, "FROM statistics ORDER BY ALL")
    files = {path.name: path for path in (data / "raw").rglob("*.csv")}
    who = person()
    erase(tmp_path, f"name: {who.client_name.upper()}", f"thread: {who.thread_id}")
    ((number, requested, finished, days, rows, raw_rows, releases),) = shown(
        data,
        "SELECT erasure, requested_at, finished_at, days, rows, raw_rows, releases "
        "FROM meta.erasures",
    )
    assert (number, days, rows, raw_rows, releases) == (
        1,
        days,
        len(before) - len(shown(data)),
        rows,
        1,
    )
    assert requested <= finished  # type: ignore[operator]
    changed = shown(data, "SELECT sha256_before, sha256_after FROM meta.erased_files")
    assert len(changed) == days
    for sha_before, sha_after in changed:
        assert not files[f"{sha_before}.csv"].exists()
        assert (files[f"{sha_before}.csv"].parent / f"{sha_after}.jsonl").exists()
    held = {row[0] for row in shown(data, "SELECT file_sha256 FROM meta.days")}
    assert {sha_after for _, sha_after in changed} <= held
    assert shown(data, "FROM statistics ORDER BY ALL") == statistics
    undescribed = """SELECT count(*) FROM duckdb_columns()
                     WHERE table_name IN ('erasures', 'erased_files') AND comment IS NULL"""
    assert shown(data, undescribed) == [(0,)]
    assert searcher(who).below(data) == {}


@pytest.mark.rehearsal
@pytest.mark.promise("personal-killed")
def test_an_erasure_killed_anywhere_is_finished_by_running_it_again(
    start_sandbox: Start,
    sandbox_settings: Point,
    tmp_path: Path,
    key_file: str,
    long_run: bool,
) -> None:
    sandbox = start_sandbox(messages_per_day=MESSAGES, faults=(Fault("impossible-date"),))
    data = sandbox_settings(sandbox, **VENDOR, PERSONAL_KEY_FILE=key_file)
    fill()
    who = person()
    looks, before = searcher(who), {row[0] for row in shown(data)}
    expected = [row for row in truth_without(who) if row[0] in before]
    (tmp_path / "who.txt").write_text(f"phone: {who.client_phone}", encoding="utf-8")
    script = [sys.executable, str(Path(__file__).with_name("killed_erase.py"))]
    command = [*script, str(data), str(tmp_path / "who.txt"), "every" if long_run else "some"]
    killed = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for line in process.stdout:
            told = json.loads(line)
            copy = data.with_name("copy")
            assert told["killed"], told
            assert told["code"] == 0, told
            assert looks.below(copy) == {}, told
            assert shown(copy) == expected, told
            assert shown(copy, UNFINISHED) == [(0,)], told
            killed.append(told["point"])
            process.stdin.write("seen\n")
            process.stdin.flush()
    assert process.returncode == 0
    assert len(set(killed)) >= 8, killed


@pytest.mark.promise("personal-comes-back")
def test_a_run_that_read_a_day_before_the_erasure_reads_it_again(
    start_sandbox: Start,
    sandbox_settings: Point,
    tmp_path: Path,
    key_file: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = start_sandbox(messages_per_day=MESSAGES)
    data = sandbox_settings(sandbox, **VENDOR, PERSONAL_KEY_FILE=key_file)
    fill()
    who, normalise, times = person(), flows.pipeline.normalise_day, 0

    async def normalised_before(exported: ExportedDay) -> NormalisedDay:
        nonlocal times
        done = await normalise(exported)
        times += 1
        if times == 1:
            await asyncio.to_thread(erase, tmp_path, f"phone: {who.client_phone}")
        return done

    monkeypatch.setattr(flows.pipeline, "normalise_day", normalised_before)
    fill(force=True)
    assert times > len(DAYS)
    assert searcher(who).below(data) == {}
    assert shown(data) == truth_without(who)


@pytest.mark.promise("personal-key-missing")
def test_without_the_key_of_those_erased_nothing_is_started(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path, key_file: str
) -> None:
    sandbox = start_sandbox(messages_per_day=MESSAGES)
    data = sandbox_settings(sandbox, **VENDOR, PERSONAL_KEY_FILE=key_file)
    erase(tmp_path, f"phone: {person().client_phone}")
    add_key(tmp_path / "other.key", data_root=data)
    for key, said in (("", "known by a key alone"), (str(tmp_path / "other.key"), "isn't the one")):
        sandbox_settings(sandbox, **VENDOR)
        if key:
            sandbox_settings(sandbox, **VENDOR, PERSONAL_KEY_FILE=key)
        else:
            os.environ.pop("SMARTCONNECT_PERSONAL_KEY_FILE")
        with pytest.raises(NotConfigured, match=said):
            fill()
    assert not list((data / "raw").rglob("*.csv"))
    sandbox_settings(sandbox, **VENDOR, PERSONAL_KEY_FILE=key_file)
    fill()
    assert searcher(person()).below(data) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing is said"),
        ("phone: 12", "too short"),
        ("+79161234567", "line 1 is no item"),
        ("name: canary-person\nwho: x", "line 2 is no item"),
    ],
)
def test_who_it_is_must_be_told_and_is_never_told_back(text: str, said: str) -> None:
    with pytest.raises(UnusablePerson, match=said) as refused:
        Person.parse(text)
    assert "canary" not in str(refused.value)
    assert "916" not in str(refused.value)
