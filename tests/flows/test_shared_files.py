"""Machines that share nothing but an object store: each has a data directory of its own, and all
commands work from an empty one.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from canaries.searching import Searcher
from prefect.settings import PREFECT_API_URL
from s3server import S3Server, s3_server
from typer.testing import CliRunner

import flows.suppressing
from dashboard.shown import Look, Shown
from extract.inbox import Inbox
from extract.inboxsegments import Received
from flows.backfill import Exported, backfill
from flows.callbacks import ingest_callbacks_flow
from flows.chatextract import extract_chats
from flows.cli import app
from flows.doctor import examine
from flows.following import Following
from flows.nightly import nightly
from flows.personal import data_directory
from flows.settings import load_settings
from flows.sharing import StoreDocuments
from sandbox.company import InventedCompany
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from transform.pseudonyms import add_key
from warehouse.layout import DataDirectory
from warehouse.marts import Reader
from warehouse.reading import query_release
from warehouse.store import ObjectStore
from warehouse.storepointer import read_pointer

pytestmark = [
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.rehearsal,
]
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
ROWS = "SELECT * EXCLUDE (load_id, observed_at) FROM chats ORDER BY ALL"
DAYS = "SELECT DISTINCT window_day::VARCHAR FROM chats ORDER BY ALL"
FIRST, SECOND, THIRD = (date(2026, 2, day) for day in (2, 3, 4))
MESSAGES = 40
NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def object_store() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


class Company:
    """One company on several machines."""

    def __init__(
        self, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch, sandbox: RunningSandbox
    ) -> None:
        self.folder = folder
        self.url = url
        self.store = ObjectStore(f"{url}-sandbox")
        self.sandbox = sandbox
        self._patch = monkeypatch

    def on(self, machine: str) -> Path:
        """Be on that machine from now on; its data directory."""
        data = self.folder / machine
        self._patch.setenv("SMARTCONNECT_DATA_DIR", str(data))
        return data

    def load(self, machine: str, day: date, **more: object) -> Path:
        """Load a day there."""
        data = self.on(machine)
        window = {"date_from": f"{day:%d.%m.%Y}", "date_to": f"{day:%d.%m.%Y}"}
        asyncio.run(backfill(**window, datasets=[Exported.chats], **more))  # type: ignore[arg-type]
        return data

    def keys(self, folder: str) -> set[str]:
        return {found.key for found in self.store.listed(folder)}

    def brought(self, folder: Path) -> Path:
        """Everything that is on the store, to be looked through."""
        for found in self.store.listed(""):
            place = folder / found.key
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"".join(self.store.chunks(found.key) or ()))
        return folder


KILLED = """
import os, signal, sys
point = sys.argv.pop(1)
def hook(event, args):
    if event == "smartconnect.point" and args[0] == point:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
