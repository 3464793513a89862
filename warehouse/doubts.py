"""What makes a period's figures less than sure, and when each source was last seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, timedelta
from typing import Any

from warehouse.figures import Doubt, Fresh, Period
from warehouse.marts import Reader

_BY_DAYS = ("chats", "statistics")


def doubts(reader: Reader, period: Period) -> list[Doubt]:
    """Every doubt about the period's days, by day; statistics only where they are exported."""
    rows = reader.connection.execute(
        f"""SELECT dataset, date, observed_at, is_held, is_early, rows_quarantined
            FROM mart.days WHERE dataset IN {_BY_DAYS} AND {_in(period)}"""
    ).fetchall()
    known = {(row[0], row[1]): row[2:] for row in rows}
    days = [period.first + timedelta(days=n) for n in range(period.days)]
    told = [
        doubt
        for dataset in _exported(reader)
        for day in days
        for doubt in _of_day(dataset, day, known.get((dataset, day)))
    ]
    told += _disagreements(reader, period)
    return sorted(told, key=lambda doubt: (doubt.day, doubt.dataset))


def _of_day(dataset: str, day: date, facts: tuple[Any, ...] | None) -> Iterator[Doubt]:
    """The doubts about a day as the ledger knows it; None: it doesn't."""
    observed_at, is_held, is_early, quarantined = facts or (None, False, False, 0)
    if is_held:
        yield Doubt("held", dataset, day)
    elif observed_at is None:
        yield Doubt("missing", dataset, day)
    if is_early:
        yield Doubt("early", dataset, day)
    if quarantined:
        yield Doubt("quarantined", dataset, day, count=quarantined)


def _exported(reader: Reader) -> list[str]:
    """`chats` always; `statistics` if the ledger knows any day of them."""
    rows = reader.connection.execute("SELECT DISTINCT dataset FROM mart.days").fetchall()
    there = {str(row[0]) for row in rows}
    return [name for name in _BY_DAYS if name == "chats" or name in there]


def _disagreements(reader: Reader, period: Period) -> list[Doubt]:
    rows = reader.connection.execute(
        f"""SELECT dataset, date, compared, expected, found FROM mart.disagreements
            WHERE {_in(period)} ORDER BY ALL"""
    ).fetchall()
    return [
        Doubt("disagreeing", dataset, day, compared=compared, expected=expected, found=found)
        for dataset, day, compared, expected, found in rows
    ]


def freshness(reader: Reader) -> list[Fresh]:
    """Each source that was ever loaded: when it was last seen, and its last day."""
    rows = reader.connection.execute(
        "SELECT dataset, seen_at, last_date FROM mart.sources ORDER BY dataset"
    ).fetchall()
    return [
        Fresh(source, seen.astimezone(UTC) if seen is not None else None, last)
        for source, seen, last in rows
    ]


def _in(period: Period) -> str:
    return f"date BETWEEN DATE '{period.first}' AND DATE '{period.last}'"
