"""Which day's observation of a message is shown, where a message came with several days' exports.

Every day keeps all it brought in its lake file. A row is shown unless the same identity is in the
file of a day that was observed later (or equally late, and is the later day). Identity is the
contract's id column; for rows without one, the columns that never change, with an ordinal among
equals, so that nothing that was said twice becomes one.

Only days whose identity ranges overlap can share a row, so that loading a day reads its neighbours'
id columns and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from warehouse.lake import is_rising, is_sorted
from warehouse.schema import Contract, literal, quoted


@dataclass(frozen=True)
class FileFacts:
    """What is known of a lake file: rows, distinct identities, and their range in text order."""

    rows: int
    distinct: int
    without_id: int
    first_id: str | None
    last_id: str | None

    @property
    def duplicates(self) -> int:
        """Rows whose identity the file has once more."""
        return self.rows - self.distinct


@dataclass(frozen=True)
class DayFile:
    """A day's current lake file and its rank among observations."""

    window_day: date
    path: Path
    observed_at: datetime
    without_id: int
    duplicates: int
    first_id: str | None
    last_id: str | None

    @property
    def rank(self) -> tuple[datetime, date]:
        """The greater is shown."""
        return (self.observed_at, self.window_day)


def identity_sql(contract: Contract, *, without_id: bool) -> str:
    """An SQL expression for a row's identity; needs `file_row_number` where ids are missing."""
    own = quoted(contract.identity[0])
    if not without_id:
        return own
    columns = ", ".join(f"coalesce({quoted(c)}::VARCHAR, '')" for c in contract.fallback)
    order = f"coalesce({quoted(contract.order_by)}::VARCHAR, '')" if contract.order_by else "''"
    same = f"PARTITION BY {own} IS NULL, {columns} ORDER BY file_row_number"
    told = f"'~' || {order} || md5(to_json([{columns}])) || '#' || row_number() OVER ({same})"
    return f"coalesce({own}, {told})"


def source_sql(path: Path) -> str:
    """The lake file as a table, its row numbers too."""
    return f"read_parquet({literal(str(path))}, file_row_number = true, hive_partitioning = false)"


def file_facts(connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path) -> FileFacts:
    """Count a lake file's rows and identities."""
    if not contract.identity:
        row = connection.execute(f"SELECT count(*) FROM {source_sql(path)}").fetchone()
        rows = int(row[0]) if row else 0
        return FileFacts(rows, rows, 0, None, None)
    own = quoted(contract.identity[0])
    if is_rising(path, contract.identity[0]):
        found = connection.execute(
            f"SELECT count(*), min({own}), max({own}) FROM {source_sql(path)}"
        ).fetchone()
        assert found is not None
        return FileFacts(int(found[0]), int(found[0]), 0, found[1], found[2])
    missing = connection.execute(
        f"SELECT count(*) - count({own}) FROM {source_sql(path)}"
    ).fetchone()
    without_id = int(missing[0]) if missing else 0
    expression = identity_sql(contract, without_id=without_id > 0)
    found = connection.execute(
        f"""SELECT count(*), count(DISTINCT id), min(id), max(id)
            FROM (SELECT {expression} AS id FROM {source_sql(path)})"""
    ).fetchone()
    assert found is not None
    return FileFacts(int(found[0]), int(found[1]), without_id, found[2], found[3])


def same_rows(
    connection: duckdb.DuckDBPyConnection, contract: Contract, one: Path, other: Path
) -> bool:
    """Whether both files hold the same rows, however often; load_id and observed_at aside.

    Sums of hashes tell most differences at a tenth of the cost; what they don't, the rows do.
    """
    names = [name for name in contract.columns if name not in ("load_id", "observed_at")]
    columns = ", ".join(map(quoted, names))
    sums = [f"(SELECT sum(hash({columns})) FROM {source_sql(path)})" for path in (one, other)]
    row = connection.execute(f"SELECT {sums[0]} IS DISTINCT FROM {sums[1]}").fetchone()
    if row is None or row[0]:
        return False
    row = connection.execute(
        f"""SELECT count(*) FROM (
                SELECT {columns} FROM {source_sql(one)}
                EXCEPT ALL SELECT {columns} FROM {source_sql(other)})"""
    ).fetchone()
    return row is not None and row[0] == 0


def _ids_sql(contract: Contract, day: DayFile) -> str:
    expression = identity_sql(contract, without_id=day.without_id > 0)
    return f"SELECT {expression} AS id FROM {source_sql(day.path)}"


def overlapping(days: Sequence[DayFile], ranges: Sequence[tuple[str, str]]) -> list[DayFile]:
    """The days whose identities could be among `ranges`."""
    return [
        day
        for day in days
        if day.first_id is not None
        and day.last_id is not None
        and any(day.first_id <= last and first <= day.last_id for first, last in ranges)
    ]


def days_sharing(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    days: Sequence[DayFile],
    touched: Sequence[DayFile],
) -> list[DayFile]:
    """Those of `days` that have an identity in common with one of the files in `touched`."""
    if not days or not touched:
        return []
    theirs = " UNION ALL ".join(
        f"SELECT {number} AS number, id FROM ({_ids_sql(contract, day)})"
        for number, day in enumerate(days)
    )
    ours = " UNION ALL ".join(_ids_sql(contract, day) for day in touched)
    found = connection.execute(
        f"SELECT DISTINCT number FROM ({theirs}) SEMI JOIN ({ours}) USING (id)"
    ).fetchall()
    return [days[int(row[0])] for row in found]


def show_day(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    day: DayFile,
    others: Sequence[DayFile],
) -> int:
    """Replace the day's rows in the table by those of its file that are to be shown.

    Args:
        connection: within a transaction.
        contract: the dataset's.
        day: the day.
        others: every other day of the dataset that could share a row.

    Returns:
        How many rows are shown.
    """
    table = quoted(contract.dataset)
    connection.execute(f"DELETE FROM {table} WHERE window_day = ?", [day.window_day])
    columns = ", ".join(quoted(name) for name in contract.columns)
    query = shown_sql(contract, day, others)
    in_order = query == _whole_file_sql(day) and is_sorted(day.path, contract.order_by)
    if contract.order_by and not in_order:
        query = f"FROM ({query}) ORDER BY {quoted(contract.order_by)}"
    inserted = connection.execute(
        f"""INSERT INTO {table} ({columns}, window_day)
            SELECT {columns}, ?::DATE FROM ({query})""",
        [day.window_day],
    ).fetchone()
    return int(inserted[0]) if inserted else 0


def _whole_file_sql(day: DayFile) -> str:
    return f"SELECT * FROM {source_sql(day.path)}"


def shown_sql(contract: Contract, day: DayFile, others: Sequence[DayFile]) -> str:
    """A query for the rows of a day's file that are to be shown, file columns only."""
    later = [other for other in others if other.rank > day.rank]
    if not contract.identity or (not later and not day.duplicates):
        return _whole_file_sql(day)
    expression = identity_sql(contract, without_id=day.without_id > 0)
    rows = f"SELECT *, {expression} AS row_identity FROM {source_sql(day.path)}"
    if day.duplicates:
        last = "row_number() OVER (PARTITION BY row_identity ORDER BY file_row_number DESC) = 1"
        rows = f"SELECT * FROM ({rows}) QUALIFY {last}"
    for other in later:
        rows = (
            f"SELECT * FROM ({rows}) AS mine ANTI JOIN ({_ids_sql(contract, other)}) AS theirs "
            "ON mine.row_identity = theirs.id"
        )
    return rows
