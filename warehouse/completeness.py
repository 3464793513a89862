"""What each day of a dataset is known to be: read from the ledger of a release or of the writer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from warehouse.ledger import utc

# One row a dataset and day that the ledger knows. A list's days are those it was asked for on.
# A release of an earlier version may lack columns: BY NAME they are NULL there.
DAY_FACTS_SQL = """
    WITH later AS (SELECT NULL::VARCHAR AS mapping_version WHERE false),
    loads AS (FROM meta.loads UNION ALL BY NAME FROM later),
    held_days AS (FROM meta.days UNION ALL BY NAME FROM later),
    looked AS (
        SELECT dataset, window_day,
               arg_max(outcome, loaded_at) = 'held' AS held,
               count(DISTINCT file_sha256) FILTER (outcome = 'loaded' AND source = 'export')
                   AS contents,
               max(observed_at) FILTER (outcome IN ('loaded', 'unchanged')) AS observed_at,
               arg_max(rows_quarantined, loaded_at) FILTER (outcome = 'loaded') AS quarantined,
               arg_max(rows_read, loaded_at) FILTER (outcome IN ('loaded', 'unchanged')) AS read,
               arg_max(contract_version, loaded_at) FILTER (outcome = 'loaded') AS contract,
               arg_max(mapping_version, loaded_at) FILTER (outcome = 'loaded') AS mapping
        FROM loads GROUP BY dataset, window_day)
    SELECT looked.dataset, looked.window_day, coalesce(days.rows, looked.read),
           coalesce(days.observed_at, looked.observed_at) AT TIME ZONE 'UTC',
           coalesce(days.contract_version, looked.contract, ''),
           coalesce(days.mapping_version, looked.mapping, ''),
           looked.held, coalesce(looked.quarantined, 0), looked.contents
    FROM looked LEFT JOIN held_days AS days USING (dataset, window_day)
    ORDER BY ALL
"""


@dataclass(frozen=True)
class DayFacts:
    """A day as the ledger knows it.

    Args:
        rows: rows it holds; None: it was never loaded.
        observed_at: when what it holds was last observed, UTC; None: never.
        held: the last export that was looked at is held.
        rows_quarantined: records of its last loaded file that could not be loaded.
        contents: how many different files were loaded for it.
    """

    dataset: str
    window_day: date
    rows: int | None
    observed_at: datetime | None
    contract_version: str
    mapping_version: str
    held: bool
    rows_quarantined: int
    contents: int


def day_facts(rows: Iterable[tuple[Any, ...]]) -> dict[str, dict[date, DayFacts]]:
    """The answer of `DAY_FACTS_SQL`: dataset → day → facts."""
    found: dict[str, dict[date, DayFacts]] = {}
    for dataset, day, count, observed_at, *rest in rows:
        seen = utc(observed_at) if observed_at is not None else None
        found.setdefault(dataset, {})[day] = DayFacts(dataset, day, count, seen, *rest)
    return found
