"""Data that each earlier version wrote is opened, loaded into and published by this one: nothing
of what it held is lost, and its own release stays readable. And the way back.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from prefect.settings import PREFECT_API_URL
from rich.console import Console

from flows.backfill import backfill
from flows.rebuild import run_rebuild
from flows.status import show_status
from sandbox.server import RunningSandbox

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
VERSIONS = tomllib.loads((HERE / "versions.toml").read_text(encoding="utf-8"))
pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
SMALL = {"messages_per_day": 40, "export_seconds": 0.05}
CONTENT = """
    SELECT * FROM (
        SELECT message_id, chat_id, sent_at, sent_at_utc, window_day, direction, author_type,
               user_name, client_phone, channel, text
        FROM chats) ORDER BY ALL"""
# Whatever columns a table had: they are there afterwards, under the same names and types.
COLUMNS = """
    SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns()
    WHERE NOT internal AND database_name = 'release' AND schema_name IN ('main', 'meta')"""


def asked(release: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{release / 'warehouse.duckdb'}' AS release (READ_ONLY)")
        connection.execute("USE release")
        return connection.execute(query).fetchall()


def unpacked(version: str, folder: Path) -> Path:
    with tarfile.open(HERE / f"{version}.tar.xz") as archive:
        archive.extractall(folder, filter="fully_trusted")
    return folder


def test_each_archive_is_told_of() -> None:
    assert {path.name.partition(".")[0] for path in HERE.glob("*.tar.xz")} == set(VERSIONS)
    assert all((HERE / f"{version}.tar.xz").stat().st_size < 300_000 for version in VERSIONS)


@pytest.mark.promise("operations-upgrade")
@pytest.mark.parametrize("version", VERSIONS)
def test_data_of_an_earlier_version_is_loaded_into_and_published(
    version: str,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    data = sandbox_settings(start_sandbox(**SMALL), DATE_TO="inclusive", SELECTION="message")
    unpacked(version, data)
    first = (data / "releases" / "1").resolve()
    before, columns = asked(first, CONTENT), asked(first, COLUMNS)
    assert len(before) > 300
    assert show_status(Console(quiet=True), every_month=False) == 0
    asyncio.run(backfill(date_from="20.11.2026", date_to="21.11.2026"))  # type: ignore[arg-type]
    now = (data / "current").resolve()
    assert now.name != "1"
    after = asked(now, CONTENT)
    assert set(before) <= set(after)
    assert len(after) > len(before)
    assert set(columns) <= set(asked(now, COLUMNS))
    assert asked(now, "SELECT count(*) > 0 FROM mart.messages") == [(True,)]
    assert asked(first, CONTENT) == before  # whoever reads it goes on
    assert asked(now, "SELECT count(*) FROM meta.loads")[0][0] == 4 + int(
        str(asked(first, "SELECT count(*) FROM meta.loads")[0][0])
    )


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("LONG"), reason="as the way back; LONG=1 runs it")
@pytest.mark.promise("operations-upgrade")
@pytest.mark.parametrize("version", VERSIONS)
def test_days_of_an_earlier_version_are_read_again_from_its_raw_files(
    version: str,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    data = sandbox_settings(start_sandbox(**SMALL), DATE_TO="inclusive", SELECTION="message")
    unpacked(version, data)
    before = asked((data / "releases" / "1").resolve(), CONTENT)
    rebuilt = run_rebuild(Console(quiet=True)) == 0
    assert rebuilt == VERSIONS[version].get("rebuilds", True)  # if not: nothing was changed
    assert asked((data / "current").resolve(), CONTENT) == before


EARLIER = """
import asyncio, flows
assert flows.__file__.startswith({there!r}), flows.__file__
from flows.backfill import backfill
asyncio.run(backfill(date_from="18.11.2026", date_to="18.11.2026"))
"""


def git(*words: str) -> bytes:
    command = ["git", "-C", str(PROJECT), *words]
    return subprocess.run(command, check=True, capture_output=True).stdout


def earlier_code(version: str, folder: Path) -> Path:
    """The code of an earlier version, from this repository's history."""
    try:
        archive = git("archive", version)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"the history of this checkout has no {version}: the way back is not tried")
    folder.mkdir()
    subprocess.run(["tar", "x", "-C", str(folder)], input=archive, check=True)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("LONG"), reason="takes a minute; LONG=1 runs it")
@pytest.mark.promise("operations-upgrade")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_earlier_version_goes_on_where_this_one_was_or_refuses_and_changes_nothing(
    version: str,
    tmp_path: Path,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    data = sandbox_settings(start_sandbox(**SMALL), DATE_TO="inclusive", SELECTION="message")
    unpacked(list(VERSIONS)[-1], data)
    asyncio.run(backfill(date_from="20.11.2026", date_to="20.11.2026"))  # type: ignore[arg-type]
    now = (data / "current").resolve()
    before = asked(now, CONTENT)
    there = earlier_code(version, tmp_path / "earlier")
    environment = {
        **os.environ,
        "PYTHONPATH": str(there),
        "PREFECT_API_URL": PREFECT_API_URL.value(),
    }
    ran = subprocess.run(
        [sys.executable, "-c", EARLIER.format(there=str(there))],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode == 0) == VERSIONS[version].get("goes_back", True), ran.stderr[-2000:]
    if ran.returncode == 0:
        assert (data / "current").resolve() != now
        assert set(before) <= set(asked((data / "current").resolve(), CONTENT))
    else:
        assert "ContractChanged" in ran.stderr
        assert (data / "current").resolve() == now
    # And forward once more.
    asyncio.run(backfill(date_from="17.11.2026", date_to="17.11.2026"))  # type: ignore[arg-type]
    assert set(before) < set(asked((data / "current").resolve(), CONTENT))
