"""Somebody who may (root) opens a release for writing and changes it, or leaves a log beside it:
the next run replaces that release by what is loaded, says so, and disturbs nobody who has it open.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from crashing.checks import Content, content, leftovers, whole
from crashing.rehearsal import Rehearsal, Zygote

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running_sandbox
from warehouse.layout import DataDirectory
from warehouse.published import current_release

COMPANY = SandboxOptions(messages_per_day=60, selection="thread")
KNOWN = {"DATE_TO": "inclusive", "SELECTION": "thread", "EXPORT_JOBS": "4", "KEEP_RELEASES": "5"}
CHANGE = "UPDATE chats SET text = 'somebody else wrote this'"
DIE_WITH_A_LOG = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("SET wal_autocheckpoint = '1GB'")
connection.execute(sys.argv[2])
os._exit(0)
"""


@pytest.fixture(scope="module")
def vendor() -> Iterator[RunningSandbox]:
    with running_sandbox(COMPANY) as found:
        yield found


@pytest.fixture(scope="module")
def filled(
    forking: Zygote, vendor: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A data directory with one release; made once."""
    found = Rehearsal(forking, vendor, tmp_path_factory.mktemp("filled") / "run", KNOWN)
    found.must("first")
    return found.data


@pytest.fixture
def rehearsal(forking: Zygote, vendor: RunningSandbox, filled: Path, tmp_path: Path) -> Rehearsal:
    found = Rehearsal(forking, vendor, tmp_path / "run", KNOWN)
    found.copy_from(filled)
    return found


def published(rehearsal: Rehearsal) -> Path:
    release = current_release(DataDirectory(rehearsal.data))
    assert release is not None
    return release.path


def open_for_writing(release: Path) -> Path:
    """As root may at any time."""
    release.chmod(0o755)
    database = release / "warehouse.duckdb"
    database.chmod(0o640)
    return database


def rewrite(path: Path) -> None:
    """Another file's content under the same inode, which the lake has too."""
    path.chmod(0o640)
    rows = pq.read_table(path)
    with path.open("r+b") as file:
        file.truncate(0)
        pq.write_table(rows.slice(0, 1), file)


def is_replaced(rehearsal: Rehearsal, before: Content, *said: str) -> None:
    """A run that has nothing new publishes what is loaded, and says why."""
    damaged = published(rehearsal)
    rehearsal.log.unlink(missing_ok=True)
    rehearsal.must("same")
    told = rehearsal.log.read_text()
    for sentence in (f"Release {damaged.name} is not what was published", *said):
        assert sentence in told, told
    assert "It was replaced by a new release" in told
    assert published(rehearsal) != damaged
    assert not damaged.exists()
    assert whole(rehearsal.data)
    assert content(rehearsal.data) == before
    rehearsal.log.unlink()
    rehearsal.must("same")
    assert "is not what was published" not in rehearsal.log.read_text()
    assert leftovers(rehearsal.data) == []


@pytest.mark.promise("reader-writes", "reader-holds-release")
def test_a_release_that_was_written_into_is_replaced_and_reported(rehearsal: Rehearsal) -> None:
    before = content(rehearsal.data)
    with duckdb.connect(str(open_for_writing(published(rehearsal)))) as connection:
        connection.execute(CHANGE)
        connection.execute("CHECKPOINT")
        is_replaced(rehearsal, before, "written into: warehouse.duckdb")
        asked = "SELECT DISTINCT text FROM chats"
        assert connection.execute(asked).fetchall() == [("somebody else wrote this",)]


@pytest.mark.promise("reader-wal")
def test_a_log_that_is_left_in_a_release_is_replaced_with_it_and_reported(
    rehearsal: Rehearsal,
) -> None:
    before, database = content(rehearsal.data), open_for_writing(published(rehearsal))
    command = [sys.executable, "-c", DIE_WITH_A_LOG, str(database), CHANGE]
    subprocess.run(command, check=True)
    assert database.with_name("warehouse.duckdb.wal").exists()
    assert content(rehearsal.data) != before
    is_replaced(rehearsal, before, "left in it: warehouse.duckdb.wal")


@pytest.mark.promise("reader-writes")
@pytest.mark.parametrize("change", [Path.unlink, rewrite], ids=["gone", "other"])
def test_a_parquet_file_of_a_release_is_made_good_and_the_lake_with_it(
    change: Callable[[Path], None], rehearsal: Rehearsal
) -> None:
    before, release = content(rehearsal.data), published(rehearsal)
    name = "parquet/statistics/window_day=2026-02-02/part.parquet"
    assert (release / name).stat().st_nlink == 2
    rows = pq.read_table(release / name).num_rows
    change(release / name)
    is_replaced(rehearsal, before, name)
    lake = list((rehearsal.data / "lake/statistics/window_day=2026-02-02").iterdir())
    assert len(lake) == 1
    assert pq.read_table(lake[0]).num_rows == rows > 1
