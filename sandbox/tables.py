"""The rows of an export file, headers in Russian or English: what the vendor's columns may be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sandbox.messages import Message
from sandbox.options import ColumnChange

Cell = str | int | datetime | None
Table = tuple[list[str], list[list[Cell]]]

CHATS = {
    "ru": (
        "ID сообщения", "ID чата", "Дата и время", "Направление", "Тип автора", "ID оператора",
        "Оператор", "Клиент", "Телефон клиента", "Канал", "ID канала", "Категория", "Статус",
        "Текст сообщения",
    ),
    "en": (
        "Message ID", "Chat ID", "Date", "Direction", "Author type", "Operator ID", "Operator",
        "Client", "Client phone", "Channel", "Channel account ID", "Category", "Status", "Text",
    ),
}  # fmt: skip
STATISTICS = {
    "ru": (
        "Дата", "Канал", "ID канала", "ID оператора", "Оператор", "Входящих сообщений",
        "Исходящих сообщений", "Новых чатов", "Среднее время первого ответа, сек",
    ),
    "en": (
        "Date", "Channel", "Channel account ID", "Operator ID", "Operator", "Messages in",
        "Messages out", "New chats", "Avg first response time, sec",
    ),
}  # fmt: skip
_WORDS = {
    "ru": {"in": "Входящее", "out": "Исходящее", "client": "Клиент", "operator": "Оператор"},
    "en": {"in": "in", "out": "out", "client": "client", "operator": "operator"},
}


def chats_table(messages: Iterable[Message], language: str) -> Table:
    """One row a message."""
    words = _WORDS[language]
    rows: list[list[Cell]] = [
        [
            str(m.message_id),
            m.thread_id,
            m.sent_at,
            words[m.direction],
            words["operator" if m.direction == "out" else "client"],
            str(m.operator_id) if m.operator_id else "",
            m.operator_name,
            m.client_name,
            m.client_phone,
            m.channel,
            str(m.channel_account_id),
            m.category,
            m.status,
            m.text,
        ]
        for m in messages
    ]
    return list(CHATS[language]), rows


def statistics_table(messages: Sequence[Message], day: date, language: str) -> Table:
    """One row a channel and operator of `day`; what clients wrote counts for their operator."""
    answering: dict[str, tuple[int, str]] = {}
    for m in messages:
        if m.direction == "out":
            answering.setdefault(m.thread_id, (m.operator_id, m.operator_name))
    groups: dict[tuple[str, int, int, str], list[Message]] = defaultdict(list)
    for m in messages:
        operator = answering.get(m.thread_id, (0, ""))
        groups[(m.channel, m.channel_account_id, *operator)].append(m)
    rows: list[list[Cell]] = []
    for (channel, account, operator_id, name), group in sorted(groups.items()):
        waits = _first_responses(group)
        rows.append(
            [
                day.strftime("%d.%m.%Y"),
                channel,
                str(account),
                str(operator_id) if operator_id else "",
                name,
                sum(m.direction == "in" for m in group),
                sum(m.direction == "out" for m in group),
                len({m.thread_id for m in group if m.thread_start == day}),
                round(sum(waits) / len(waits)) if waits else "",
            ]
        )
    return list(STATISTICS[language]), rows


def changed_columns(table: Table, changes: Iterable[ColumnChange], day: date) -> Table:
    """The table as a vendor sends it that has renamed or added columns by `day`."""
    header, rows = list(table[0]), table[1]
    for change in changes:
        if change.since is not None and day < change.since:
            continue
        if change.old is None:
            header.append(change.new)
            rows = [[*row, f"{change.new} {number}"] for number, row in enumerate(rows, start=1)]
        else:
            header = [change.new if name == change.old else name for name in header]
    return header, rows


def _first_responses(messages: Iterable[Message]) -> list[float]:
    asked: dict[str, datetime] = {}
    answered: dict[str, float] = {}
    for m in messages:
        if m.direction == "in":
            asked.setdefault(m.thread_id, m.sent_at)
        elif m.thread_id in asked and m.thread_id not in answered:
            answered[m.thread_id] = (m.sent_at - asked[m.thread_id]).total_seconds()
    return list(answered.values())
