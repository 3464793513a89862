"""Callbacks, chats export and statistics export beside one another: who told of what.

Only days whose chats are loaded are compared, from the first callback on, and of a day only what
was sent before its export was started.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from warehouse.database import Writer, bump_revision
from warehouse.disk import on_disk

IDS_KEPT = 50
_COLUMNS = (
    "window_day",
    "channel_account_id",
    "chat_id",
    "callbacks",
    "exported",
    "matched_certain",
    "matched_probable",
    "only_callback",
    "only_export",
    "statistics_in_count",
    "only_callback_ids",
    "only_export_ids",
)
_SQL = f"""
    WITH began AS (SELECT min(observed_at) AS at, min(date) AS day FROM incoming_messages),
    days AS (
        SELECT window_day AS day, observed_at FROM meta.days, began
        WHERE dataset = 'chats' AND window_day >= began.day),
    told AS (
        SELECT i.date AS day, i.chat_id, i.channel_account_id, i.message_id, m.certainty
        FROM incoming_messages AS i JOIN incoming_matches AS m ON m.message_id = i.message_id
        JOIN days ON days.day = i.date WHERE i.sent_at_utc < days.observed_at),
    exported AS (
        SELECT c.date AS day, c.chat_id, c.channel_account_id, c.message_id,
               c.message_id IN (SELECT message_id FROM incoming_messages) AS matched
        FROM chats AS c JOIN days ON days.day = c.date CROSS JOIN began
        WHERE c.direction = 'in' AND c.sent_at_utc >= began.at),
    told_threads AS (
        SELECT day, chat_id, any_value(channel_account_id) AS account, count(*) AS callbacks,
               count_if(certainty = 'certain') AS certain,
               count_if(certainty = 'probable') AS probable,
               count_if(certainty IS NULL) AS only_callback,
               list(message_id ORDER BY message_id) FILTER (certainty IS NULL) AS ids
        FROM told GROUP BY day, chat_id),
    exported_threads AS (
        SELECT day, chat_id, any_value(channel_account_id) AS account, count(*) AS exported,
               count_if(message_id IS NULL) AS nameless,
               count_if(message_id IS NOT NULL AND NOT matched) AS unmatched,
               list(message_id ORDER BY message_id)
                   FILTER (message_id IS NOT NULL AND NOT matched) AS ids
        FROM exported GROUP BY day, chat_id),
    threads AS (
        SELECT coalesce(t.day, e.day) AS window_day, coalesce(t.account, e.account) AS account,
               coalesce(t.chat_id, e.chat_id) AS chat_id, coalesce(callbacks, 0) AS callbacks,
               coalesce(exported, 0) AS exported, coalesce(certain, 0) AS certain,
               coalesce(probable, 0) AS probable, coalesce(only_callback, 0) AS only_callback,
               coalesce(unmatched, 0)
                   + greatest(coalesce(nameless, 0) - coalesce(probable, 0), 0) AS only_export,
               coalesce(t.ids, []) AS callback_ids, coalesce(e.ids, []) AS export_ids
        FROM told_threads AS t FULL JOIN exported_threads AS e
        ON t.day = e.day AND t.chat_id IS NOT DISTINCT FROM e.chat_id),
    counted AS (
        SELECT window_day, sum(messages_in_count)::BIGINT AS messages FROM statistics
        WHERE messages_in_count IS NOT NULL GROUP BY window_day)
    SELECT window_day, account, chat_id, callbacks, exported, certain, probable, only_callback,
           only_export, NULL::BIGINT, callback_ids[:{IDS_KEPT}], export_ids[:{IDS_KEPT}]
    FROM threads WHERE only_callback + only_export > 0
    UNION ALL
    SELECT t.window_day, NULL, NULL, sum(callbacks)::BIGINT, sum(exported)::BIGINT,
           sum(certain)::BIGINT, sum(probable)::BIGINT, sum(only_callback)::BIGINT,
           sum(only_export)::BIGINT, any_value(counted.messages),
           flatten(list(callback_ids ORDER BY chat_id))[:{IDS_KEPT}],
           flatten(list(export_ids ORDER BY chat_id))[:{IDS_KEPT}]
    FROM threads AS t LEFT JOIN counted ON counted.window_day = t.window_day GROUP BY t.window_day
    ORDER BY 1, 3 NULLS FIRST, 2
"""


@dataclass(frozen=True)
class CallbackComparison:
    """A day (its thread is None) or a thread of it that callbacks and export tell otherwise."""

    window_day: date
    channel_account_id: str | None
    chat_id: str | None
    callbacks: int
    exported: int
    matched_certain: int
    matched_probable: int
    only_callback: int
    only_export: int
    statistics_in_count: int | None
    only_callback_ids: tuple[str, ...]
    only_export_ids: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether each told of what the other did."""
        return not self.only_callback and not self.only_export

    def row(self) -> tuple[object, ...]:
        """As the table has it."""
        *told, claimed, exported = (getattr(self, name) for name in _COLUMNS)
        return (*told, json.dumps(claimed), json.dumps(exported))


@on_disk("compare callbacks with exports")
def compare_callbacks(writer: Writer) -> list[CallbackComparison]:
    """Each day that both tell of, and the threads that differ; also kept in meta."""
    connection = writer.connection
    # Without callbacks there is nothing to compare, and chats needn't be read to find that out.
    came = connection.execute("SELECT 1 FROM incoming_messages LIMIT 1").fetchall()
    told = [
        CallbackComparison(
            **dict(zip(_COLUMNS, row[:10], strict=False)),
            only_callback_ids=tuple(row[10]),
            only_export_ids=tuple(row[11]),
        )
        for row in (connection.execute(_SQL).fetchall() if came else ())
    ]
    _keep(writer, told)
    return told


def _keep(writer: Writer, told: Sequence[CallbackComparison]) -> None:
    names = ", ".join(_COLUMNS)
    before = writer.connection.execute(
        f"SELECT {names} FROM meta.callback_reconciliation "
        "ORDER BY window_day, chat_id NULLS FIRST, channel_account_id"
    ).fetchall()
    rows = [comparison.row() for comparison in told]
    if [tuple(row) for row in before] == rows:
        return
    with writer.transaction() as connection:
        connection.execute("DELETE FROM meta.callback_reconciliation")
        marks = ", ".join("?" for _ in _COLUMNS)
        now = datetime.now(UTC)
        for row in rows:
            connection.execute(
                f"INSERT INTO meta.callback_reconciliation ({names}, checked_at) "
                f"VALUES ({marks}, ?)",
                [*row, now],
            )
        bump_revision(connection)
