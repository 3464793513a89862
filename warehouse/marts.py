"""Reading the marts of a release: of its database, or of its Parquet files alone.

Whoever reads opens a reader for one picture and closes it again: it has resolved `current` once,
so that a release published meanwhile changes nothing it sees.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse.errors import NoSuchRelease
from warehouse.integrity import DATABASE
from warehouse.layout import DataDirectory
from warehouse.martmaking import CHATS_READ, Company, make_mart_views, read_company
from warehouse.published import Release, current_release, number_of, told_of
from warehouse.releasefiles import MART_FILES, mart_folder
from warehouse.schema import literal
from warehouse.sparetree import PARQUET

_THREADS = 2


@dataclass(frozen=True)
class Reader:
    """The marts of one release. Not for several threads at once: open another."""

    connection: duckdb.DuckDBPyConnection = field(repr=False)
    path: Path
    release: int
    released_at: datetime | None
    time_zone: str
    company: Company
    names_published: bool
    texts_published: bool


def table_of(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> pa.Table:
    """The answer of a SELECT."""
    found: pa.Table = connection.sql(sql, params=list(parameters) or None).to_arrow_table()
    return found


@contextmanager
def release_reader(layout: DataDirectory, *, memory_limit_mb: int = 500) -> Iterator[Reader]:
    """The marts of the current release's database, read-only, within the block.

    Raises:
        NoSuchRelease: nothing is published yet, or it was before there were marts.
    """
    release = _current(layout)
    with _connected(release.path / DATABASE, memory_limit_mb) as connection:
        yield _reader(connection, release)


@contextmanager
def parquet_reader(layout: DataDirectory, *, memory_limit_mb: int = 500) -> Iterator[Reader]:
    """The same marts over the current release's Parquet files alone, in memory.

    Raises:
        NoSuchRelease: as `release_reader`.
    """
    release = _current(layout)
    with _connected(None, memory_limit_mb) as connection:
        # A release's files never change: what each says of itself is read once, not by every query.
        connection.execute("SET parquet_metadata_cache = true")
        _make_over_parquet(connection, release)
        yield _reader(connection, release)


def _current(layout: DataDirectory) -> Release:
    release = current_release(layout)
    if release is None:
        raise NoSuchRelease(f"Nothing is published in {layout.root} yet: run a nightly first.")
    return release


@contextmanager
def _connected(path: Path | None, memory_limit_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that spills into a folder of its own, which is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="smartconnect-") as spill,
        duckdb.connect(str(path) if path else ":memory:", read_only=path is not None) as connection,
    ):
        connection.execute(f"SET memory_limit = '{int(memory_limit_mb)}MB'")
        connection.execute(f"SET threads = {_THREADS}")
        connection.execute(f"SET temp_directory = {literal(spill)}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _reader(connection: duckdb.DuckDBPyConnection, release: Release) -> Reader:
    company = read_company(connection)
    if company is None:
        raise NoSuchRelease(
            f"Release {release.number} was made before there were marts: run a nightly first."
        )
    columns, told = _columns(connection, "main.chats"), told_of(release)
    return Reader(
        connection,
        release.path,
        number_of(release, told),
        _released_at(told),
        company.time_zone,
        company,
        "user_name" in columns,
        "text" in columns,
    )


def _released_at(told: Mapping[str, object]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(told["created_at"])).astimezone(UTC)
    except (ValueError, KeyError):
        return None


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(f"DESCRIBE {table}").fetchall()]


def _make_over_parquet(connection: duckdb.DuckDBPyConnection, release: Release) -> None:
    """Datasets and the company's tables as views over files, and the marts as always."""
    parquet = release.path / PARQUET
    if not mart_folder(parquet, "company").exists():
        return
    connection.execute("CREATE SCHEMA mart")
    for name in MART_FILES:
        path = mart_folder(parquet, name) / "part.parquet"
        connection.execute(f"CREATE VIEW mart.{name} AS FROM read_parquet({literal(str(path))})")
    columns = {"chats": _chats_over(connection, parquet / "chats")}
    users = parquet / "users" / "part.parquet"
    if users.exists():
        connection.execute(f"CREATE VIEW users AS FROM read_parquet({literal(str(users))})")
        columns["users"] = _columns(connection, "users")
    company = read_company(connection) or Company()
    make_mart_views(connection, columns, company, given=MART_FILES)


def _chats_over(connection: duckdb.DuckDBPyConnection, root: Path) -> list[str]:
    """Make `chats` of its files, the day a column too; empty where no day is loaded."""
    days = str(root / "*" / "part.parquet")
    files = (
        f"read_parquet({literal(days)}, hive_partitioning = true, "
        "hive_types = {'window_day': DATE})"
    )
    if next(root.glob("*/part.parquet"), None) is None:
        columns = {**CHATS_READ, "window_day": "DATE"}.items()
        declared = ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns)
        connection.execute(f"CREATE VIEW chats AS SELECT {declared} WHERE false")
    else:
        connection.execute(f"CREATE VIEW chats AS FROM {files}")
    return _columns(connection, "chats")
