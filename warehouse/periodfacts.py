"""What a period's figures are summed from: read once from the marts into tables of the connection.

Three spans are read together: the period, the one before it and the same weekdays a week before.
Only their threads are followed (to the data's end), so that a day of ten million messages costs
what its own threads cost, and one look at everybody's thread ids and clients.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb

from warehouse.figures import Filters, Period
from warehouse.martfiles import mart, of_threads
from warehouse.marts import Reader
from warehouse.schema import literal

SPANS = ("now", "before", "week_before")
Span = tuple[date, date]


def read_facts(reader: Reader, period: Period, filters: Filters) -> None:
    """Fill the fact tables for a period; those of an earlier one on the same connection go."""
    connection = reader.connection
    spans = dict(zip(SPANS, (period, period.previous(), period.a_week_before()), strict=True))
    rows = ", ".join(
        f"('{name}', DATE '{span.first}', DATE '{span.last}')" for name, span in spans.items()
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE fact_spans AS FROM (VALUES {rows}) AS s(span, first, last)"
    )
    dates = in_spans([(span.first, span.last) for span in spans.values()])
    _read_messages(connection, dates, filters)
    read_turns(connection, "SELECT chat_id FROM fact_chats", filters)
    _read_threads(connection, dates, filters)
    _read_clients(connection, filters)
    _read_operators(connection, period, filters)


def in_spans(spans: Sequence[Span]) -> str:
    """A condition on `date`: within one of these spans; those that touch are made one."""
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first.toordinal() <= merged[-1][1].toordinal() + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    told = [f"date BETWEEN DATE '{first}' AND DATE '{last}'" for first, last in merged]
    return f"({' OR '.join(told)})"


def of_channel(filters: Filters) -> str:
    """A further condition on `channel`, if one is chosen."""
    return "" if filters.channel is None else f" AND channel = {literal(filters.channel)}"


def of_operator(filters: Filters) -> str:
    """A condition on `operator_id`: the one that is chosen, else whoever there is."""
    if filters.operator_id is None:
        return "operator_id IS NOT NULL"
    return f"operator_id = {literal(filters.operator_id)}"


def _read_messages(connection: duckdb.DuckDBPyConnection, dates: str, filters: Filters) -> None:
    where = f"WHERE {dates}{of_channel(filters)}"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE fact_messages AS
            SELECT date, hour, channel, category, operator_id,
                   count(*) FILTER (WHERE direction = 'in') AS messages_in,
                   count(*) FILTER (WHERE direction = 'out') AS messages_out
            FROM mart.messages {where} GROUP BY ALL"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE fact_chats AS
            SELECT DISTINCT chat_id FROM mart.messages {where} AND chat_id IS NOT NULL"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE fact_wrote AS
            SELECT DISTINCT date, channel, category, client_key FROM mart.messages
            {where} AND by_client AND client_key IS NOT NULL"""
    )


def read_turns(connection: duckdb.DuckDBPyConnection, chats: str, filters: Filters) -> None:
    """Fill `fact_turns` with all turns, of any day, of the threads that a query names."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE fact_turns AS
            SELECT * FROM ({of_threads(mart("responses").sql, chats)})
            WHERE true{of_channel(filters)}"""
    )


def _read_threads(connection: duckdb.DuckDBPyConnection, dates: str, filters: Filters) -> None:
    """Threads opened in the spans; an operator's are those that the operator answered first."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE fact_threads AS
            SELECT threads.*, operator_id
            FROM ({of_threads(mart("threads").sql, "SELECT chat_id FROM fact_chats")}) AS threads
            LEFT JOIN (SELECT chat_id, operator_id FROM fact_turns WHERE is_first)
              USING (chat_id)
            WHERE {dates}{of_channel(filters)}"""
    )


def _read_clients(connection: duckdb.DuckDBPyConnection, filters: Filters) -> None:
    """Who wrote on which day, and the day each of them was first known."""
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE fact_known AS
           SELECT client_key, min(date) AS first_date FROM mart.messages
           WHERE by_client AND client_key IN (SELECT client_key FROM fact_wrote)
           GROUP BY client_key"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE fact_clients AS
            SELECT wrote.*, first_date
            FROM (SELECT *, NULL::VARCHAR AS operator_id FROM fact_wrote
                  UNION ALL
                  SELECT DISTINCT date, channel, category, client_key, operator_id
                  FROM fact_turns WHERE {of_operator(filters)}) AS wrote
            JOIN fact_known USING (client_key)"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE fact_answered AS
            SELECT date, hour, channel, category, operator_id,
                   sum(messages)::BIGINT AS messages_in, 0 AS messages_out
            FROM fact_turns WHERE {of_operator(filters)} GROUP BY ALL
            UNION ALL
            SELECT date, hour, channel, category, operator_id, 0, messages_out
            FROM fact_messages WHERE {of_operator(filters)}"""
    )


def _read_operators(
    connection: duckdb.DuckDBPyConnection, period: Period, filters: Filters
) -> None:
    """Each operator's load in the period, and the name in messages of it or of the one before."""
    before = period.previous()
    dates = in_spans([(period.first, period.last), (before.first, before.last)])
    now = f"FILTER (WHERE {in_spans([(period.first, period.last)])})"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE fact_operators AS
            SELECT operator_id, arg_max(operator_name, sent_at_utc) AS operator_name,
                   count(DISTINCT chat_id) {now} AS threads,
                   count(DISTINCT (date - DATE '2000-01-01') * 24 + hour) {now} AS busy_hours
            FROM mart.messages
            WHERE {dates}{of_channel(filters)} AND by_operator AND {of_operator(filters)}
            GROUP BY operator_id"""
    )
