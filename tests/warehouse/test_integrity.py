"""What was done to a release is found by what tells of it, or, where asked, by every byte."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from warehouse.integrity import DATABASE, Files, find_damage, fingerprints, sha256

PART = "parquet/chats/window_day=2026-02-01/part.parquet"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{tmp_path / DATABASE}' AS it (STORAGE_VERSION 'v1.0.0')")
        connection.execute("CREATE TABLE it.t AS SELECT i, hash(i) AS h FROM range(200000) r(i)")
    (tmp_path / PART).parent.mkdir(parents=True)
    pq.write_table(pa.table({"text": [f"{n}" for n in range(1000)]}), tmp_path / PART)
    return tmp_path


def flip(path: Path, at: int) -> None:
    """Another bit beneath everybody: length and times are as they were."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def changed(release: Path, known: Files, *, whole: bool) -> tuple[str, ...]:
    damage = find_damage(1, release, known, whole=whole)
    return damage.changed if damage else ()


def test_the_database_is_known_by_its_blocks_and_all_else_by_hash(release: Path) -> None:
    known = fingerprints(release, {})
    # Empty, not absent: software from before the blocks replaces such a release.
    assert known[DATABASE]["blocks"]
    assert known[DATABASE]["sha256"] == ""
    assert known[PART]["sha256"] == sha256(release / PART)
    assert changed(release, known, whole=False) == changed(release, known, whole=True) == ()


def test_what_duckdb_writes_is_found_whatever_the_times_say(release: Path) -> None:
    known, database = fingerprints(release, {}), release / DATABASE
    status = database.stat()
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE t SET h = 0 WHERE i = 7")
    os.truncate(database, max(status.st_size, database.stat().st_size))
    os.utime(database, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert changed(release, known, whole=False) == (DATABASE,)


@pytest.mark.parametrize("name", [DATABASE, PART])
def test_a_byte_that_went_wrong_beneath_is_found_when_every_byte_is_read(
    release: Path, name: str
) -> None:
    known = fingerprints(release, {})
    flip(release / name, 3 * 4096 + 5000 if name == DATABASE else 2000)
    assert changed(release, known, whole=False) == ()
    assert changed(release, known, whole=True) == (name,)


def test_a_release_of_an_earlier_version_is_proven_by_the_hash_it_has(release: Path) -> None:
    known = {
        name: {
            "bytes": (release / name).stat().st_size,
            "mtime_ns": (release / name).stat().st_mtime_ns,
            "sha256": sha256(release / name),
        }
        for name in (DATABASE, PART)
    }
    assert changed(release, known, whole=False) == ()
    flip(release / DATABASE, 3 * 4096 + 5000)
    assert changed(release, known, whole=False) == (DATABASE,)
