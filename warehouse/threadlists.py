"""The threads behind a number, a page of them, and the messages of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import duckdb
import pyarrow as pa

from warehouse.figures import Filters, Period
from warehouse.martfiles import mart, of_threads
from warehouse.marts import Reader, table_of
from warehouse.periodfacts import in_spans, of_channel, read_turns
from warehouse.schema import literal

WAITING_SHOWN = 50
ThreadKind = Literal["opened", "unanswered", "answered", "active", "waiting", "slow"]


@dataclass(frozen=True)
class Narrowing:
    """A part of a picture that somebody points at: a bar, a point, a line of a table.

    operator_id, team: who wrote in the thread. day, weekday (1 Monday … 7), hour: of the thread's
    opening (opened, answered, unanswered), of the client's message (waiting, slow), or of any
    message (active).
    """

    operator_id: str | None = None
    team: str | None = None
    category: str | None = None
    day: date | None = None
    weekday: int | None = None
    hour: int | None = None


def waiting_threads(connection: duckdb.DuckDBPyConnection, filters: Filters) -> pa.Table:
    """`Figures.waiting`; an operator's are those that the operator answered last."""
    last = ""
    if filters.operator_id is not None:
        last = f"""AND chat_id IN (
            SELECT chat_id FROM fact_turns WHERE operator_id IS NOT NULL GROUP BY chat_id
            HAVING arg_max(operator_id, asked_at_utc) = {literal(filters.operator_id)})"""
    return table_of(
        connection,
        f"""SELECT chat_id, channel, category, asked_at, waiting_seconds, waiting_working_seconds
            FROM fact_turns JOIN fact_spans ON date BETWEEN first AND last AND span = 'now'
            WHERE answered_at_utc IS NULL {last}
            ORDER BY waiting_seconds DESC, chat_id LIMIT {WAITING_SHOWN}""",
    )


def threads_behind(
    reader: Reader,
    period: Period,
    filters: Filters | None = None,
    *,
    kind: ThreadKind = "active",
    narrowing: Narrowing | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[pa.Table, int]:
    """The threads behind a number, a page of them, and how many there are in all.

    kind: opened in the period; answered and unanswered (of those opened in it); active (with a
    message in it); waiting (with a turn of the period that has no answer); slow (with one that was
    answered, the longest answer first). Columns: chat_id, channel, category, operators (their
    labels), client (a name, else a phone, else NULL), opened_at, last_at (company time),
    messages_in, messages_out, turns, turns_answered, first_response_seconds,
    longest_response_seconds, waiting_seconds.
    """
    filters, narrowing = filters or Filters(), narrowing or Narrowing()
    day = narrowing.day
    span = (max(period.first, day), min(period.last, day)) if day else (period.first, period.last)
    connection = reader.connection
    _choose(connection, span, filters, kind, narrowing)
    read_turns(connection, "SELECT chat_id FROM chosen_chats", Filters())
    chosen = of_threads(mart("threads").sql, "SELECT chat_id FROM chosen_chats")
    turns = f"SELECT * FROM fact_turns WHERE {in_spans([span])}{_at('asked_at', narrowing)}"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE chosen_threads AS
            SELECT threads.*, turns, turns_answered, first_response_seconds,
                   longest_response_seconds, waiting_seconds, slowest
            FROM ({chosen}) AS threads
            LEFT JOIN (SELECT chat_id, count(*) AS turns, count(response_seconds) AS turns_answered,
                              max(response_seconds) FILTER (WHERE is_first)
                                  AS first_response_seconds,
                              max(response_seconds) AS longest_response_seconds,
                              max(waiting_seconds) AS waiting_seconds
                       FROM fact_turns GROUP BY chat_id) USING (chat_id)
            LEFT JOIN (SELECT chat_id, max(response_seconds) AS slowest,
                              bool_or(answered_at_utc IS NULL) AS waits
                       FROM ({turns}) GROUP BY chat_id) USING (chat_id)
            WHERE {_condition(span, kind, narrowing)}"""
    )
    return _page(connection, kind, limit, offset), _count(connection)


def _choose(
    connection: duckdb.DuckDBPyConnection,
    span: tuple[date, date],
    filters: Filters,
    kind: ThreadKind,
    narrowing: Narrowing,
) -> None:
    """Fill `chosen_chats`: threads with a message in the span, and by the operators asked for."""
    who = [
        _wrote(operator)
        for operator in (filters.operator_id, narrowing.operator_id)
        if operator is not None
    ]
    if narrowing.team is not None:
        who.append(
            "bool_or(by_operator AND operator_id IN (SELECT operator_id FROM mart.teams "
            f"WHERE team = {literal(narrowing.team)}))"
        )
    at = _at("sent_at", narrowing) if kind == "active" else ""
    if at:
        who.append(f"bool_or(true{at})")
    having = f"HAVING {' AND '.join(who)}" if who else ""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE chosen_chats AS
            SELECT chat_id FROM mart.messages
            WHERE {in_spans([span])}{of_channel(filters)} AND chat_id IS NOT NULL
            GROUP BY chat_id {having}"""
    )