from flows.cli import app
app()
"""


@pytest.fixture
def company(
    start_sandbox: Start,
    sandbox_settings: Point,
    object_store: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Company:
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    url = object_store.url(f"{abs(hash(request.node.nodeid)):x}")
    sandbox = start_sandbox(messages_per_day=MESSAGES, faults=(Fault("impossible-date", SECOND),))
    sandbox_settings(sandbox, **VENDOR, DATA_URL=url)
    return Company(tmp_path, url, monkeypatch, sandbox)


def received(data: Path, begin: int, end: int) -> None:
    """Callbacks with these message ids, in the inbox of a machine."""
    inbox = data / "inbox"
    DataDirectory(data).initialise("sandbox")

    async def keep() -> None:
        async with Inbox(inbox, seal_seconds=60, seal_bytes=10**7) as kept:
            for number in range(begin, end):
                body = {"channel_account_id": 101, "thread_id": "t", "message": "Текст"}
                told = {**body, "message_id": number, "time": int(NOW.timestamp())}
                await kept.keep(Received(NOW, False, json.dumps(told).encode()))

    asyncio.run(keep())


def shown(data: Path, sql: str = ROWS) -> list[tuple[object, ...]]:
    return query_release(DataDirectory(data), sql).rows


def command(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


@pytest.mark.promise("files-any-machine")
def test_machines_take_turns_and_each_has_what_all_have_loaded(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.load("first", FIRST)
    second = company.load("second", SECOND)
    first = company.load("first", THIRD)
    company.load("first", THIRD)  # nothing new
    assert [row[0] for row in shown(first, DAYS)] == ["2026-02-02", "2026-02-03", "2026-02-04"]
    assert [row[0] for row in shown(second, DAYS)] == ["2026-02-02", "2026-02-03"]
    assert sorted(path.name for path in (second / "releases").iterdir()) == ["2"]
    found = read_pointer(company.store)
    assert found is not None
    assert (found.pointer.release, found.pointer.publication) == (3, 3)
    monkeypatch.delenv("SMARTCONNECT_DATA_URL")
    alone = company.folder / "alone"
    for day in (FIRST, SECOND, THIRD):
        company.load("alone", day)
    assert shown(first) == shown(alone)
    for folder in ("raw", "quarantine"):  # of names, hashes; the lake's are of loads
        there = {key for key in company.keys(f"{folder}/") if not key.endswith(".parquet")}
        here = {str(p.relative_to(alone)) for p in (alone / folder).rglob("*") if p.is_file()}
        assert there == {name for name in here if not name.endswith(".parquet")}
    assert len(company.keys("quarantine/")) == 1


@pytest.mark.promise("files-any-machine")
def test_an_empty_machine_shows_reads_again_and_rebuilds(company: Company) -> None:
    first = company.load("first", FIRST)
    company.load("first", SECOND)
    before = shown(first)
    company.on("third")
    assert "chats" in command("status")
    again = company.load("second", FIRST, from_raw=True, force=True)
    assert shown(again) == before
    rebuilt = company.on("fourth")
    assert "is on the object store" in command("rebuild")
    assert shown(rebuilt) == before
    rejected = "SELECT line, reason, raw FROM meta.quarantine WHERE dataset = 'chats'"
    assert len(shown(rebuilt, rejected)) == 1
    assert shown(company.load("first", THIRD), DAYS)[:2] == shown(first, DAYS)[:2]
    assert len(company.keys("lake/")) == 3, "lake files of before the rebuild stay on the store"


@pytest.mark.promise("shared-taken-over")
def test_an_export_that_was_under_way_before_machines_shared_is_not_started_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_CALLS_PER_DAY", "1000")
    company.on("first")
    day = f"{FIRST:%d.%m.%Y}"
    alone = {name: told for name, told in os.environ.items() if name != "SMARTCONNECT_DATA_URL"}
    alone["PREFECT_API_URL"] = str(PREFECT_API_URL.value())
    killed = str(Path(__file__).with_name("killed_run.py"))
    words = [sys.executable, killed, day, day, "extract.journal.entry-written", "2"]
    done = subprocess.run(words, env=alone, cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    asyncio.run(backfill(date_from=day, date_to=day))  # type: ignore[call-arg,arg-type]
    asked = httpx.get(f"{company.sandbox.root_url}/sandbox/served", timeout=30).json()
    assert len([entry for entry in asked if entry["event"] == "start"]) == 2
    made = calls(company)
    assert spent(company) >= made, "calls of before aren't counted"


@pytest.mark.promise("shared-limits")
def test_the_doctors_calls_are_counted_with_those_of_all_machines(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_CALLS_PER_DAY", "1000")
    company.on("first")
    examine(lambda _: None, wait_seconds=10)
    made = calls(company)
    assert made
    assert spent(company) == made
    monkeypatch.setenv("SMARTCONNECT_CALLS_PER_DAY", str(made))
    company.on("second")
    examine(lambda _: None, wait_seconds=10)
    assert calls(company) == made


def calls(company: Company) -> int:
    """How often the vendor was asked."""
    told = httpx.get(f"{company.sandbox.root_url}/sandbox/calls", timeout=30).json()
    return sum(told.values())


def spent(company: Company) -> int:
    """The calls that all machines together count today."""
    key = f"calls/{load_settings().today().date().isoformat()}"
    found = StoreDocuments(company.store).read(key)
    assert found is not None
    return int(json.loads(found.content)["spent"])


@pytest.mark.promise("store-shown")
def test_a_report_and_the_dashboard_of_an_empty_machine_show_what_the_store_has(
    company: Company,
) -> None:
    company.load("first", FIRST)
    second = company.on("second")
    said = command("report", "--day", f"{FIRST:%d.%m.%Y}")
    assert "Release 1 was brought from the object store" in said
    assert "from release 1:" in said
    assert "Not whole" not in said
    settings, told = load_settings(), list[str]()
    with Following(settings, data_directory(settings), told.append, look_seconds=0.1) as following:
        page = Shown(following.directory)
        wait_for(lambda: page.now() is not None)
        assert page.whole(days_shown) == 1
        company.load("first", SECOND)
        wait_for(lambda: page.whole(days_shown) == 2)
    assert "Release 2 was brought" in told[-1]
    company.on("second")
    assert "from release 2:" in command("report", "--day", f"{SECOND:%d.%m.%Y}")
    company.load("second", THIRD)
    assert "from release 3:" in command("report", "--day", f"{THIRD:%d.%m.%Y}")
    assert not (second / "state/store/shown").exists(), "a copy of what is here stays"


def days_shown(look: Look) -> int:
    def read(reader: Reader) -> int:
        sql = "SELECT count(DISTINCT window_day) FROM chats"
        found = reader.connection.execute(sql).fetchone()
        return int(found[0]) if found else 0

    return look.ask("days", read)


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.promise("store-put-back")
def test_an_empty_machine_puts_readers_back_and_the_next_load_moves_them_on(
    company: Company, tmp_path: Path
) -> None:
    company.load("first", FIRST)
    company.load("first", SECOND)
    company.on("second")
    assert "see release 1, until the next run that loads something" in command("rollback")
    said = command("status")
    assert "Release 1 at" in said
    assert "(on the object store: 1, 2)" in said
    assert "Release 1 is in" in command("pull", "--to", str(tmp_path / "pulled"))
    company.load("first", SECOND)  # nothing new
    assert "Release 1 is in" in command("pull", "--to", str(tmp_path / "pulled"))
    company.load("third", THIRD)
    assert len(shown(tmp_path / "third", DAYS)) == 3
    command("pull", "--to", str(tmp_path / "pulled"))
    assert shown(tmp_path / "pulled", DAYS) == shown(tmp_path / "third", DAYS)


@pytest.mark.promise("files-erased")
def test_an_erasure_on_another_machine_leaves_nothing_anywhere(
    company: Company, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_key(tmp_path / "personal.key", data_root=tmp_path / "data")
    monkeypatch.setenv("SMARTCONNECT_PERSONAL_KEY_FILE", str(tmp_path / "personal.key"))
    invented = InventedCompany(1, MESSAGES)
    who = next(iter(invented.sent_on(FIRST)))
    looks = Searcher({"phone": who.client_phone, "name": who.client_name})
    first = company.load("first", FIRST)
    company.load("first", SECOND)
    assert looks.below(first)
    before = shown(first, "SELECT client_phone FROM chats ORDER BY ALL")
    third = company.on("third")
    command("status")
    second = company.on("second")
    command("status")  # both bring what readers see
    assert looks.below(second)
    assert looks.below(third)
    (tmp_path / "who.txt").write_text(f"phone: {who.client_phone}")
    command("erase", "--file", str(tmp_path / "who.txt"), "--yes")
    assert looks.below(company.brought(tmp_path / "store")) == {}
    assert looks.below(second) == {}
    company.on("third")
    command("status")
    assert looks.below(third) == {}
    company.load("first", FIRST)  # the vendor tells of them again
    assert looks.below(first) == {}
    after = shown(first, "SELECT client_phone FROM chats ORDER BY ALL")
    assert after == [row for row in before if row[0] != who.client_phone]


@pytest.mark.rehearsal
@pytest.mark.promise("files-erased", "personal-killed")
@pytest.mark.parametrize(
    "point",
    [
        "warehouse.erasinglist.requested",
        "warehouse.storedfiles.removed",
        "warehouse.rebuilding.linked",
        "warehouse.erasingevidence.evidence-finished",
        "warehouse.writercopy.handed-over",
    ],
)
def test_an_erasure_that_was_killed_is_finished_by_another_machine(
    point: str, company: Company, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_key(tmp_path / "personal.key", data_root=tmp_path / "data")
    monkeypatch.setenv("SMARTCONNECT_PERSONAL_KEY_FILE", str(tmp_path / "personal.key"))
    monkeypatch.setenv("SMARTCONNECT_LEASE_SECONDS", "5")
    who = next(iter(InventedCompany(1, MESSAGES).sent_on(FIRST)))
    looks = Searcher({"phone": who.client_phone, "name": who.client_name})
    first = company.load("first", FIRST)
    (tmp_path / "who.txt").write_text(f"phone: {who.client_phone}")
    words = [point, "erase", "--yes", "--file", str(tmp_path / "who.txt")]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    second = company.on("second")
    command("erase", "--again", "--yes")
    assert looks.below(company.brought(tmp_path / "store")) == {}
    assert looks.below(second) == {}
    company.load("first", SECOND)
    assert looks.below(first) == {}
    assert (who.client_phone,) not in shown(first, "SELECT client_phone FROM chats")


@pytest.mark.promise("files-any-machine")
def test_retention_on_another_machine_is_kept_to_by_all(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.load("first", FIRST)
    first = company.load("first", SECOND)
    for key in company.keys("raw/"):
        if key.endswith(".seen.json"):
            found = company.store.read(key)
            assert found is not None
            note = json.loads(found.content)
            for seen in note["observations"]:
                seen["observed_at"] = "2026-01-01T00:00:00+00:00"
            company.store.put(key, json.dumps(note).encode())
    monkeypatch.setenv("SMARTCONNECT_KEEP_RAW_DAYS", "9")
    second = company.on("second")
    asyncio.run(nightly(lookback_days=1))  # tells all which files go
    asyncio.run(nightly(lookback_days=1))
    old = {key for key in company.keys("raw/chats/") if "2026-02-0" in key}
    assert old == set()
    monkeypatch.delenv("SMARTCONNECT_KEEP_RAW_DAYS")
    company.load("first", THIRD)
    assert not list((first / "raw/chats").glob("2026-02-02_*/*.*"))
    company.on("third")
    assert "2 days were taken over as they were" in command("rebuild")
    assert shown(company.folder / "third", DAYS)[:2] == shown(second, DAYS)[:2]


@pytest.mark.promise("files-any-machine")
def test_a_backup_of_an_empty_machine_has_all_and_comes_back_under_another_prefix(
    company: Company, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = company.load("first", FIRST)
    company.load("first", SECOND)
    before = shown(first)
    company.on("second")
    backup = tmp_path / "backup"
    command("backup", str(backup))
    company.on("third")
    refused = CliRunner().invoke(app, ["restore", str(backup)])
    assert (refused.exit_code, "holds data" in refused.output) == (1, True)
    monkeypatch.setenv("SMARTCONNECT_DATA_URL", f"{company.url}-again")
    company.on("fourth")
    command("restore", str(backup))
    shutil.rmtree(company.folder / "fourth")
    assert shown(company.load("fifth", THIRD), DAYS)[:2] == shown(first, DAYS)
    assert [row for row in shown(company.folder / "fifth") if row in before] == before


@pytest.mark.promise("files-any-machine")
def test_an_extract_is_known_and_can_be_removed_everywhere(company: Company) -> None:
    first = company.on("first")
    window = {"date_from": "02.02.2026", "date_to": "03.02.2026"}
    asyncio.run(extract_chats("some", **window, uid=1))  # type: ignore[arg-type]
    second = company.load("second", FIRST)
    known = "SELECT extract, rows FROM meta.extracts"
    assert shown(second, known) == shown(first, known)
    assert len(company.keys("extracts/some/")) >= 3


@pytest.mark.promise("files-any-machine")
def test_callbacks_that_one_machine_received_are_made_again_by_another(company: Company) -> None:
    first = company.on("first")
    received(first, 0, 30)
    asyncio.run(ingest_callbacks_flow())
    second = company.on("second")
    received(second, 20, 50)
    asyncio.run(ingest_callbacks_flow())
    company.on("third")
    command("rebuild")
    rows = "SELECT message_id::INT FROM incoming_messages ORDER BY 1"
    expected = [(number,) for number in range(50)]
    assert shown(second, rows) == shown(company.folder / "third", rows) == expected


@pytest.mark.promise("files-erased", "personal-comes-back")
def test_who_is_erased_elsewhere_while_a_file_is_sent_is_not_in_it(
    company: Company, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_key(tmp_path / "personal.key", data_root=tmp_path / "data")
    monkeypatch.setenv("SMARTCONNECT_PERSONAL_KEY_FILE", str(tmp_path / "personal.key"))
    who = next(iter(InventedCompany(1, MESSAGES).sent_on(FIRST)))
    looks = Searcher({"phone": who.client_phone, "name": who.client_name})
    other = {**os.environ, "SMARTCONNECT_DATA_DIR": str(tmp_path / "second")}
    (tmp_path / "who.txt").write_text(f"phone: {who.client_phone}")
    erase = [sys.executable, "-m", "flows.cli", "erase", "--yes", "--file"]
    sending, store = flows.suppressing.store_raw, []

    def sent(*args: Any, **more: Any) -> Path:
        path = sending(*args, **more)
        if not store:
            store.append(path)
            command = [*erase, str(tmp_path / "who.txt")]
            subprocess.run(command, env=other, check=True, cwd=ROOT, capture_output=True)
        return path

    monkeypatch.setattr(flows.suppressing, "store_raw", sent)
    first = company.load("first", FIRST)
    assert store
    assert not store[0].exists()
    assert looks.below(first) == {}
    phones = shown(first, "SELECT client_phone FROM chats")
    assert phones
    assert (who.client_phone,) not in phones
    assert store[0].name not in {key.rpartition("/")[2] for key in company.keys("raw/")}


@pytest.mark.promise("files-one-loader")
def test_a_machine_that_loaded_beside_another_is_told_and_its_day_is_loaded_again(
    company: Company,
) -> None:
    company.load("first", FIRST)
    company.load("second", SECOND)
    behind = company.folder / "behind"
    shutil.copytree(company.folder / "second", behind, symlinks=True)
    company.load("first", THIRD)
    assert shown(company.load("behind", SECOND), DAYS)[-1:] == [("2026-02-04",)]


@pytest.mark.promise("files-one-loader", "files-any-machine")
def test_two_machines_that_load_at_once_take_turns_and_nothing_is_lost(
    company: Company, tmp_path: Path
) -> None:
    script = str(Path(__file__).with_name("killed_run.py"))
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "SMARTCONNECT_PUBLISH_EVERY_SECONDS": "0.1",
    }
    runs = []
    for machine, first, last in (("first", 1, 4), ("second", 3, 6)):
        own = {**environment, "SMARTCONNECT_DATA_DIR": str(tmp_path / machine)}
        own["PREFECT_HOME"] = str(tmp_path / f"prefect-{machine}")
        command = [sys.executable, script, f"0{first}.02.2026", f"0{last}.02.2026"]
        log = (tmp_path / f"{machine}.log").open("wb")
        with log:
            runs.append(subprocess.Popen(command, env=own, stdout=log, stderr=log, cwd=ROOT))
    said = [run.wait(timeout=180) for run in runs]
    logs = "\n".join((tmp_path / f"{name}.log").read_text()[-3000:] for name in ("first", "second"))
    assert said == [0, 0], logs
    third = company.load("third", date(2026, 2, 7))
    assert shown(third, DAYS) == [(f"2026-02-0{day}",) for day in range(1, 8)]
    asked = httpx.get(f"{company.sandbox.root_url}/sandbox/served", timeout=30).json()
    starts = [entry for entry in asked if entry["event"] == "start"]
    assert len(starts) <= 2 * 8 + 1  # both datasets of eight asked days, and the third's
