"""A DuckDB file is known by its blocks' checksums: what DuckDB writes shows, and what it didn't."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.blocks import block_fingerprint, is_broken

HEAD, BLOCK = 3 * 4096, 256 * 1024


def attached(path: Path) -> duckdb.DuckDBPyConnection:
    """As the writer has it."""
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{path}' AS it (STORAGE_VERSION 'v1.0.0')")
    connection.execute("USE it")
    return connection


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Some megabytes, of which a table that was dropped left blocks free."""
    path = tmp_path / "it.duckdb"
    with attached(path) as connection:
        connection.execute("CREATE TABLE kept AS SELECT i, hash(i) AS h FROM range(200000) t(i)")
        connection.execute("CREATE TABLE gone AS SELECT i, hash(-i) AS h FROM range(400000) t(i)")
        connection.execute("CHECKPOINT")
        connection.execute("DROP TABLE gone")
        connection.execute("CHECKPOINT")
    return path


def flip(path: Path, at: int) -> None:
    """Another bit, beneath DuckDB."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def blocks_in_use(path: Path) -> set[int]:
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute("SELECT block_id FROM pragma_storage_info('kept')").fetchall()
    return {int(row[0]) for row in found if row[0] is not None and row[0] >= 0}


def test_a_copy_has_the_same_fingerprint_and_reading_changes_none(database: Path) -> None:
    before, copy = block_fingerprint(database), database.with_name("copy.duckdb")
    shutil.copyfile(database, copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute("SELECT sum(h) FROM kept").fetchall()
    assert before is not None
    assert block_fingerprint(copy) == before
    assert not is_broken(copy)


def test_what_is_not_duckdbs_has_none(tmp_path: Path, database: Path) -> None:
    other = tmp_path / "other"
    for content in (b"", b"text", os.urandom(HEAD + BLOCK)):
        other.write_bytes(content)
        assert block_fingerprint(other) is None
    other.write_bytes(database.read_bytes()[:-1])
    assert block_fingerprint(other) is None


def test_a_byte_that_changed_beneath_duckdb_is_found_where_blocks_are_read(database: Path) -> None:
    before = block_fingerprint(database)
    flip(database, HEAD + min(blocks_in_use(database)) * BLOCK + 1000)
    assert block_fingerprint(database) == before
    assert is_broken(database)


def test_a_free_block_that_was_left_torn_is_no_damage(database: Path) -> None:
    count = (database.stat().st_size - HEAD) // BLOCK
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute("SELECT free_blocks FROM pragma_database_size()").fetchone()
    assert row is not None
    assert row[0] > 0
    torn = 0
    for block in sorted(set(range(count)) - blocks_in_use(database)):
        copy = database.with_name(f"torn-{block}.duckdb")
        shutil.copyfile(database, copy)
        flip(copy, HEAD + block * BLOCK + 1000)
        torn += not is_broken(copy)
        copy.unlink()
    assert torn >= row[0]  # also what is behind metadata's end


STEPS = st.lists(
    st.sampled_from(
        (
            "INSERT INTO kept SELECT i, hash(i) FROM range(5000) t(i)",
            "DELETE FROM kept WHERE i % 7 = 3",
            "UPDATE kept SET h = h + 1 WHERE i < 10",
            "CREATE OR REPLACE TABLE gone AS SELECT i FROM range(90000) t(i)",
            "COMMENT ON TABLE kept IS 'other'",
            "SELECT count(*) FROM kept",
        )
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=15, deadline=None)
@given(steps=STEPS)
def test_the_fingerprint_is_another_if_and_only_if_the_bytes_are(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    path = tmp_path_factory.mktemp("blocks") / "it.duckdb"
    with attached(path) as connection:
        connection.execute("CREATE TABLE kept AS SELECT i, hash(i) AS h FROM range(150000) t(i)")
    seen = {path.read_bytes(): block_fingerprint(path)}
    for step in steps:
        with attached(path) as connection:
            connection.execute(step)
            connection.execute("CHECKPOINT")
        seen[path.read_bytes()] = block_fingerprint(path)
    assert None not in seen.values()
    assert len(set(seen.values())) == len(seen)
    assert not is_broken(path)
