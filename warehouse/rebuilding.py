"""The warehouse made anew from raw/: built aside, then put in the old one's place at once.

A data directory of its own under state/ takes the new database and lake files. Readers see their
release all the while. At the end the new lake files get names in the lake beside the old ones, and
one rename of the database makes them count: a kill before it leaves the old warehouse as it was, a
kill after it the new one. Either way the next rebuild clears what is left over.

The ledger's history and the facts found out about the vendor are taken over from the old database;
everything else in it is made again.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse.database import Writer, opened, revision, writer_lock
from warehouse.disk import on_disk
from warehouse.errors import DatabaseUnreadable
from warehouse.incoming import loaded_segments
from warehouse.layout import PRIVATE_DIR, DataDirectory, sync
from warehouse.leftovers import present
from warehouse.martmaking import Company
from warehouse.published import Release, newest_revision
from warehouse.releases import publish
from warehouse.replay import NO_LEDGER, Ledger, read_outcomes
from warehouse.schema import literal
from warehouse.tables import prepare_tables
from warehouse.writercopy import bring_newest, hand_over

HISTORY = (
    "loads",
    "facts",
    "file_columns",
    "erasures",
    "erased_files",
    "removed_files",
    "bulk_tasks",
    "bulk_task_history",
)


@dataclass
class Rebuild:
    """A rebuild under way; the writer's lock is held.

    Attributes:
        layout: the data directory that is rebuilt.
        staging: where the new warehouse is made.
        ledgers: what the old database says of each dataset; nothing where there is none.
        segments: hashes of the inbox's segments that it has loaded.
    """

    layout: DataDirectory
    staging: DataDirectory
    holder: str
    schemas: Sequence[pa.Schema]
    memory_limit_mb: int
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    segments: frozenset[str] = frozenset()
    _revision: int = 0

    def ledger(self, dataset: str) -> Ledger:
        """What the old database says of a dataset."""
        return self.ledgers.get(dataset, NO_LEDGER)

    @contextmanager
    def _open(self, layout: DataDirectory) -> Iterator[Writer]:
        with opened(
            layout,
            holder=self.holder,
            schemas=self.schemas,
            memory_limit_mb=self.memory_limit_mb,
        ) as writer:
            yield writer

    @on_disk("begin a rebuild")
    def begin(self) -> None:
        """Read the old database, clear what an earlier rebuild left, make the staging directory.

        Raises:
            DatabaseUnreadable: the old database can't be opened.
        """
        needed: set[str] = set()
        if self.layout.database.exists():
            try:
                needed = self._read_old()
            except duckdb.Error as error:
                raise DatabaseUnreadable(
                    f"{self.layout.database} can't be opened ({type(error).__name__}). Close any "
                    "other program that has it open. If it is damaged, move it away together with "
                    "its .wal and rebuild again: all but the ledger's history is made from raw/."
                ) from None
        self._clear(needed)
        self.staging.initialise(self.layout.vendor)

    def _read_old(self) -> set[str]:
        """The ledgers; returns what the old database needs, as paths below the root."""
        with self._open(self.layout) as old:
            prepare_tables(old)
            self.ledgers = {name: read_outcomes(old, name) for name in old.contracts}
            self._revision = revision(old.connection)
            self.segments = frozenset(loaded_segments(old))
            old.connection.execute("CHECKPOINT warehouse")
            sys.audit("smartconnect.point", "warehouse.rebuilding.old-checkpointed")
            lake = old.connection.execute("SELECT lake_file FROM meta.days").fetchall()
            loads = old.connection.execute("SELECT dataset, load_id FROM meta.loads").fetchall()
        files = [self.layout.quarantine_file(*map(str, row)) for row in loads]
        return {str(row[0]) for row in lake} | {self.layout.relative(file) for file in files}

    def _clear(self, needed: set[str]) -> None:
        """Remove an earlier rebuild's staging, and of its files in the lake those of no use."""
        for file in self._staged_files():
            there = self.layout.root / file.relative_to(self.staging.root)
            if self.layout.relative(there) not in needed:
                self.layout.files.remove(there)
                sys.audit("smartconnect.point", "warehouse.rebuilding.leftover-removed")
        shutil.rmtree(self.staging.root, ignore_errors=True)
        sys.audit("smartconnect.point", "warehouse.rebuilding.staging-cleared")

    def _staged_files(self) -> list[Path]:
        folders = (self.staging.lake, self.staging.quarantine)
        return [path for folder in folders for path in sorted(folder.rglob("*.parquet"))]

    @contextmanager
    def staged(self, company: Company | None = None) -> Iterator[Writer]:
        """The new database, with the old one's history in it, its figures told by `company`."""
        with self._open(self.staging) as writer:
            prepare_tables(writer, company)
            if self.layout.database.exists():
                self._take_history(writer.connection)
            yield writer
            number = max(self._revision, newest_revision(self.layout)) + 1
            writer.connection.execute("UPDATE meta.revision SET number = ?", [number])
            writer.connection.execute("CHECKPOINT warehouse")
            sys.audit("smartconnect.point", "warehouse.rebuilding.new-checkpointed")

    def _take_history(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"ATTACH {literal(str(self.layout.database))} AS old (READ_ONLY)")
        found = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'old'"
        ).fetchall()
        there = {str(row[0]) for row in found}
        for table in (name for name in HISTORY if name in there):  # an older one lacks the newest
            connection.execute(f"INSERT INTO meta.{table} BY NAME SELECT * FROM old.meta.{table}")
        connection.execute("DETACH old")
        sys.audit("smartconnect.point", "warehouse.rebuilding.history-taken")

    @on_disk("put the rebuilt warehouse in its place")
    def swap(self) -> None:
        """Put the new warehouse in the old one's place; durable when this returns."""
        linked: list[Path] = []
        try:
            for file in self._staged_files():
                linked.append(self._link(file))
            sync(self.staging.database)
            # A leftover log would be replayed into the new file; the old one was checkpointed.
            self.layout.database.with_suffix(".duckdb.wal").unlink(missing_ok=True)
            sys.audit("smartconnect.point", "warehouse.rebuilding.log-removed")
            self.staging.database.replace(self.layout.database)
            sys.audit("smartconnect.point", "warehouse.rebuilding.swapped")
        except BaseException:
            for path in linked:
                self.layout.files.remove(path)
            raise
        sync(self.layout.state)
        shutil.rmtree(self.staging.root, ignore_errors=True)
        sys.audit("smartconnect.point", "warehouse.rebuilding.staging-removed")
        hand_over(self.layout, release=0)  # before what the old one needs is removed

    def _link(self, file: Path) -> Path:
        target = self.layout.root / file.relative_to(self.staging.root)
        if file.is_relative_to(self.staging.lake):
            self.layout.modes.make_lake_folders(target.parent)
        else:
            target.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            sys.audit("smartconnect.point", "warehouse.rebuilding.quarantine-made")
        self.layout.files.keep(file, target)
        os.link(file, target)
        sys.audit("smartconnect.point", "warehouse.rebuilding.linked")
        sync(target.parent)
        return target

    def forget_rejected(self, datasets: Collection[str]) -> None:
        """Remove the rejected records of loads that are no more: they were kept with their text."""
        with self._open(self.layout) as writer:
            found = writer.connection.execute("SELECT DISTINCT load_id FROM meta.quarantine")
            shown = {str(row[0]) for row in found.fetchall()}
        for dataset in datasets:
            for path in self.layout.files.names(self.layout.quarantine / dataset):
                if path.stem not in shown:
                    self.layout.files.remove(path)
                    sys.audit("smartconnect.point", "warehouse.rebuilding.rejected-forgotten")

    def publish(self, *, keep: int) -> Release | None:
        """Publish the new warehouse; None where a rollback holds publication."""
        with self._open(self.layout) as writer:
            return publish(writer, keep=keep)


@contextmanager
def rebuilding(
    layout: DataDirectory,
    *,
    holder: str,
    wait_seconds: float,
    schemas: Sequence[pa.Schema],
    memory_limit_mb: int,
) -> Iterator[Rebuild]:
    """Keep other writers out and make a warehouse anew within the block.

    What is raised in it leaves the old warehouse as it was.

    Raises:
        WriterBusy: another run writes.
        DatabaseUnreadable: the old database can't be opened.
    """
    with present(layout), writer_lock(layout, holder=holder, wait_seconds=wait_seconds):
        bring_newest(layout)
        rebuild = Rebuild(layout, layout.staging(), holder, schemas, memory_limit_mb)
        rebuild.begin()
        try:
            yield rebuild
        finally:
            shutil.rmtree(rebuild.staging.root, ignore_errors=True)
