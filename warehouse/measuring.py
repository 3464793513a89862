"""`Measures` of the fact tables: of all, by channel, operator, team or category."""

from __future__ import annotations

from typing import Any, Literal

import duckdb
import pyarrow as pa

from warehouse.figures import Filters, Measures, Period
from warehouse.marts import table_of
from warehouse.periodfacts import of_operator

Dimension = Literal["total", "channel", "operator", "team", "category"]
_KEYS: dict[Dimension, str] = {
    "total": "''",
    "channel": "channel",
    "operator": "operator_id",
    "team": "team",
    "category": "category",
}
_COUNTS = (
    "messages_in",
    "messages_out",
    "threads_opened",
    "threads_answered",
    "threads_unanswered",
    "clients",
    "clients_new",
    "clients_returning",
    "turns",
    "turns_answered",
)
_TIMES = (
    "first_response_median_seconds",
    "first_response_p90_seconds",
    "first_response_working_median_seconds",
    "first_response_working_p90_seconds",
    "response_median_seconds",
    "response_p90_seconds",
    "response_working_median_seconds",
    "response_working_p90_seconds",
)
NOTHING = Measures(*[0] * len(_COUNTS), *[None] * len(_TIMES))
# Measures by the key of a dimension.
ByKey = dict[str, Measures]

_MESSAGES = "sum(messages_in)::BIGINT AS messages_in, sum(messages_out)::BIGINT AS messages_out"
_THREADS = """count(*) AS threads_opened, count(*) FILTER (WHERE is_answered) AS threads_answered,
    count(*) FILTER (WHERE is_unanswered) AS threads_unanswered"""
_TURNS = "count(*) AS turns, count(response_seconds) AS turns_answered"
_FIRST = "quantile_cont({}, [0.5, 0.9]) FILTER (WHERE is_first)"
_EVERY = "quantile_cont({}, [0.5, 0.9])"
_LENGTHS = ", ".join(
    shape.format(column)
    for shape in (_FIRST, _EVERY)
    for column in ("response_seconds", "response_working_seconds")
)
_CLIENTS = """count(DISTINCT client_key) AS clients,
    count(DISTINCT client_key) FILTER (WHERE first_date >= first) AS clients_new"""


def by_operator(dimension: Dimension, filters: Filters) -> bool:
    """Whether figures are an operator's: messages, turns and clients that the operator answered."""
    return dimension in ("operator", "team") or filters.operator_id is not None


def measure(
    connection: duckdb.DuckDBPyConnection, dimension: Dimension, filters: Filters
) -> dict[str, ByKey]:
    """Span → key → measures; a key without anything in a span isn't there."""
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for table, columns in _facts(dimension, filters):
        key = _KEYS[dimension]
        teams = "JOIN mart.teams USING (operator_id)" if dimension == "team" else ""
        condition = of_operator(filters) if by_operator(dimension, filters) else "true"
        if table == "fact_clients" and not by_operator(dimension, filters):
            condition = "operator_id IS NULL"
        found = connection.execute(
            f"""SELECT span, {key} AS key, {columns}
                FROM {table} {teams}
                JOIN fact_spans ON date BETWEEN first AND last
                WHERE {condition} GROUP BY span, key"""
        )
        names = [str(column[0]) for column in (found.description or [])[2:]]
        for span, name, *values in found.fetchall():
            line = told.setdefault((span, name), {})
            line.update(_named(names, values))
    spans: dict[str, ByKey] = {}
    for (span, key), line in told.items():
        spans.setdefault(span, {})[key] = _measures(line)
    return spans


def _facts(dimension: Dimension, filters: Filters) -> list[tuple[str, str]]:
    messages = "fact_answered" if by_operator(dimension, filters) else "fact_messages"
    return [
        (messages, _MESSAGES),
        ("fact_threads", _THREADS),
        ("fact_turns", f"{_TURNS}, {_LENGTHS}"),
        ("fact_clients", _CLIENTS),
    ]


def _named(names: list[str], values: list[Any]) -> dict[str, Any]:
    """Values by their names; pairs of quantiles, which come last, by those of `_TIMES`."""
    counts = {n: v for n, v in zip(names, values, strict=True) if n in _COUNTS}
    pairs = values[len(counts) :]
    flat = [part for pair in pairs for part in (pair or (None, None))]
    return counts | (dict(zip(_TIMES, flat, strict=True)) if pairs else {})


def _measures(line: dict[str, Any]) -> Measures:
    clients, new = line.get("clients", 0), line.get("clients_new", 0)
    line = line | {"clients_returning": clients - new}
    counts = [int(line.get(name) or 0) for name in _COUNTS]
    return Measures(*counts, *[line.get(name) for name in _TIMES])


def dates(connection: duckdb.DuckDBPyConnection, period: Period, filters: Filters) -> pa.Table:
    """`Figures.by_date`."""
    own = by_operator("total", filters)
    where = of_operator(filters) if own else "true"
    clients = where if own else "operator_id IS NULL"
    counts = ", ".join(f"coalesce({name}, 0)::BIGINT AS {name}" for name in _COUNTS)
    return table_of(
        connection,
        f"""SELECT date, {counts}, response_median_seconds
            FROM (SELECT unnest(generate_series(DATE '{period.first}', DATE '{period.last}',
                                                INTERVAL 1 DAY))::DATE AS date)
            LEFT JOIN (SELECT date, {_MESSAGES} FROM {_facts("total", filters)[0][0]}
                       WHERE {where} GROUP BY date) USING (date)
            LEFT JOIN (SELECT date, {_THREADS} FROM fact_threads WHERE {where} GROUP BY date)
                USING (date)
            LEFT JOIN (SELECT date, {_TURNS},
                              quantile_cont(response_seconds, 0.5) AS response_median_seconds
                       FROM fact_turns WHERE {where} GROUP BY date) USING (date)
            LEFT JOIN (SELECT *, clients - clients_new AS clients_returning FROM (
                           SELECT date, count(DISTINCT client_key) AS clients,
                                  count(DISTINCT client_key) FILTER (WHERE first_date = date)
                                      AS clients_new
                           FROM fact_clients WHERE {clients} GROUP BY date)) USING (date)
            ORDER BY date""",
    )


def hours(connection: duckdb.DuckDBPyConnection, filters: Filters) -> pa.Table:
    """`Figures.by_hour`."""
    return table_of(
        connection,
        f"""SELECT isodow(date)::BIGINT AS weekday, hour, {_MESSAGES}
            FROM {_facts("total", filters)[0][0]}
            JOIN fact_spans ON date BETWEEN first AND last AND span = 'now'
            GROUP BY ALL HAVING sum(messages_in) + sum(messages_out) > 0 ORDER BY ALL""",
    )
