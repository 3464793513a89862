"""Whether all that tells of a day agrees: ledger, raw file, lake, database, release, statistics.

Only counts are compared, so that every night can afford it: Parquet files tell theirs in their
footers, and a table in one GROUP BY.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from warehouse.database import Writer, bump_revision
from warehouse.integrity import DATABASE
from warehouse.lake import footer_rows
from warehouse.releasefiles import PARQUET
from warehouse.releases import Release
from warehouse.schema import Contract, quoted

# Measures of the statistics export that count messages, and the direction of messages they count.
MESSAGE_MEASURES: Mapping[str, str | None] = {
    "messages_count": None,
    "messages_in_count": "in",
    "messages_out_count": "out",
}


@dataclass(frozen=True, order=True)
class Comparison:
    """Two counts of one thing. `found` is None where there is nothing to count."""

    dataset: str
    window_day: date
    compared: str
    expected: int
    found: int | None

    @property
    def agrees(self) -> bool:
        """Whether both are the same."""
        return self.expected == self.found


@dataclass(frozen=True)
class _Day:
    """A day by the ledger; what its load accounts for and read is None where none is written."""

    day: date
    rows: int
    duplicate: int
    hidden: int
    lake: Path
    accounted: int | None
    read: int | None


def _days(writer: Writer, dataset: str) -> list[_Day]:
    found = writer.connection.execute(
        """SELECT days.window_day, days.rows, days.rows_duplicate, days.rows_hidden,
                  days.lake_file, loads.rows_loaded + loads.rows_duplicate + loads.rows_quarantined,
                  loads.rows_read
           FROM meta.days AS days LEFT JOIN meta.loads AS loads
             ON loads.load_id = days.load_id AND loads.dataset = days.dataset
                AND loads.outcome = 'loaded'
           WHERE days.dataset = ? ORDER BY days.window_day""",
        [dataset],
    ).fetchall()
    return [
        _Day(day, rows, duplicate, hidden, writer.layout.root / lake, accounted, read)
        for day, rows, duplicate, hidden, lake, accounted, read in found
    ]


def _table_rows(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[date, int]:
    found = connection.execute(
        f"SELECT window_day, count(*) FROM {quoted(contract.dataset)} GROUP BY window_day"
    ).fetchall()
    return {row[0]: int(row[1]) for row in found}


def compare_days(writer: Writer, dataset: str, share: tuple[int, int] = (0, 1)) -> list[Comparison]:
    """Ledger against itself, lake and database, for each loaded day of a dataset.

    Args:
        writer: the open database.
        dataset: one that comes by days.
        share: (n, of): of all lake files, look into every `of`-th from the n-th on.
    """
    table = _table_rows(writer.connection, writer.contracts[dataset])
    told: list[Comparison] = []
    days = _days(writer, dataset)
    for number, day in enumerate(days):
        shown = day.rows - day.duplicate - day.hidden
        pairs: list[tuple[str, int, int | None]] = [
            ("rows in the database", shown, table.pop(day.day, 0))
        ]
        if day.read is not None and day.accounted is not None:
            pairs.append(("rows the ledger accounts for", day.read, day.accounted))
        if number % share[1] == share[0]:
            pairs.append(("rows in the lake file", day.rows, footer_rows(day.lake)))
        told += [Comparison(dataset, day.day, *pair) for pair in pairs]
    told += [Comparison(dataset, day, "rows in the database", 0, n) for day, n in table.items()]
    return told


def compare_release(
    writer: Writer, release: Release, dataset: str, share: tuple[int, int] = (0, 1)
) -> list[Comparison]:
    """The database against a release that was made of it: its database and its Parquet files."""
    contract = writer.contracts[dataset]
    expected = _table_rows(writer.connection, contract)
    with duckdb.connect(str(release.path / DATABASE), read_only=True) as connection:
        published = _table_rows(connection, contract)
    told = [
        Comparison(dataset, day, "rows in the release's database", rows, published.get(day, 0))
        for day, rows in expected.items()
    ]
    root = release.path / PARQUET / dataset
    for number, (day, rows) in enumerate(sorted(expected.items())):
        if number % share[1] == share[0]:
            path = root / f"window_day={day.isoformat()}" / "part.parquet"
            what = "rows in the release's Parquet"
            told.append(Comparison(dataset, day, what, rows, footer_rows(path)))
    return told


def compare_statistics(writer: Writer) -> list[Comparison]:
    """Messages of `chats` against those the statistics export counts, for days that have both.

    Only measures that the export's columns bring; none: nothing can be compared.
    """
    told = []
    for measure, direction in MESSAGE_MEASURES.items():
        found = writer.connection.execute(
            f"""WITH counted AS (
                    SELECT window_day, sum({measure})::BIGINT AS messages FROM statistics
                    WHERE {measure} IS NOT NULL GROUP BY window_day),
                messages AS (
                    SELECT window_day, count(*) AS messages FROM chats
                    WHERE $direction IS NULL OR direction = $direction GROUP BY window_day)
                SELECT window_day, messages.messages, counted.messages
                FROM counted JOIN messages USING (window_day) ORDER BY window_day""",
            {"direction": direction},
        ).fetchall()
        told += [Comparison("statistics", row[0], measure, row[1], row[2]) for row in found]
    return told


def keep_comparisons(writer: Writer, told: Sequence[Comparison]) -> None:
    """Write what disagrees, and all that statistics were compared by, into meta.reconciliation."""
    kept = [c for c in told if not c.agrees or c.compared in MESSAGE_MEASURES]
    rows = sorted((c.dataset, c.window_day, c.compared, c.expected, c.found) for c in kept)
    before = writer.connection.execute(
        """SELECT dataset, window_day, compared, expected, found FROM meta.reconciliation
           ORDER BY ALL"""
    ).fetchall()
    if [tuple(row) for row in before] == rows:
        return
    names = ("dataset", "window_day", "compared", "expected", "found")
    columns = {name: [row[n] for row in rows] for n, name in enumerate(names)}
    with writer.transaction() as connection:
        connection.execute("DELETE FROM meta.reconciliation")
        connection.execute(
            """INSERT INTO meta.reconciliation BY NAME
               SELECT *, expected IS NOT DISTINCT FROM found AS agrees, $now AS checked_at
               FROM (SELECT unnest($dataset) AS dataset, unnest($window_day) AS window_day,
                            unnest($compared) AS compared, unnest($expected) AS expected,
                            unnest($found) AS found)""",
            {**columns, "now": datetime.now(UTC)},
        )
        bump_revision(connection)
