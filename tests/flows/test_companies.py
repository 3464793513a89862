"""Several companies' releases, read as one and alone: every tool, one script, one reader."""

from __future__ import annotations

import asyncio
import grp
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest
from s3server import S3Server, s3_server
from typer.testing import CliRunner

from flows.backfill import backfill
from flows.cli import app
from flows.personal import data_directory
from flows.settings import load_settings
from sandbox.server import RunningSandbox
from warehouse.reading import query_release
from warehouse.store import ObjectStore
from warehouse.storepointer import read_manifest, read_pointer

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
MESSAGES = {"acme": 40, "b-2": 60}
NOBODY = 65534
GROUPS = {"acme": "daemon", "b-2": "bin"}  # groups that every Linux has
Start = Callable[..., RunningSandbox]
COUNT = "SELECT company, count(*) FROM {} GROUP BY ALL ORDER BY ALL"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder that a reader without rights may enter."""
    with tempfile.TemporaryDirectory(prefix="smartconnect-companies-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder).resolve()


@pytest.fixture(scope="module")
def object_store() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def two(
    home: Path, start_sandbox: Start, object_store: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Two companies with two days each, on an object store too; a third has none yet."""
    monkeypatch.setenv("SMARTCONNECT_HOME", str(home))
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    files = home / "companies"
    if files.exists():
        return home
    files.mkdir(mode=0o700)
    (home / ".env").touch(mode=0o600)
    (home / ".env").write_text("SMARTCONNECT_STORE_URL=s3://releases/x\n")
    (files / "new.env").write_text("SMARTCONNECT_TOKEN=not-used-yet\n")
    for number, (key, messages) in enumerate(MESSAGES.items()):
        running = start_sandbox(token=f"token-of-{key}", messages_per_day=messages, seed=number + 1)
        group = f"SMARTCONNECT_PUBLISHED_GROUP={GROUPS[key]}\n" if os.geteuid() == 0 else ""
        (files / f"{key}.env").write_text(
            f"SMARTCONNECT_TOKEN={running.token}\nSMARTCONNECT_BASE_URL={running.base_url}\n"
            "SMARTCONNECT_SANDBOX=true\nSMARTCONNECT_DATE_TO=inclusive\n"
            f"SMARTCONNECT_SELECTION=message\n{group}"
        )
        monkeypatch.setenv("SMARTCONNECT_COMPANY", key)
        asyncio.run(backfill(date_from="02.02.2026", date_to="03.02.2026"))  # type: ignore[arg-type]
    monkeypatch.delenv("SMARTCONNECT_COMPANY")
    return home


def counts() -> list[tuple[str, int]]:
    """What each company's own release has."""
    found = {
        key: query_release(data_directory(load_settings(key)), "SELECT count(*) FROM chats").rows
        for key in MESSAGES
    }
    return [(key, rows[0][0]) for key, rows in found.items()]


def test_each_tool_reads_all_companies_by_their_paths_with_a_column_company(two: Path) -> None:
    """As docs/companies.md shows it."""
    links = f"{two}/data/company=*/current/parquet/chats/*/*.parquet"
    by_path = duckdb.sql(COUNT.format(f"read_parquet('{links}', hive_partitioning = true)"))
    assert by_path.fetchall() == counts()
    paths = [
        str(path)
        for company in sorted((two / "data").glob("company=*"))
        for path in (company / "current").resolve().glob("parquet/chats/*/*.parquet")
    ]
    assert len(paths) == 4
    by_duckdb = duckdb.sql(COUNT.format(f"read_parquet({paths}, hive_partitioning = true)"))
    assert by_duckdb.fetchall() == counts()
    by_polars = pl.scan_parquet(paths, hive_partitioning=True).group_by("company").len().collect()
    assert sorted(by_polars.rows()) == counts()
    table = ds.dataset(paths, partitioning="hive")
    by_arrow = table.to_table(columns=["company"]).column("company").value_counts()
    assert sorted((row["values"], row["counts"]) for row in by_arrow.to_pylist()) == counts()
    frame = pd.read_parquet(paths, columns=["company"], partitioning="hive")
    found = frame.groupby("company", observed=True).size()
    assert sorted((str(key), int(rows)) for key, rows in found.items()) == counts()


