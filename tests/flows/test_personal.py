"""Personal data from export to release, as the settings have it: hashed, dropped, withheld."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from canaries.people import sampled
from canaries.searching import Searcher

from flows.backfill import Exported, backfill
from flows.rebuild import rebuild_everything
from flows.reporting import listen
from flows.settings import load_settings
from flows.summary import RunReport
from flows.users import snapshot_users_flow
from sandbox.options import ColumnChange, Fault
from sandbox.server import RunningSandbox
from transform.datasets import DATASETS
from transform.errors import UnusableKey, UnusablePolicy
from transform.pseudonyms import add_key
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("prefect_api")]
DAYS = (date(2026, 2, 2), date(2026, 2, 3))
MESSAGES = 40
Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}


def fill(*datasets: str, **options: object) -> None:
    window = {"date_from": "02.02.2026", "date_to": "03.02.2026"}
    names = [Exported(name) for name in datasets or ("chats", "statistics")]
    asyncio.run(backfill(**{**window, **options}, datasets=names))  # type: ignore[arg-type]


def notes_of_a_run(*datasets: str, **options: object) -> list[str]:
    told: list[str] = []

    def follow(done: int, total: int, report: RunReport | None) -> None:
        told.extend(report.notes if report else [])

    def listened() -> None:
        listen(follow)
        fill(*datasets, **options)

    copy_context().run(listened)
    return told


def shown(data: Path, sql: str) -> list[tuple[object, ...]]:
    return query_release(DataDirectory(data), sql).rows


@pytest.fixture(scope="module")
def searcher() -> Searcher:
    return sampled(DAYS, messages_per_day=MESSAGES)


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    add_key(tmp_path / "personal.key", data_root=tmp_path / "data")
    return str(tmp_path / "personal.key")


@pytest.mark.promise("secrets-policy")
def test_what_is_dropped_is_in_no_byte_beyond_raw(
    start_sandbox: Start, sandbox_settings: Point, searcher: Searcher, key_file: str
) -> None:
    sandbox = start_sandbox(
        messages_per_day=MESSAGES, faults=(Fault("impossible-date"), Fault("duplicate-rows"))
    )
    data = sandbox_settings(sandbox, **VENDOR, PERSONAL='{"*": "drop"}', PERSONAL_KEY_FILE=key_file)
    fill()
    asyncio.run(snapshot_users_flow())
    assert searcher.below(data / "raw"), "the search must find what is there"
    assert searcher.below(data, leaving_out=[data / "raw"]) == {}
    rejected = shown(data, "SELECT line, reason, raw FROM meta.quarantine")
    assert len(rejected) >= 2
    assert all(line and reason and raw is None for line, reason, raw in rejected)
    assert shown(data, "SELECT count(*) > 20 FROM chats") == [(True,)]


@pytest.mark.promise("secrets-policy")
def test_a_rebuild_brings_all_but_raw_and_earlier_releases_under_a_stricter_policy(
    start_sandbox: Start, sandbox_settings: Point, searcher: Searcher, key_file: str
) -> None:
    sandbox = start_sandbox(messages_per_day=MESSAGES, faults=(Fault("impossible-date"),))
    data = sandbox_settings(sandbox, **VENDOR)
    fill()
    asyncio.run(snapshot_users_flow())
    assert searcher.below(data / "quarantine")
    earlier = list((data / "releases").iterdir())
    said = {"PERSONAL": '{"*": "drop"}', "PERSONAL_KEY_FILE": key_file}
    sandbox_settings(sandbox, **VENDOR, **said)
    rebuild_everything(load_settings(), lambda done, total: None)
    assert searcher.below(data, leaving_out=[data / "raw", *earlier]) == {}
    assert shown(data, "SELECT count(*) > 0 FROM meta.quarantine") == [(True,)]
    rejected = (data / "quarantine").rglob("*.parquet")
    assert {path.stem for path in rejected} == {
        str(row[0]) for row in shown(data, "SELECT DISTINCT load_id FROM meta.quarantine")
    }


@pytest.mark.promise("secrets-policy")
def test_a_policy_or_key_that_changed_reads_the_days_again(
    start_sandbox: Start, sandbox_settings: Point, key_file: str, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=MESSAGES)
    data = sandbox_settings(sandbox, **VENDOR)
    fill("chats")
    plain = shown(data, "SELECT message_id, client_phone FROM chats ORDER BY 1")
    said = {"PERSONAL": '{"phone": "pseudonymise"}', "PERSONAL_KEY_FILE": key_file}
    sandbox_settings(sandbox, **VENDOR, **said)
    assert (
        "1 days of chats were loaded under other policies for personal data: `smartconnect "
        "rebuild` brings them under those that are set now."
    ) in notes_of_a_run("chats", date_to="02.02.2026", from_raw=True)
    versions = []
    for _ in range(2):
        fill("chats", from_raw=True)
        hashed = shown(data, "SELECT message_id, client_phone FROM chats ORDER BY 1")
        assert [row[0] for row in hashed] == [row[0] for row in plain]
        pairs = {(was[1], now[1]) for was, now in zip(plain, hashed, strict=True)}
        assert len(pairs) == len({phone for _, phone in plain}) == len({p for _, p in hashed})
        versions.append({str(phone)[:3] for _, phone in hashed})
        add_key(Path(key_file), data_root=data)
    assert versions == [{"p1:"}, {"p2:"}]


@pytest.mark.promise("secrets-policy")
def test_messages_without_an_id_stay_the_same_ones_under_every_policy(
    start_sandbox: Start, sandbox_settings: Point, key_file: str
) -> None:
    """Days share rows where threads are selected: which are one must not depend on texts."""
    sandbox = start_sandbox(
        messages_per_day=200,
        selection="thread",
        column_changes=(ColumnChange("Строка", "ID сообщения"),),
        faults=(Fault("duplicate-rows"),),
    )
    counted = []
    for policies in ("{}", '{"text": "pseudonymise", "chat_id": "pseudonymise"}', '{"*": "drop"}'):
        data = sandbox_settings(
            sandbox,
            DATE_TO="inclusive",
            SELECTION="thread",
            PERSONAL=policies,
            PERSONAL_KEY_FILE=key_file,
        )
        fill("chats", **({"from_raw": True} if counted else {}))
        sql = "SELECT window_day, count(*), count(message_id) FROM chats GROUP BY 1 ORDER BY 1"
        counted.append(shown(data, sql))
    assert counted[0] == counted[1] == counted[2]
    assert counted[0][0][2] == 0
    texts = "SELECT count(*) = 0 FROM chats WHERE text <> '' AND text NOT SIMILAR TO 'p1:[a-z2-7]+'"
    assert shown(data, texts) == [(True,)]


@pytest.mark.rehearsal
@pytest.mark.promise("secrets-public")
def test_releases_without_personal_columns_hold_no_person_in_any_byte(
    start_sandbox: Start, sandbox_settings: Point, searcher: Searcher
) -> None:
    faults = (Fault("impossible-date"), Fault("duplicate-rows"))
    sandbox = start_sandbox(messages_per_day=MESSAGES, faults=faults)
    data = sandbox_settings(sandbox, **VENDOR)
    fill()
    asyncio.run(snapshot_users_flow())
    releases, counts = data / "releases", "SELECT count(*), max(message_id) FROM chats"
    assert searcher.below(releases)
    whole = shown(data, counts)
    sandbox_settings(sandbox, **VENDOR, PUBLISH_PERSONAL="false")
    fill()
    assert searcher.below(releases) == {}
    assert [path.name for path in releases.iterdir()] == [(data / "current").resolve().name]
    assert shown(data, counts) == whole
    _assert_no_personal_column(data)
    assert searcher.below(data / "state")
    assert (data / "lake").stat().st_mode & 0o777 == 0o700
    links = {path.stat().st_nlink for path in data.glob("lake/*/*/*.parquet")}
    assert links == {1}
    fill("chats", force=True)
    assert searcher.below(releases) == {}
    sandbox_settings(sandbox, **VENDOR, PUBLISH_PERSONAL="true")
    rebuild_everything(load_settings(), lambda done, total: None)
    assert searcher.in_file((data / "current").resolve() / "warehouse.duckdb")
    modes = {path.stat().st_mode & 0o777 for path in (data / "current").resolve().rglob("*.*")}
    assert modes == {0o444}


def _assert_no_personal_column(data: Path) -> None:
    release = (data / "current").resolve()
    personal = {f.name for dataset in DATASETS.values() for f in dataset.fields if f.personal}
    for path in release.rglob("*.parquet"):
        assert not personal & set(pq.read_schema(path).names)
    with duckdb.connect(str(release / "warehouse.duckdb"), read_only=True) as connection:
        columns = connection.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
        tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        told = connection.execute("SELECT DISTINCT personal FROM meta.columns").fetchall()
    assert not (personal | {"raw", "first_id", "last_id"}) & {name for name, _ in columns}
    assert all(comment for name, comment in columns)
    assert {"chats", "users", "users_history", "user_snapshots", "loads"} <= {t[0] for t in tables}
    assert told == [(False,)]


@pytest.mark.promise("secrets-key")
@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"PERSONAL": '{"client_phone": "pseudonymise"}'}, UnusablePolicy),
        ({"PERSONAL": '{"nick": "drop"}'}, UnusablePolicy),
        ({"PERSONAL_KEY_FILE": "nowhere.key"}, UnusableKey),
        ({"PERSONAL_KEY_FILE": "data/state/personal.key"}, UnusableKey),
    ],
)
def test_a_run_that_cannot_protect_starts_nothing(
    said: dict[str, str], refusal: type[Exception], start_sandbox: Start, sandbox_settings: Point
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=5), **VENDOR, **said)
    with pytest.raises(refusal):
        fill("chats")
    assert not data.exists()
