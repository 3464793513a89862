"""Whether all that tells of a day agrees: ledger, raw file, lake, database, release, statistics.

Only counts are compared, so that every night can afford it: Parquet files tell theirs in their
footers, a table in one GROUP BY. And only of days that came lately, disagreed before, or are in the
night's share, so that the cost doesn't grow with the years: a table tells the count of all its rows
at once, and where that isn't the ledger's, every day is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from warehouse.database import Writer, bump_revision
from warehouse.integrity import DATABASE
from warehouse.lake import footer_rows
from warehouse.published import Release
from warehouse.schema import Contract, quoted
from warehouse.sparetree import PARQUET

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

    @property
    def key(self) -> tuple[str, date, str]:
        """What was counted of which day."""
        return (self.dataset, self.window_day, self.compared)


@dataclass(frozen=True)
class LoadedDay:
    """A day by the ledger; what its load accounts for and read is None where none is written.

    Its lake file is named from the data directory on.
    """

    day: date
    rows: int
    duplicate: int
    hidden: int
    lake: str
    accounted: int | None
    read: int | None

    @property
    def shown(self) -> int:
        """Rows that the table has of it."""
        return self.rows - self.duplicate - self.hidden


def loaded_days(writer: Writer, dataset: str) -> list[LoadedDay]:
    """Every loaded day of a dataset, in order."""
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
    return [LoadedDay(*row) for row in found]


def _table_rows(
    connection: duckdb.DuckDBPyConnection, contract: Contract, days: Collection[date] | None
) -> dict[date, int]:
    """Rows by day, of these days or of all; other days' row groups aren't read."""
    found = connection.execute(
        f"SELECT window_day, count(*) FROM {quoted(contract.dataset)} {of_days(days)} "
        "GROUP BY window_day"
    ).fetchall()
    return {row[0]: int(row[1]) for row in found}


def of_days(days: Collection[date] | None) -> str:
    """A WHERE clause for a table's rows of these days; none for all."""
    if days is None:
        return ""
    listed = ", ".join(f"DATE '{day}'" for day in sorted(days))
    return f"WHERE window_day IN ({listed})" if listed else "WHERE false"


def _all_rows(connection: duckdb.DuckDBPyConnection, contract: Contract) -> int:
    row = connection.execute(f"SELECT count(*) FROM {quoted(contract.dataset)}").fetchone()
    return int(row[0]) if row else 0


def days_to_look_into(
    writer: Writer, dataset: str, days: Sequence[date], share: tuple[int, int]
) -> set[date]:
    """Days observed within a day of the last one, those that disagreed, and the night's share."""
    rows = writer.connection.execute(
        """SELECT window_day FROM meta.days WHERE dataset = $dataset AND checked_at >= (
               SELECT max(checked_at) - INTERVAL 1 DAY FROM meta.days WHERE dataset = $dataset)
           UNION SELECT window_day FROM meta.reconciliation
           WHERE dataset = $dataset AND NOT agrees""",
        {"dataset": dataset},
    ).fetchall()
    number, of = share
    return {row[0] for row in rows} | set(days[number::of])


def compare_days(writer: Writer, dataset: str, share: tuple[int, int] = (0, 1)) -> list[Comparison]:
    """Ledger against itself, lake and database, for loaded days of a dataset.

    Args:
        writer: the open database.
        dataset: one that comes by days.
        share: (n, of): of all days, look into every `of`-th from the n-th on; beside those that
            came lately or disagreed. The ledger alone is compared for all.
    """
    contract, days = writer.contracts[dataset], loaded_days(writer, dataset)
    looked_into = days_to_look_into(writer, dataset, [day.day for day in days], share)
    as_told = _all_rows(writer.connection, contract) == sum(day.shown for day in days)
    counted = looked_into if as_told else None
    table = _table_rows(writer.connection, contract, counted)
    told: list[Comparison] = []
    lake = {day.day: writer.layout.root / day.lake for day in days if day.day in looked_into}
    writer.layout.files.fetch(lake.values())
    for day in days:
        pairs: list[tuple[str, int, int | None]] = []
        if counted is None or day.day in counted:
            pairs.append(("rows in the database", day.shown, table.pop(day.day, 0)))
        if day.read is not None and day.accounted is not None:
            pairs.append(("rows the ledger accounts for", day.read, day.accounted))
        if day.day in lake:
            pairs.append(("rows in the lake file", day.rows, footer_rows(lake[day.day])))
        told += [Comparison(dataset, day.day, *pair) for pair in pairs]
    told += [Comparison(dataset, day, "rows in the database", 0, n) for day, n in table.items()]
    return told


def compare_release(
    writer: Writer, release: Release, dataset: str, share: tuple[int, int] = (0, 1)
) -> list[Comparison]:
    """The database against a release that was made of it: its database and its Parquet files.

    Of days as `compare_days` looks into.
    """
    contract = writer.contracts[dataset]
    days = writer.connection.execute(
        "SELECT window_day FROM meta.days WHERE dataset = ? ORDER BY 1", [dataset]
    ).fetchall()
    looked_into = days_to_look_into(writer, dataset, [day for (day,) in days], share)
    with duckdb.connect(str(release.path / DATABASE), read_only=True) as connection:
        same = _all_rows(connection, contract) == _all_rows(writer.connection, contract)
        published = _table_rows(connection, contract, looked_into if same else None)
    expected = _table_rows(writer.connection, contract, looked_into if same else None)
    told = [
        Comparison(dataset, day, "rows in the release's database", rows, published.get(day, 0))
        for day, rows in expected.items()
    ]
    root = release.path / PARQUET / dataset
    for day in sorted(looked_into & expected.keys()):
        path = root / f"window_day={day.isoformat()}" / "part.parquet"
        what = "rows in the release's Parquet"
        told.append(Comparison(dataset, day, what, expected[day], footer_rows(path)))
    return told


def kept_comparisons(writer: Writer) -> list[Comparison]:
    """What earlier runs found: all that disagreed, and what statistics were compared by."""
    rows = writer.connection.execute(
        "SELECT dataset, window_day, compared, expected, found FROM meta.reconciliation"
    ).fetchall()
    return [Comparison(*row) for row in rows]


def keep_comparisons(writer: Writer, told: Sequence[Comparison]) -> None:
    """Write what disagrees, and all that statistics were compared by, into meta.reconciliation."""
    kept = {c for c in told if not c.agrees or c.compared in MESSAGE_MEASURES}
    before = set(kept_comparisons(writer))
    if kept == before:
        return
    gone, new = _in_columns(before - kept), _in_columns(kept - before)
    with writer.transaction() as connection:
        connection.execute(
            """DELETE FROM meta.reconciliation WHERE (dataset, window_day, compared) IN (
                   SELECT (unnest($dataset), unnest($window_day), unnest($compared)))""",
            {name: gone[name] for name in ("dataset", "window_day", "compared")},
        )
        connection.execute(
            """INSERT INTO meta.reconciliation BY NAME
               SELECT *, expected IS NOT DISTINCT FROM found AS agrees, $now AS checked_at
               FROM (SELECT unnest($dataset) AS dataset, unnest($window_day) AS window_day,
                            unnest($compared) AS compared, unnest($expected) AS expected,
                            unnest($found) AS found)""",
            {**new, "now": datetime.now(UTC)},
        )
        bump_revision(connection)


def _in_columns(told: Collection[Comparison]) -> dict[str, list[object]]:
    names = ("dataset", "window_day", "compared", "expected", "found")
    rows = sorted(told, key=lambda c: c.key)
    return {name: [getattr(c, name) for c in rows] for name in names}
