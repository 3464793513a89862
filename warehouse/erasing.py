"""Rows taken out of the warehouse for good: into a new database and new lake files.

DuckDB leaves the bytes of what was deleted in its file, so the database is made anew from what
stays, row by row, and put in the old one's place by a rebuild's one rename. Whose rows go is told
by two functions of the caller's: nothing here knows who a person is.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.database import Writer
from warehouse.lake import write_lake_file
from warehouse.layout import DataDirectory
from warehouse.ledger import DayState, day_files, day_states, insert_row
from warehouse.observations import (
    DayFile,
    FileFacts,
    days_sharing,
    file_facts,
    overlapping,
    show_day,
)
from warehouse.rebuilding import HISTORY
from warehouse.schema import Contract, literal, quoted

Gone = Callable[[pa.RecordBatch], np.ndarray[tuple[int], np.dtype[np.bool_]]]
IsTheirs = Callable[[str | None], bool]
_MADE_ANEW = ("columns", "revision", "quarantine", "days")


@dataclass(frozen=True)
class Erased:
    """What was taken out of the database and the lake."""

    days: int = 0
    rows: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class Eraser:
    """Makes a staged database without some rows.

    Args:
        writer: of the staging directory; the ledger's history is in it.
        layout: the data directory.
        gone: which rows of a batch of a lake file go.
        is_theirs: whether a quarantined record goes.
        renamed: hashes of raw files, before → after.
    """

    writer: Writer
    layout: DataDirectory
    gone: Gone
    is_theirs: IsTheirs
    renamed: Mapping[str, str]

    def fill(self, datasets: Sequence[str]) -> Erased:
        """Copy all that stays; rows of `datasets` may go.

        The staged database must be empty but for its history.
        """
        connection = self.writer.connection
        connection.execute(f"ATTACH {literal(str(self.layout.database))} AS old (READ_ONLY)")
        sys.audit("smartconnect.point", "warehouse.erasing.old-attached")
        links: list[Path] = []
        try:
            with self.writer.transaction():
                quarantined = self._copy_quarantine()
                connection.execute("INSERT INTO meta.days BY NAME SELECT * FROM old.meta.days")
                changed = [
                    found
                    for name in datasets
                    for found in self._write_days(self.writer.contracts[name], links)
                ]
                self._copy_tables(changed)
                for contract, state, new, rows in changed:
                    self._show(contract, state, new, rows)
                self._rename()
            connection.execute("DETACH old")
        finally:
            for link in links:
                link.unlink(missing_ok=True)
                sys.audit("smartconnect.point", "warehouse.erasing.day-unlinked")
        return Erased(len(changed), sum(rows for *_, rows in changed), quarantined)

    def _write_days(
        self, contract: Contract, links: list[Path]
    ) -> Iterator[tuple[Contract, DayState, str, int]]:
        """New lake files for the days that lose rows, links for the others: (…, load, rows)."""
        states = day_states(self.writer, contract.dataset)
        files = day_files(self.writer, contract.dataset)
        self.layout.files.fetch(self.layout.root / self.layout_path(f) for f in files.values())
        for day, file in files.items():
            there = self.layout.root / self.layout_path(file)
            batches, rows = self._staying(there)
            if not rows:
                link = self.writer.layout.root / self.layout_path(file)
                link.parent.mkdir(parents=True, exist_ok=True)
                sys.audit("smartconnect.point", "warehouse.erasing.day-folder-made")
                link.hardlink_to(there)
                sys.audit("smartconnect.point", "warehouse.erasing.day-linked")
                links.append(link)
                continue
            load_id = f"{file.observed_at:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
            write_lake_file(
                self.writer.layout,
                contract.schema,
                [_of_load(batch, load_id) for batch in batches],
                dataset=contract.dataset,
                window_day=day,
                load_id=load_id,
            )
            yield contract, states[day], load_id, rows

    def layout_path(self, file: DayFile) -> Path:
        """A lake file's path below either root."""
        return file.path.relative_to(self.writer.layout.root)

    def _staying(self, path: Path) -> tuple[list[pa.RecordBatch], int]:
        batches, rows = [], 0
        for batch in pq.read_table(path).to_batches():
            gone = self.gone(batch)
            rows += int(gone.sum())
            batches.append(batch.filter(pa.array(~gone)))
        return batches, rows

    def _copy_tables(self, changed: Sequence[tuple[Contract, DayState, str, int]]) -> None:
        """Every table that isn't there yet, but for the days that are shown anew."""
        connection = self.writer.connection
        old = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'old'"
        ).fetchall()
        for schema, table in old:
            if schema == "meta" and table in (*HISTORY, *_MADE_ANEW):
                continue
            name = f"{schema}.{quoted(table)}"
            days = [day.window_day for contract, day, *_ in changed if contract.dataset == table]
            where = "WHERE NOT list_contains(?::DATE[], window_day)" if days else ""
            connection.execute(
                f"INSERT INTO {name} BY NAME SELECT * FROM old.{name} {where}",
                [days] if days else None,
            )

    def _copy_quarantine(self) -> int:
        connection = self.writer.connection
        kept = connection.sql("SELECT * FROM old.meta.quarantine").to_arrow_table()
        assert kept is not None
        theirs = [self.is_theirs(raw) for raw in kept.column("raw").to_pylist()]
        connection.register(
            "staying", kept.filter(pa.array([not one for one in theirs], pa.bool_()))
        )
        connection.execute("INSERT INTO meta.quarantine BY NAME SELECT * FROM staying")
        connection.unregister("staying")
        return sum(theirs)

    def _show(self, contract: Contract, before: DayState, load_id: str, erased: int) -> None:
        """The day's new file in place of its old one, with a row of the ledger."""
        connection, day = self.writer.connection, before.window_day
        path = self.writer.layout.lake_file(contract.dataset, day, load_id)
        facts = file_facts(connection, contract, path)
        connection.execute(
            """UPDATE meta.days SET load_id = ?, lake_file = ?, rows = ?, rows_duplicate = ?,
                      rows_without_id = ?, first_id = ?, last_id = ?
               WHERE dataset = ? AND window_day = ?""",
            [
                load_id,
                self.writer.layout.relative(path),
                facts.rows,
                facts.duplicates,
                facts.without_id,
                facts.first_id,
                facts.last_id,
                contract.dataset,
                day,
            ],
        )
        files = day_files(self.writer, contract.dataset)
        new = files.pop(day)
        ranges = [(new.first_id, new.last_id)] if new.first_id and new.last_id else []
        others = overlapping(list(files.values()), ranges) if contract.identity else []
        shown = show_day(
            connection, contract, new, days_sharing(connection, contract, others, [new])
        )
        connection.execute(
            """UPDATE meta.days SET rows_hidden = rows - rows_duplicate - ?
               WHERE dataset = ? AND window_day = ?""",
            [shown, contract.dataset, day],
        )
        self._note(contract, before, load_id, facts, erased)

    def _note(
        self, contract: Contract, before: DayState, load_id: str, facts: FileFacts, erased: int
    ) -> None:
        row = self.writer.connection.execute(
            "UPDATE meta.quarantine SET load_id = ? WHERE load_id = ?", [load_id, before.load_id]
        ).fetchone()
        quarantined = int(row[0]) if row else 0  # how many it updated
        self.writer.connection.execute(
            "INSERT INTO meta.file_columns SELECT dataset, ?, position, header, field "
            "FROM meta.file_columns WHERE load_id = ?",
            [load_id, before.load_id],
        )
        insert_row(
            self.writer,
            "meta.loads",
            {
                "load_id": load_id,
                "dataset": contract.dataset,
                "window_day": before.window_day,
                "outcome": "loaded",
                "source": "erasure",
                "observed_at": before.observed_at,
                "loaded_at": datetime.now(UTC),
                "file_sha256": before.file_sha256,
                "rows_read": facts.distinct + facts.duplicates + quarantined + erased,
                "rows_loaded": facts.distinct,
                "rows_duplicate": facts.duplicates,
                "rows_quarantined": quarantined,
                "rows_suppressed": erased,
                "contract_version": before.contract_version,
                "mapping_version": before.mapping_version,
            },
        )

    def _rename(self) -> None:
        """The ledger follows the files of raw/ that were written anew."""
        for before, after in self.renamed.items():
            for table in ("loads", "days", "inbox_segments"):
                self.writer.connection.execute(
                    f"UPDATE meta.{table} SET file_sha256 = ? WHERE file_sha256 = ?",
                    [after, before],
                )


def _of_load(batch: pa.RecordBatch, load_id: str) -> pa.RecordBatch:
    position = batch.schema.names.index("load_id")
    return batch.set_column(
        position, batch.schema.field(position), pa.array([load_id] * batch.num_rows, pa.string())
    )
