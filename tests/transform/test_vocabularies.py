"""Headers as several chat platforms name them in public: none is the sandbox's.

Every vocabulary writes the same two messages; what comes out must be the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

Normalise = Callable[..., Any]

FIRST = {
    "message_id": "0501", "chat_id": "t-9", "sent_at": datetime(2026, 2, 1, 10, 0, 5),
    "direction": "in", "author_type": "client", "client_name": "Иван", "text": "Где заказ; 15?",
}  # fmt: skip
SECOND = {
    "message_id": "0502", "chat_id": "t-9", "sent_at": datetime(2026, 2, 1, 10, 1),
    "direction": "out", "user_name": "Анна", "text": "Едет",
}  # fmt: skip


@dataclass(frozen=True)
class Vocabulary:
    columns: str
    first: str
    second: str
    published: tuple[str, ...]


VOCABULARIES = {
    "russian report by thread": Vocabulary(
        "ID треда | ID сообщения | Дата доставки | Канал | Имя клиента | Тел. клиента | "
        "ID агента | Имя агента | Тип отправителя | Текст сообщения",
        "t-9 | 0501 | 01.02.2026 10:00:05 | WhatsApp | Иван | +79160000000 | | | Клиент | "
        "Где заказ; 15?",
        "t-9 | 0502 | 01.02.2026 10:01:00 | WhatsApp | | | 7 | Анна | Агент | Едет",
        ("channel", "client_phone", "user_id"),
    ),
    "russian history by dialogue": Vocabulary(
        "№ диалога | № сообщения | Дата | Время | Мессенджер | Посетитель | Оператор | "
        "Направление | Сообщение",
        "t-9 | 0501 | 01.02.2026 | 10:00:05 | Telegram | Иван | | Входящее | Где заказ; 15?",
        "t-9 | 0502 | 01.02.2026 | 10:01 | Telegram | | Анна | Исходящее | Едет",
        ("channel",),
    ),
    "russian with an author": Vocabulary(
        "Обращение | Номер сообщения | Дата/время | Источник | Автор | Вх/Исх | Тематика | "
        "Статус | Текст",
        "t-9 | 0501 | 01/02/2026 10:00:05 | VK | Иван | вх. | Доставка | Открыто | Где заказ; 15?",
        "t-9 | 0502 | 01/02/2026 10:01:00 | VK | Анна | исх. | Доставка | Открыто | Едет",
        ("channel", "category", "status"),
    ),
    "english api style": Vocabulary(
        "conversation_id | message_id | created_at | inbox_id | sender_name | message_type | "
        "channel | content",
        "t-9 | 0501 | 2026-02-01T07:00:05Z | 4 | Иван | incoming | api | Где заказ; 15?",
        "t-9 | 0502 | 2026-02-01T07:01:00.000Z | 4 | Анна | outgoing | api | Едет",
        ("channel_account_id", "channel"),
    ),
    "english transport style": Vocabulary(
        "dialog_id | id | created | transport | type | operator_id | operator | client | "
        "client_phone | text",
        "t-9 | 0501 | 2026-02-01 10:00:05 | viber | from_client | | | Иван | 79160000000 | "
        "Где заказ; 15?",
        "t-9 | 0502 | 2026-02-01 10:01:00 | viber | to_client | 7 | Анна | | | Едет",
        ("channel", "client_phone", "user_id"),
    ),
    "english camel case with epoch": Vocabulary(
        "ticketId | messageUuid | timestamp | senderType | visitorName | agentName | isIncoming | "
        "Message Body",
        "t-9 | 0501 | 1769929205000 | visitor | Иван | | true | Где заказ; 15?",
        "t-9 | 0502 | 1769929260000 | agent | | Анна | false | Едет",
        (),
    ),
}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_a_vocabulary_finds_its_fields(normalise: Normalise, name: str) -> None:
    vocabulary = VOCABULARIES[name]
    columns = cells(vocabulary.columns)
    done = normalise(columns, [cells(vocabulary.first), cells(vocabulary.second)])
    first, second = done.rows
    assert {key: first[key] for key in FIRST} == FIRST
    assert {key: second[key] for key in SECOND} == SECOND
    assert all(first[field] or second[field] for field in vocabulary.published)
    assert "extra" not in done.report.columns.values()
    assert (first["extra"], second["extra"]) == (None, None)
    assert done.quarantine.num_rows == 0
