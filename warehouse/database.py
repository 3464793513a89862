"""The writer's database: one writer at a time over all processes, opened for a short step only.

DuckDB keeps a leftover write-ahead log after a kill and replays it when the file is opened next.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from warehouse.disk import on_disk
from warehouse.errors import WriterBusy
from warehouse.layout import PRIVATE_FILE, DataDirectory, sync
from warehouse.schema import Contract, literal, make_meta
from warehouse.writercopy import bring_newest

# Readable by every client from DuckDB 1.1 on; 2.0's own default is not.
STORAGE_VERSION = "v1.0.0"
# A checkpoint writes what describes the whole database, and opening it replays its log: the latter
# costs this many times more a byte.
_LOG_TO_DATABASE = 75


@dataclass
class Writer:
    """An open writer's database, attached as `warehouse` and in use."""

    connection: duckdb.DuckDBPyConnection
    layout: DataDirectory
    holder: str
    contracts: dict[str, Contract] = field(default_factory=dict)
    _committing: list[Callable[[], None]] | None = None

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Commit at the end of the block, roll back where it raises; part of `together` in one."""
        if self._committing is not None:
            yield self.connection
            return
        self.connection.execute("BEGIN")
        try:
            yield self.connection
        except BaseException:
            with suppress(duckdb.Error):
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        sys.audit("smartconnect.point", "warehouse.database.committed")
        sync(self.layout.state)  # DuckDB syncs its log, and not the name of it

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make the block's transactions one: all are committed at its end, or none.

        Each commit compresses a table's last rows anew, so that small ones cost twice their rows.
        What one of them raises must leave the block, for it may have been done by half.

        Raises:
            DirectoryUnusable: at the end; nothing was committed.
        """
        committing: list[Callable[[], None]] = []
        with on_disk("commit what was loaded"), self.transaction():
            self._committing = committing
            try:
                yield
            finally:
                self._committing = None
        for work in committing:
            work()

    def once_committed(self, work: Callable[[], None]) -> None:
        """Do `work` when what was done in the last transaction is durable: now, mostly."""
        if self._committing is None:
            work()
        else:
            self._committing.append(work)


@contextmanager
def open_writer(
    layout: DataDirectory,
    *,
    holder: str,
    wait_seconds: float,
    schemas: Sequence[pa.Schema] = (),
    memory_limit_mb: int = 250,
    keep_log: bool = False,
) -> Iterator[Writer]:
    """Be the only writer within the block.

    Args:
        layout: the data directory, initialised.
        holder: who we are, for whoever waits: no personal data.
        wait_seconds: how long to wait for another writer.
        schemas: the contracts of the datasets that are worked with.
        memory_limit_mb: DuckDB's memory; beyond it, it spills to the disk.
        keep_log: whoever opens it next may replay what was written, where that is cheaper than a
            checkpoint; for the steps of a run that another one follows.

    Raises:
        WriterBusy: another run writes for longer; the message says which and since when.
    """
    with writer_lock(layout, holder=holder, wait_seconds=wait_seconds):
        bring_newest(layout)
        with opened(
            layout, holder=holder, schemas=schemas, memory_limit_mb=memory_limit_mb
        ) as writer:
            yield writer
            if keep_log and _log_is_cheaper(layout):
                writer.connection.execute("PRAGMA disable_checkpoint_on_shutdown")


@contextmanager
def writer_lock(layout: DataDirectory, *, holder: str, wait_seconds: float) -> Iterator[None]:
    """Keep every other writer out within the block.

    Raises:
        WriterBusy: as `open_writer`.
    """
    lock = FileLock(layout.state / "writer.lock", thread_local=False, mode=PRIVATE_FILE)
    note = layout.state / "writer.holder"
    try:
        with on_disk("lock the database"):
            lock.acquire(timeout=wait_seconds, poll_interval=0.05)
    except Timeout:
        raise WriterBusy(
            f"The warehouse is being written by {_holder(note)}, and {wait_seconds:g} seconds of "
            "waiting did not change that: let it end, or stop it, then run again."
        ) from None
    try:
        with on_disk("say who writes"):
            since = f"{datetime.now(UTC):%d.%m. %H:%M} UTC"
            note.write_text(f"{holder} (process {os.getpid()}, since {since})", encoding="utf-8")
        sys.audit("smartconnect.point", "warehouse.database.holder-noted")
        yield
    finally:
        lock.release()


@contextmanager
def opened(
    layout: DataDirectory,
    *,
    holder: str,
    schemas: Sequence[pa.Schema] = (),
    memory_limit_mb: int = 250,
) -> Iterator[Writer]:
    """The database of a directory within the block; the caller holds its `writer_lock`."""
    with on_disk("open the database"):
        connection = _connect(layout, memory_limit_mb)
    try:
        contracts = [Contract(schema) for schema in schemas]
        yield Writer(connection, layout, holder, {c.dataset: c for c in contracts})
    finally:
        connection.close()
        sys.audit("smartconnect.point", "warehouse.database.closed")


def _log_is_cheaper(layout: DataDirectory) -> bool:
    """Whether to replay the log costs less than a checkpoint; other machines get the file alone."""
    log = layout.database.with_suffix(".duckdb.wal")
    if layout.files.shared or not log.exists():
        return False
    return log.stat().st_size * _LOG_TO_DATABASE < layout.database.stat().st_size


def _holder(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8")
    except OSError:
        return "an unknown run"


def _connect(layout: DataDirectory, memory_limit_mb: int) -> duckdb.DuckDBPyConnection:
    fresh = not layout.database.exists()
    connection = duckdb.connect()
    try:
        _attach(connection, layout, memory_limit_mb)
        if fresh:
            # One transaction: each of two hundred statements would sync the log by itself.
            connection.execute("BEGIN")
            make_meta(connection)
            connection.execute("COMMIT")
            sys.audit("smartconnect.point", "warehouse.database.meta-made")
    except BaseException:
        connection.close()
        raise
    if fresh:
        layout.database.chmod(PRIVATE_FILE)
        sys.audit("smartconnect.point", "warehouse.database.file-closed")
        sync(layout.state)
    return connection


def _attach(
    connection: duckdb.DuckDBPyConnection, layout: DataDirectory, memory_limit_mb: int
) -> None:
    spill = layout.state / "spill"
    connection.execute(f"SET memory_limit = '{int(memory_limit_mb)}MB'")
    # More threads load a day no sooner (the table is compressed by one) and take a fifth more CPU.
    connection.execute("SET threads = 1")
    connection.execute(f"SET temp_directory = {literal(str(spill))}")
    connection.execute("SET preserve_insertion_order = false")
    # What it reuses of an earlier checkpoint, clients before 2.0 can't find.
    connection.execute("SET experimental_metadata_reuse = false")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        f"ATTACH {literal(str(layout.database))} AS warehouse (STORAGE_VERSION '{STORAGE_VERSION}')"
    )
    sys.audit("smartconnect.point", "warehouse.database.attached")
    connection.execute("USE warehouse")


def bump_revision(connection: duckdb.DuckDBPyConnection) -> None:
    """Note that readers would see something new."""
    connection.execute("UPDATE meta.revision SET number = number + 1")


def revision(connection: duckdb.DuckDBPyConnection) -> int:
    """Changes so far."""
    row = connection.execute("SELECT number FROM meta.revision").fetchone()
    return int(row[0]) if row else 0
