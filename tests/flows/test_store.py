"""Runs and commands that mirror what they publish to an object store, and what they say of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from s3server import S3Server, s3_server
from typer.testing import CliRunner

from flows.backfill import Exported, backfill
from flows.cli import app
from flows.errors import NotConfigured
from flows.settings import load_settings
from flows.stages import StageFailed
from sandbox.server import RunningSandbox
from transform.pseudonyms import add_key
from warehouse.errors import OtherPublisher, StoreRefused
from warehouse.layout import DataDirectory
from warehouse.published import current_release
from warehouse.store import ObjectStore
from warehouse.storepointer import read_manifest, read_pointer

pytestmark = pytest.mark.filterwarnings("default")
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]
ROOT = Path(__file__).parents[2]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}


@pytest.fixture(scope="module")
def object_store() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def company(
    start_sandbox: Start,
    sandbox_settings: Point,
    object_store: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    running = start_sandbox(messages_per_day=30)
    return sandbox_settings(running, **VENDOR, STORE_URL="s3://releases/company")


def run(day: str) -> None:
    asyncio.run(backfill(date_from=day, date_to=day, datasets=[Exported.chats]))  # type: ignore[call-arg,arg-type]


def command(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.promise("store-away", "store-pull")
def test_a_run_mirrors_what_it_publishes_and_makes_up_for_what_it_could_not(
    company: Path, object_store: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run("02.02.2026")
    code, said = command("pull", "--to", str(tmp_path / "pulled"))
    assert (code, "Release 1 is in" in said) == (0, True)

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    run("03.02.2026")  # a warning: the run itself is well, and its release stands
    release = current_release(DataDirectory(company))
    assert release is not None
    assert release.number == 2
    code, said = command("push")
    assert (code, "can't be reached" in said) == (1, True)

    monkeypatch.setenv("AWS_ENDPOINT_URL", object_store.endpoint)
    run("03.02.2026")  # nothing new is loaded, and the store catches up
    code, said = command("pull", "--to", str(tmp_path / "pulled"), "--parquet")
    assert (code, "Release 2 is in" in said) == (0, True)
    pulled = tmp_path / "pulled/current"
    with duckdb.connect(str(pulled / "warehouse.duckdb"), read_only=True) as connection:
        days = connection.execute("FROM chats SELECT count(DISTINCT window_day)").fetchall()
    assert days == [(2,)]
    assert len(list((pulled / "parquet/chats").iterdir())) == 2
    assert "already" in command("push")[1]
    assert command("rollback")[0] == 0
    command("pull", "--to", str(tmp_path / "pulled"))
    assert '"release": 1' in (tmp_path / "pulled/current/manifest.json").read_text()


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.promise("store-away", "store-one-loader")
def test_what_only_a_person_can_help_fails_the_run_after_it_published(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_STORE_URL", "s3://no-such-bucket/x")
    with pytest.raises(StoreRefused, match="NoSuchBucket"):
        run("02.02.2026")
    assert current_release(DataDirectory(company)) is not None
    monkeypatch.setenv("SMARTCONNECT_STORE_URL", "s3://releases/taken")
    run("02.02.2026")
    (company / "state/store/publisher").write_text("a new machine")
    run_again = pytest.raises(OtherPublisher, match="--take-over")
    with run_again:
        run("03.02.2026")
    code, said = command("push", "--take-over")
    assert (code, "new files" in said) == (0, True)


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.promise("store-away")
def test_a_release_is_mirrored_though_its_comparison_fails(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_STORE_URL", url := "s3://releases/incomparable")

    def fail(writer: object, run: object) -> None:
        raise OSError("the disk can't be read")

    monkeypatch.setattr("flows.ingest.reconcile_release", fail)
    with pytest.raises(StageFailed):
        run("02.02.2026")
    found = read_pointer(ObjectStore(f"{url}-sandbox"))
    assert found is not None
    assert found.pointer.release == 1


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.promise("store-erased")
def test_an_erasure_reaches_the_store(
    company: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = "s3://releases/erased"
    monkeypatch.setenv("SMARTCONNECT_STORE_URL", url)
    add_key(tmp_path / "personal.key", data_root=company)
    monkeypatch.setenv("SMARTCONNECT_PERSONAL_KEY_FILE", str(tmp_path / "personal.key"))
    run("02.02.2026")
    run("03.02.2026")
    pulled = tmp_path / "pulled"
    assert command("pull", "--to", str(pulled))[0] == 0
    sql = "SELECT client_phone, count(*) FROM chats GROUP BY ALL ORDER BY ALL"
    before = rows(pulled, sql)
    phone = str(before[0][0])
    (tmp_path / "who.txt").write_text(f"phone: {phone}")
    time.sleep(1.1)  # the store tells when in whole seconds
    code, said = command("erase", "--file", str(tmp_path / "who.txt"), "--yes")
    assert (code, "is on the object store" in said) == (0, True)
    assert command("pull", "--to", str(pulled))[0] == 0
    assert rows(pulled, sql) == before[1:]
    store = ObjectStore(f"{url}-sandbox")
    found = read_pointer(store)
    assert found is not None
    assert found.pointer.kept == ()
    manifest = read_manifest(store, found.pointer.manifest)
    assert manifest is not None
    needed = {told["key"] for told in manifest["files"].values()}
    there = {listed.key for listed in store.listed("")}
    assert there == needed | {found.pointer.manifest, "current.json"}


def rows(folder: Path, sql: str) -> list[tuple[object, ...]]:
    database = folder / "current/warehouse.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_without_a_store_nothing_of_it_is_imported_and_the_commands_say_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = "flows.cli, flows.nightly, flows.users, flows.status, flows.rebuild, flows.mirroring"
    script = f"import sys, {names}; sys.exit(bool({{'boto3', 'botocore'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
    monkeypatch.chdir(tmp_path)
    code, said = command("pull")
    assert (code, "SMARTCONNECT_STORE_URL" in said) == (1, True)


@pytest.mark.promise("store-private")
def test_the_sandboxs_releases_are_never_a_companys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {}
    for url in ("s3://bucket", "s3://bucket/a/b", "s3://bucket/a/"):
        monkeypatch.setenv("SMARTCONNECT_STORE_URL", url)
        monkeypatch.setenv("SMARTCONNECT_SANDBOX", "true")
        places[url] = load_settings().store
        monkeypatch.setenv("SMARTCONNECT_SANDBOX", "false")
        assert load_settings().store == url
    assert list(places.values()) == [
        "s3://bucket/sandbox",
        "s3://bucket/a/b-sandbox",
        "s3://bucket/a-sandbox",
    ]
    monkeypatch.setenv("SMARTCONNECT_STORE_URL", "https://key:secret@bucket/a")
    with pytest.raises(NotConfigured) as refused:
        load_settings()
    assert "secret" not in str(refused.value)
