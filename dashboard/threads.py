"""The threads behind a number, and the messages of one."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

import pyarrow as pa

from dashboard.asking import Asked
from dashboard.rendering import Links
from dashboard.words import Words
from reports.words import NOTHING, plain
from warehouse.figures import Period

_LONGEST_NAME = 60


def thread_rows(found: pa.Table, words: Words, link: Links) -> list[dict[str, str]]:
    """A page of threads, as a table shows them."""
    return [
        {
            "href": link.thread(row["chat_id"]),
            "opened": day_and_time(row["opened_at"], words),
            "opened_whole": words.moment(row["opened_at"]),
            "client": plain(row["client"] or "", _LONGEST_NAME) or NOTHING,
            "channel": words.channel(row["channel"] or ""),
            "category": plain(row["category"] or "", _LONGEST_NAME) or NOTHING,
            "operators": _operators(row["operators"]),
            "messages": f"{words.number(row['messages_in'])} / {words.number(row['messages_out'])}",
            "first": words.duration(row["first_response_seconds"]),
            "longest": words.duration(row["longest_response_seconds"]),
            "waits": words.duration(row["waiting_seconds"]),
        }
        for row in found.to_pylist()
    ]


def day_and_time(at: datetime, words: Words) -> str:
    """«вт, 24 нояб. 08:05»: for a table."""
    return f"{words.short_date(at.date())} {at:%H:%M}"


def _operators(told: object) -> str:
    names = told if isinstance(told, list) else [told] if told else []
    return plain(", ".join(str(name) for name in names if name), _LONGEST_NAME) or NOTHING


def list_title(asked: Asked, words: Words) -> str:
    """What the list is of."""
    return words.say(f"page.threads_of.{asked.kind}")


def list_subtitle(asked: Asked, period: Period, labels: dict[str, str], words: Words) -> str:
    """The part of the company and of the time that the list is narrowed to."""
    part, told = asked.narrowing, [words.period(period)]
    if part.day:
        told[0] = words.full_date(part.day)
    if part.weekday:
        told.append(words.weekday(part.weekday, "wide"))
    if part.hour is not None:
        told.append(f"{part.hour:02}:00–{part.hour:02}:59")
    if asked.channel is not None:
        told.append(_of(words, "channel", words.channel(asked.channel)))
    for operator in dict.fromkeys([asked.operator, part.operator_id]):
        if operator:
            told.append(_of(words, "operator", labels.get(operator, operator)))
    for name, value in (("category", part.category), ("team", part.team)):
        if value is not None:
            told.append(_of(words, name, value or words.say(f"unknown.{name}")))
    return " · ".join(told)


def _of(words: Words, name: str, value: str) -> str:
    return f"{words.say(f'page.of.{name}')} {plain(value, _LONGEST_NAME)}"


def message_days(found: pa.Table, words: Words) -> list[dict[str, Any]]:
    """A thread's messages, by the day they were sent on."""
    days = []
    for day, messages in groupby(found.to_pylist(), key=lambda row: row["sent_at"].date()):
        shown = [_message(row, row["sent_at"], words) for row in messages]
        days.append({"name": words.full_date(day), "messages": shown})
    return days


def _message(row: dict[str, Any], sent_at: datetime, words: Words) -> dict[str, str | None]:
    author = row["author"] if row["author"] in ("client", "operator", "bot", "system") else None
    author = author or {"in": "client", "out": "operator"}.get(row["direction"] or "", "unknown")
    who = words.say(f"page.author.{author}")
    if author == "operator" and row["operator"]:
        who = plain(row["operator"], _LONGEST_NAME)
    text = row["text"]
    return {
        "side": "in" if author == "client" else "out" if author == "operator" else "aside",
        "who": who,
        "iso": sent_at.isoformat(timespec="seconds"),
        "time": f"{sent_at:%H:%M}",
        "text": _lines(text) if text is not None else None,
    }


def _lines(text: str) -> str:
    """A text with its lines, and without what can't be shown or turns the text around it."""
    return "\n".join(plain(line) for line in text.splitlines())
