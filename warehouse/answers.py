"""What people ask of the marts: the figures of a period, and what can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from statistics import median
from typing import Literal

import duckdb

from warehouse.doubts import doubts, freshness
from warehouse.figures import Doubt, Figures, Filters, Line, Period, Sla
from warehouse.martfiles import mart
from warehouse.marts import Reader
from warehouse.measuring import NOTHING, ByKey, dates, hours, measure
from warehouse.movers import movers
from warehouse.periodfacts import SPANS, of_operator, read_facts
from warehouse.threadlists import (
    Narrowing,
    ThreadKind,
    messages_of,
    threads_behind,
    waiting_threads,
)

__all__ = [
    "Choices",
    "Narrowing",
    "ThreadKind",
    "choices",
    "messages_of",
    "read_figures",
    "threads_behind",
]
_COMPARED_OPERATORS, _LEAST_BUSY_HOURS = 3, 3
Dimension = Literal["channel", "operator", "team", "category"]


@dataclass(frozen=True)
class Choices:
    """What can be chosen: the days that have messages, channels, operators with their labels."""

    first_day: date | None
    last_day: date | None
    channels: list[str]
    operators: list[tuple[str, str]]


def read_figures(reader: Reader, period: Period, filters: Filters | None = None) -> Figures:
    """All figures of a period, and those of the period before and of a week before.

    An operator's figures are of what the operator answered: turns, the messages in them, their
    clients, and threads whose first answer was the operator's.
    """
    filters = filters or Filters()
    connection = reader.connection
    read_facts(reader, period, filters)
    totals = measure(connection, "total", filters)
    now, before, week_before = (totals.get(span, {}).get("", NOTHING) for span in SPANS)
    told = {kind: _lines(reader, kind, filters) for kind in _LABELLED}
    doubtful, lacking = doubts(reader, period), _never_loaded(reader, period.previous())
    incomplete = bool(lacking) or any(_is_missing(doubt) for doubt in doubtful)
    figures = Figures(
        period=period,
        filters=filters,
        total=now,
        before=before,
        week_before=week_before,
        by_date=dates(connection, period, filters),
        by_hour=hours(connection, filters),
        channels=told["channel"],
        operators=told["operator"],
        teams=told["team"],
        categories=told["category"],
        sla=_sla(connection, filters),
        movers=[],
        waiting=waiting_threads(connection, filters),
        doubts=doubtful,
        fresh=freshness(reader),
        release=reader.release,
        released_at=reader.released_at,
        time_zone=reader.time_zone,
        names_published=reader.names_published,
        missing_before=tuple(sorted(lacking | _never_loaded(reader, period.a_week_before()))),
        known_since=_known_since(connection),
    )
    if incomplete:
        return figures
    newcomers = figures.newcomers_comparable
    return replace(figures, movers=movers((now, before), told.items(), newcomers=newcomers))


def _known_since(connection: duckdb.DuckDBPyConnection) -> date | None:
    found = connection.execute("SELECT first_date FROM mart.known").fetchone()
    return found[0] if found else None


def _is_missing(doubt: Doubt) -> bool:
    return doubt.kind == "missing" and doubt.dataset == "chats"


def _never_loaded(reader: Reader, period: Period) -> set[date]:
    """Days of a period that nothing is known of."""
    return {doubt.day for doubt in doubts(reader, period) if _is_missing(doubt)}


_LABELLED: tuple[Dimension, ...] = ("channel", "operator", "team", "category")


def _lines(reader: Reader, kind: Dimension, filters: Filters) -> list[Line]:
    """The lines of a dimension, the busiest first."""
    spans = measure(reader.connection, kind, filters)
    now, before = spans.get("now", {}), spans.get("before", {})
    if kind == "operator":
        return _operator_lines(reader, now, before)
    lines = [Line(key, key, now.get(key, NOTHING), before.get(key)) for key in {**now, **before}]
    return sorted(lines, key=lambda line: (-line.now.messages_in, line.key))


def _operator_lines(reader: Reader, now: ByKey, before: ByKey) -> list[Line]:
    rows = reader.connection.execute(
        "SELECT operator_id, operator_name, threads, busy_hours, team FROM fact_operators "
        "LEFT JOIN mart.teams USING (operator_id)"
    ).fetchall()
    loads = {row[0]: row[1:] for row in rows}
    listed = listed_names(reader.connection)
    lines = []
    for key in {**now, **before}:
        name, threads, busy, team = loads.get(key, (None, 0, 0, None))
        line = Line(
            key,
            listed.get(key) or name or key,
            now.get(key, NOTHING),
            before.get(key),
            team=team,
            threads=threads,
            busy_hours=busy,
            threads_per_busy_hour=threads / busy if busy else None,
        )
        lines.append(line)
    lines = _told_overloaded(lines, reader.company.business.overloaded_above)
    return sorted(lines, key=lambda line: (-line.now.messages_out, line.key))


def _told_overloaded(lines: list[Line], above: float) -> list[Line]:
    """Mark who has far more threads a busy hour than others; nobody where few can be compared."""
    rates = {
        line.key: line.threads_per_busy_hour
        for line in lines
        if line.threads_per_busy_hour is not None and (line.busy_hours or 0) >= _LEAST_BUSY_HOURS
    }
    if len(rates) < _COMPARED_OPERATORS:
        return lines
    limit = above * median(rates.values())
    return [replace(line, overloaded=rates.get(line.key, 0.0) > limit) for line in lines]


def listed_names(connection: duckdb.DuckDBPyConnection) -> Mapping[str, str]:
    """Operators' names by the users list; none where it isn't loaded or has no names."""
    try:
        rows = connection.execute(
            "SELECT user_id, user_name FROM main.users WHERE user_name <> ''"
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return {}
    return {str(row[0]): str(row[1]) for row in rows}


def _sla(connection: duckdb.DuckDBPyConnection, filters: Filters) -> list[Sla]:
    """The targets in the file's order, as `mart.sla` tells them, of these turns alone."""
    where = "true" if filters.operator_id is None else of_operator(filters)
    turns = f"(SELECT * FROM fact_turns WHERE {where})"
    rows = connection.execute(
        f"""WITH told AS (
                SELECT span, target, sum(turns)::BIGINT AS turns, sum(met)::BIGINT AS met
                FROM ({mart("sla").sql.replace("mart.responses", turns)})
                JOIN fact_spans ON date BETWEEN first AND last GROUP BY span, target)
            SELECT t.target, within_seconds, working_hours, first_only, channel,
                   coalesce(now.turns, 0), coalesce(now.met, 0), now.met / now.turns,
                   before.met / before.turns
            FROM mart.sla_targets AS t
            LEFT JOIN told AS now ON now.target = t.target AND now.span = 'now'
            LEFT JOIN told AS before ON before.target = t.target AND before.span = 'before'
            ORDER BY position"""
    ).fetchall()
    return [Sla(*row) for row in rows]


def choices(reader: Reader) -> Choices:
    """What the filters offer."""
    days = reader.connection.execute("SELECT first_date, last_date FROM mart.known").fetchall()
    channels = reader.connection.execute(
        "SELECT DISTINCT channel FROM mart.messages ORDER BY channel"
    ).fetchall()
    listed = listed_names(reader.connection)
    rows = reader.connection.execute(
        "SELECT operator_id, max(operator_name) FROM mart.messages WHERE by_operator "
        "GROUP BY operator_id"
    ).fetchall()
    labels = [(key, listed.get(key) or name or key) for key, name in rows]
    return Choices(
        days[0][0],
        days[0][1],
        [str(row[0]) for row in channels],
        sorted(labels, key=lambda pair: (pair[1].casefold(), pair[0])),
    )