def _wrote(operator_id: str) -> str:
    return f"bool_or(by_operator AND operator_id = {literal(operator_id)})"


def _at(moment: str, narrowing: Narrowing) -> str:
    """A further condition on a moment's weekday and hour."""
    told = ""
    if narrowing.weekday is not None:
        told += f" AND isodow({moment}) = {int(narrowing.weekday)}"
    if narrowing.hour is not None:
        told += f" AND hour({moment}) = {int(narrowing.hour)}"
    return told


def _condition(span: tuple[date, date], kind: ThreadKind, narrowing: Narrowing) -> str:
    opened = f"{in_spans([span])}{_at('opened_at', narrowing)}"
    told = {
        "active": "true",
        "opened": opened,
        "answered": f"is_answered AND {opened}",
        "unanswered": f"is_unanswered AND {opened}",
        "waiting": "waits",
        "slow": "slowest IS NOT NULL",
    }[kind]
    if narrowing.category is not None:
        told += f" AND category = {literal(narrowing.category)}"
    return told


def _page(
    connection: duckdb.DuckDBPyConnection, kind: ThreadKind, limit: int, offset: int
) -> pa.Table:
    order = {"waiting": "waiting_seconds DESC", "slow": "slowest DESC"}.get(kind, "opened_at DESC")
    return table_of(
        connection,
        f"""WITH page AS (
                SELECT * FROM chosen_threads
                ORDER BY {order}, chat_id LIMIT {int(limit)} OFFSET {int(offset)}),
            people AS (
                SELECT chat_id, max(client) AS client,
                       string_agg(DISTINCT coalesce(nullif(operator_name, ''), operator_id), ', '
                                  ORDER BY coalesce(nullif(operator_name, ''), operator_id))
                           AS operators
                FROM mart.messages WHERE chat_id IN (SELECT chat_id FROM page) GROUP BY chat_id)
            SELECT page.chat_id, channel, category, coalesce(operators, '') AS operators, client,
                   opened_at, last_at, messages_in, messages_out,
                   coalesce(turns, 0)::BIGINT AS turns,
                   coalesce(turns_answered, 0)::BIGINT AS turns_answered,
                   first_response_seconds, longest_response_seconds, waiting_seconds
            FROM page LEFT JOIN people USING (chat_id)
            ORDER BY {order}, page.chat_id""",
    )


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute("SELECT count(*) FROM chosen_threads").fetchall()[0][0])


def messages_of(reader: Reader, chat_id: str) -> pa.Table:
    """A thread's messages, the oldest first: sent_at, direction, author, operator, text.

    `author` is client, operator, bot, system or unknown; `text` is NULL where the release has none.
    """
    return table_of(
        reader.connection,
        """SELECT sent_at, direction, author,
                  coalesce(nullif(operator_name, ''), operator_id) AS operator,
                  message_text AS text
           FROM mart.messages WHERE chat_id = ?
           ORDER BY sent_at_utc, by_operator, operator_id, message_id""",
        [chat_id],
    )
