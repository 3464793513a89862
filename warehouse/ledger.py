"""What was loaded when: the ledger's typed reads, for planning and for loading."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from warehouse.database import Writer
from warehouse.disk import on_disk
from warehouse.observations import DayFile, source_sql

RECENT_LOADS = 200


@dataclass(frozen=True)
class DayState:
    """What a day of a dataset holds now."""

    window_day: date
    load_id: str
    observed_at: datetime
    rows: int
    file_sha256: str
    contract_version: str
    mapping_version: str


def utc(moment: datetime) -> datetime:
    """DuckDB's TIMESTAMPTZ as a UTC datetime; or AT TIME ZONE 'UTC', which comes a lot faster."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def day_states(writer: Writer, dataset: str, day: date | None = None) -> dict[date, DayState]:
    """Every loaded day of a dataset, or the one that is asked for."""
    found = writer.connection.execute(
        """SELECT window_day, load_id, observed_at AT TIME ZONE 'UTC', rows, file_sha256,
                  contract_version, coalesce(mapping_version, '')
           FROM meta.days WHERE dataset = $dataset AND ($day IS NULL OR window_day = $day)""",
        {"dataset": dataset, "day": day},
    ).fetchall()
    return {row[0]: DayState(row[0], row[1], utc(row[2]), *row[3:]) for row in found}


def day_files(writer: Writer, dataset: str, day: date | None = None) -> dict[date, DayFile]:
    """Every loaded day's lake file, with what identity resolution needs; or that of one day."""
    return _files_where(writer, dataset, "($day IS NULL OR window_day = $day)", {"day": day})


def files_among(
    writer: Writer, dataset: str, ranges: Sequence[tuple[str, str]]
) -> dict[date, DayFile]:
    """The lake files whose identities could be among `ranges`: those of few days, mostly."""
    return _files_where(
        writer,
        dataset,
        """EXISTS (FROM (SELECT unnest($first) AS first, unnest($last) AS last)
                   WHERE first_id <= last AND first <= last_id)""",
        {"first": [first for first, _ in ranges], "last": [last for _, last in ranges]},
    )


def _files_where(
    writer: Writer, dataset: str, condition: str, values: Mapping[str, Any]
) -> dict[date, DayFile]:
    found = writer.connection.execute(
        f"""SELECT window_day, lake_file, observed_at AT TIME ZONE 'UTC', rows_without_id,
                   rows_duplicate, first_id, last_id
            FROM meta.days WHERE dataset = $dataset AND {condition}""",
        {"dataset": dataset, **values},
    ).fetchall()
    return {
        row[0]: DayFile(row[0], writer.layout.root / row[1], utc(row[2]), *row[3:]) for row in found
    }


def as_json(value: Mapping[str, int] | Sequence[str]) -> str | None:
    """Counts or sentences as the ledger keeps them; NULL where there are none."""
    return json.dumps(value, ensure_ascii=False) if value else None


def insert_row(writer: Writer, table: str, values: Mapping[str, Any]) -> None:
    """Insert one row by column names; within the caller's transaction."""
    names = ", ".join(values)
    marks = ", ".join("?" for _ in values)
    writer.connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks})",
        list(values.values()),
    )


def average_export_seconds(writer: Writer, dataset: str) -> float | None:
    """How long the vendor took for the last exports of a dataset, on average; None if never."""
    row = writer.connection.execute(
        f"""SELECT avg(export_seconds) FROM (
                SELECT export_seconds FROM meta.loads WHERE dataset = ? AND export_seconds > 0
                ORDER BY loaded_at DESC LIMIT {RECENT_LOADS})""",
        [dataset],
    ).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def newest_observation(writer: Writer) -> datetime | None:
    """When the latest thing that the ledger knows was observed, of any dataset; None: nothing."""
    row = writer.connection.execute("SELECT max(observed_at) FROM meta.loads").fetchone()
    return None if row is None or row[0] is None else utc(row[0])


def fill_quarantine(
    writer: Writer, dataset: str, window_day: date, load_id: str, rejected: Path | None
) -> None:
    """Show a load's rejected records in place of the day's earlier ones; within a transaction."""
    writer.connection.execute(
        "DELETE FROM meta.quarantine WHERE dataset = ? AND window_day = ?", [dataset, window_day]
    )
    if rejected is not None:
        writer.connection.execute(
            f"""INSERT INTO meta.quarantine
                SELECT ?, ?, ?, line, reason, raw FROM {source_sql(rejected)}""",
            [dataset, window_day, load_id],
        )


def write_columns(writer: Writer, dataset: str, load_id: str, columns: Mapping[str, str]) -> None:
    """Keep a file's columns (header → field) in their order; within the caller's transaction."""
    writer.connection.execute(
        """INSERT INTO meta.file_columns
           SELECT $dataset, $load_id, unnest(range(1, len($headers) + 1)),
                  unnest($headers), unnest($fields)""",
        {
            "dataset": dataset,
            "load_id": load_id,
            "headers": list(columns),
            "fields": list(columns.values()),
        },
    )


def columns_before(writer: Writer, dataset: str, observed_at: datetime) -> dict[str, str]:
    """The columns (header → field) of the dataset's last load that was observed before then.

    Later observations don't count, so that replaying an old file shows no drift of the future.
    """
    found = writer.connection.execute(
        """SELECT header, field FROM meta.file_columns WHERE load_id = (
               SELECT load_id FROM meta.loads
               WHERE dataset = $dataset AND observed_at < $before
                     AND outcome IN ('loaded', 'unchanged')
                     AND load_id IN (SELECT load_id FROM meta.file_columns)
               ORDER BY observed_at DESC, loaded_at DESC LIMIT 1)
           ORDER BY position""",
        {"dataset": dataset, "before": observed_at},
    ).fetchall()
    return {str(row[0]): str(row[1]) for row in found}


def get_fact(writer: Writer, key: str) -> str | None:
    """What was found out about the vendor under `key`."""
    row = writer.connection.execute("SELECT value FROM meta.facts WHERE key = ?", [key]).fetchone()
    return None if row is None else str(row[0])


@on_disk("keep what was found out about the vendor")
def set_fact(writer: Writer, key: str, value: str, evidence: str) -> None:
    """Keep what was found out, in place of what was believed before."""
    with writer.transaction() as connection:
        connection.execute("DELETE FROM meta.facts WHERE key = ?", [key])
        connection.execute(
            "INSERT INTO meta.facts VALUES (?, ?, ?, ?)", [key, value, evidence, datetime.now(UTC)]
        )
        connection.execute("UPDATE meta.revision SET number = number + 1")
        sys.audit("smartconnect.point", "warehouse.ledger.fact-set")
