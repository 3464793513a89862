"""Views over several datasets, made with the tables and published with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb

from warehouse.schema import Contract, literal, quoted

_MATCH_COMMENT = (
    "Each message that a callback told of, and whether chats has it: by its message_id, or, where "
    "the export has none, by thread, minute and text."
)
_MATCHED = {
    "message_id": "The id that the callback gave.",
    "chat_id": "Its thread.",
    "channel_account_id": "The company's account in the channel.",
    "window_day": "The day it was sent on, in the company's time zone.",
    "matched_by": "message_id; thread, minute and text; or NULL: chats doesn't have it.",
    "certainty": "certain: by the id; probable: two equal texts of one minute may be mistaken for "
    "each other; NULL: chats doesn't have it.",
}
_MESSAGES_COMMENT = (
    "All messages that are known: those of chats, and those of callbacks that chats doesn't have "
    "yet. What callbacks tell is a claim: nothing is signed."
)
SOURCE = "export: a row of chats; callback: a claim of incoming_messages that chats doesn't have."
# Of chats, what is shown of every message, where the contract has it.
_SHOWN = (
    "message_id",
    "chat_id",
    "sent_at",
    "sent_at_utc",
    "date",
    "window_day",
    "observed_at",
    "direction",
    "author_type",
    "user_id",
    "user_name",
    "client_name",
    "client_phone",
    "channel",
    "channel_account_id",
    "category",
    "status",
    "text",
)
_CLAIMED = {"direction": "'in'", "author_type": "'client'"}


def make_views(connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]) -> None:
    """Make `incoming_matches` and `messages` from the columns that the tables have."""
    for statement in views_sql(contracts):
        connection.execute(statement)


def views_sql(contracts: Mapping[str, Contract]) -> list[str]:
    """The statements that make the views; none without the tables that they are of."""
    chats, incoming = contracts.get("chats"), contracts.get("incoming_messages")
    if chats is None or incoming is None:
        return []
    shown = [name for name in _SHOWN if name in (*chats.columns, "window_day")]
    meanings = {
        name: chats.comment(name) if name in chats.columns else "The day the row belongs to."
        for name in shown
    }
    return [
        f"CREATE OR REPLACE VIEW incoming_matches AS {_matches_sql(chats, incoming)}",
        *_comments("incoming_matches", _MATCH_COMMENT, _MATCHED),
        f"CREATE OR REPLACE VIEW messages AS {_messages_sql(shown, incoming)}",
        *_comments("messages", _MESSAGES_COMMENT, {**meanings, "source": SOURCE}),
    ]


def _comments(view: str, comment: str, columns: Mapping[str, str]) -> Iterator[str]:
    yield f"COMMENT ON VIEW {view} IS {literal(comment)}"
    for name, meaning in columns.items():
        yield f"COMMENT ON COLUMN {view}.{quoted(name)} IS {literal(meaning)}"


def _matches_sql(chats: Contract, incoming: Contract) -> str:
    """By id; where the export has none, the n-th of equal texts in one minute by the n-th."""
    texts = "text" in chats.columns and "text" in incoming.columns
    same = "chat_id, date_trunc('minute', sent_at)" + (", text" if texts else "")
    numbered = f"row_number() OVER (PARTITION BY {same} ORDER BY sent_at, observed_at)"
    text = "AND theirs.text IS NOT DISTINCT FROM mine.text" if texts else "AND false"
    mine_text, their_text = (", text", ", text") if texts else ("", "")
    return f"""
        WITH by_id AS (
            SELECT DISTINCT message_id FROM chats WHERE message_id IS NOT NULL),
        left_over AS (
            SELECT message_id, chat_id, sent_at{mine_text}, {numbered} AS nth
            FROM incoming_messages ANTI JOIN by_id USING (message_id)),
        nameless AS (
            SELECT chat_id, sent_at{their_text}, {numbered} AS nth FROM chats
            WHERE message_id IS NULL AND direction IS DISTINCT FROM 'out'),
        by_text AS (
            SELECT DISTINCT mine.message_id FROM left_over AS mine JOIN nameless AS theirs
            ON theirs.chat_id = mine.chat_id AND theirs.nth = mine.nth {text}
               AND date_trunc('minute', theirs.sent_at) = date_trunc('minute', mine.sent_at))
        SELECT i.message_id, i.chat_id, i.channel_account_id, i.window_day,
               CASE WHEN by_id.message_id IS NOT NULL THEN 'message_id'
                    WHEN by_text.message_id IS NOT NULL THEN 'thread, minute and text'
               END AS matched_by,
               CASE WHEN by_id.message_id IS NOT NULL THEN 'certain'
                    WHEN by_text.message_id IS NOT NULL THEN 'probable' END AS certainty
        FROM incoming_messages AS i
        LEFT JOIN by_id ON by_id.message_id = i.message_id
        LEFT JOIN by_text ON by_text.message_id = i.message_id"""


def _messages_sql(shown: list[str], incoming: Contract) -> str:
    exported = ", ".join(map(quoted, shown))
    has = (*incoming.columns, "window_day")
    claimed = ", ".join(
        f"i.{quoted(name)}"
        if name in has
        else f"{_CLAIMED.get(name, 'NULL::VARCHAR')} AS {quoted(name)}"
        for name in shown
    )
    return f"""
        SELECT {exported}, 'export' AS source FROM chats
        UNION ALL
        SELECT {claimed}, 'callback' AS source FROM incoming_messages AS i
        JOIN incoming_matches AS m ON m.message_id = i.message_id
        WHERE m.matched_by IS NULL"""