def test_one_script_shows_all_companies_as_one_database(two: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["companies", "--sql"])
    assert told.exit_code == 0, told.output
    assert "-- new has published nothing yet" in told.output
    with duckdb.connect() as connection:
        connection.execute(told.output)
        assert connection.execute(COUNT.format("chats")).fetchall() == counts()
        known = connection.execute("SELECT company, time_zone FROM mart.company ORDER BY ALL")
        assert known.fetchall() == [(key, "Europe/Moscow") for key in sorted(MESSAGES)]
        for table in ("messages", "mart.threads", "mart.response_by_day", "meta.days"):
            rows = dict(connection.execute(COUNT.format(table)).fetchall())
            alone = {
                key: query_release(
                    data_directory(load_settings(key)), f"SELECT count(*) FROM {table}"
                ).rows[0][0]
                for key in MESSAGES
            }
            assert rows == {key: number for key, number in alone.items() if number}, table


def test_a_release_says_whose_it_is(two: Path) -> None:
    for key in MESSAGES:
        layout = data_directory(load_settings(key))
        assert layout.origin == f"sandbox, company {key}"
        assert query_release(layout, "SELECT company FROM mart.company").rows == [(key,)]
        assert f'"company": "{key}"' in (layout.current / "manifest.json").read_text()


def test_the_table_of_companies_and_the_status_of_all(two: Path) -> None:
    told = CliRunner().invoke(app, ["companies"], env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.output
    lines = {key: line for line in told.output.splitlines() for key in MESSAGES if key in line}
    assert set(lines) == set(MESSAGES)
    assert all(" 1 " in line for line in lines.values())
    status = CliRunner().invoke(app, ["status"], env={"COLUMNS": "200"})
    assert status.exit_code == 1  # the third one has nothing yet
    assert status.output.count("Release 1 at") == 2


@pytest.mark.promise("companies-reader")
def test_a_prefix_of_the_store_has_one_company_s_alone(two: Path) -> None:
    """What the policy in docs/companies.md opens: its prefix, and nothing in it leads elsewhere."""
    for key in MESSAGES:
        store = load_settings(key).store
        assert store == f"s3://releases/x/company={key}-sandbox"
        found = ObjectStore(store)
        pointer = read_pointer(found)
        assert pointer is not None
        manifest = read_manifest(found, pointer.pointer.manifest)
        assert manifest is not None
        named = {told["key"] for told in manifest["files"].values()}
        assert named <= {listed.key for listed in found.listed("")}
        assert pointer.pointer.origin == f"sandbox, company {key}"
    others = {item.key.split("/")[0] for item in ObjectStore("s3://releases/x").listed("")}
    assert others == {f"company={key}-sandbox" for key in MESSAGES}


READ_ALL = """
import os, sys
from pathlib import Path
root, group = Path(sys.argv[1]), int(sys.argv[2])
os.setgroups([group]); os.setgid(65534); os.setuid(65534)
for folder, _, names in os.walk(root, onerror=lambda error: None):
    for name in names:
        try:
            (Path(folder) / name).read_bytes()
        except OSError:
            continue
        print(Path(folder, name).relative_to(root))
"""


@pytest.mark.promise("companies-reader")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("key", list(MESSAGES))
def test_a_reader_of_one_company_reads_nothing_of_another(two: Path, key: str) -> None:
    command = [sys.executable, "-c", READ_ALL, str(two), str(grp.getgrnam(GROUPS[key]).gr_gid)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    read = done.stdout.splitlines()
    assert f"data/company={key}/releases/1/warehouse.duckdb" in read
    assert {path.split("/")[1] for path in read} == {f"company={key}"}
    assert not [path for path in read if path.split("/")[2] in ("raw", "state", "quarantine")]
