"""Words in a file's cells that mean the same: directions and kinds of authors, Russian and English.

The vendor publishes none of them. A word that isn't here is never guessed: an unknown direction
sends its row to the quarantine, an unknown kind of author is kept as it came.
"""

from __future__ import annotations

from collections.abc import Callable

from transform.headers import header_key

Translation = Callable[[str], str | None]

IN, OUT = "in", "out"
CLIENT, USER, BOT, SYSTEM = "client", "user", "bot", "system"

# What a direction of neither kind is called: notes among users, events of the platform.
NEITHER = "neither"


def _listed(words: str) -> list[str]:
    return [header_key(word) for word in words.split("|")]


_BY_DIRECTION: dict[str, str] = {
    **dict.fromkeys(
        _listed(
            "in | incoming | inbound | inbox | received | from client | from customer | "
            "from visitor | client to agent | client | customer | visitor | end user | contact | "
            "входящее | входящие | входящий | входящая | вх | вход | от клиента | "
            "клиент оператору | получено | принято | клиент | посетитель | абонент"
        ),
        IN,
    ),
    **dict.fromkeys(
        _listed(
            "out | outgoing | outbound | outbox | sent | to client | to customer | to visitor | "
            "agent to client | operator | agent | bot | autoreply | from operator | from agent | "
            "from bot | исходящее | исходящие | исходящий | исходящая | исх | исход | клиенту | "
            "от оператора | оператор клиенту | отправлено | оператор | агент | менеджер | "
            "сотрудник | бот | автоответ"
        ),
        OUT,
    ),
    **dict.fromkeys(
        _listed(
            "system | system message | service | internal | note | comment | event | системное | "
            "системное сообщение | служебное | внутреннее | комментарий | заметка | событие"
        ),
        NEITHER,
    ),
}

_BY_AUTHOR: dict[str, str] = {
    **dict.fromkeys(
        _listed(
            "client | customer | visitor | contact | end user | guest | lead | subscriber | "
            "requester | клиент | посетитель | контакт | абонент | гость | покупатель | "
            "собеседник"
        ),
        CLIENT,
    ),
    **dict.fromkeys(
        _listed(
            "user | operator | agent | employee | manager | admin | staff | teammate | "
            "supervisor | human | оператор | агент | сотрудник | менеджер | администратор | "
            "супервайзер | консультант | пользователь"
        ),
        USER,
    ),
    **dict.fromkeys(
        _listed(
            "bot | chatbot | robot | assistant | ai | autoreply | auto | бот | чат-бот | робот | "
            "автоответчик | автоответ | автоматически | ассистент"
        ),
        BOT,
    ),
    **dict.fromkeys(
        _listed("system | service | platform | система | системное | служебное"), SYSTEM
    ),
}

_YES = frozenset(["1", "true", "yes", "y", "да", "истина", "+"])
_NO = frozenset(["0", "false", "no", "n", "нет", "ложь", "-"])

# Headers whose column answers yes or no.
_ASKS_IN = frozenset(header_key(h) for h in ("is_incoming", "incoming", "inbound", "Входящее"))
_ASKS_OUT = frozenset(header_key(h) for h in ("is_outgoing", "outgoing", "outbound", "Исходящее"))

# The first cell of a line that sums up the others: not an observation.
TOTALS = ("итого", "всего", "итог", "total", "totals", "grand total", "сумма", "sum")


def direction_of(word: str, header: str = "") -> str | None:
    """`in`, `out` or `neither`; None for a word that isn't known.

    Bare 1 and 0 are known only under a header that asks, such as `is_incoming`: which of them means
    what is not published.
    """
    key, asks = header_key(word), header_key(header)
    if asks in _ASKS_IN | _ASKS_OUT and word.strip().casefold() in _YES | _NO:
        yes = word.strip().casefold() in _YES
        return IN if yes == (asks in _ASKS_IN) else OUT
    return _BY_DIRECTION.get(key)


def author_of(word: str) -> str | None:
    """`client`, `user`, `bot` or `system`; None for a word that isn't known."""
    return _BY_AUTHOR.get(header_key(word))


def direction_of_author(author_type: str) -> str | None:
    """Which way a message of that kind of author goes; None for the platform's own."""
    return {CLIENT: IN, USER: OUT, BOT: OUT}.get(author_type)
