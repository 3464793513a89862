"""What people ask of the marts: the figures of a period, what can be chosen, the threads behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import pyarrow as pa

from warehouse.figures import Figures, Filters, Period
from warehouse.marts import Reader

ThreadKind = Literal["opened", "unanswered", "answered", "active", "waiting", "slow"]


@dataclass(frozen=True)
class Choices:
    """What can be chosen: the days that have messages, channels, operators with their labels."""

    first_day: date | None
    last_day: date | None
    channels: list[str]
    operators: list[tuple[str, str]]


@dataclass(frozen=True)
class Narrowing:
    """A part of a picture that somebody points at: a bar, a point, a line of a table."""

    operator_id: str | None = None
    category: str | None = None
    team: str | None = None
    day: date | None = None
    weekday: int | None = None
    hour: int | None = None


def read_figures(reader: Reader, period: Period, filters: Filters | None = None) -> Figures:
    """All figures of a period, and those of the period before and of a week before."""
    raise NotImplementedError


def choices(reader: Reader) -> Choices:
    """What the filters offer."""
    raise NotImplementedError


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
    message in it); waiting (with a turn of the period that has no answer); slow (the longest answer
    first). Columns: chat_id, channel, category, operators (their labels), client (a name, else a
    phone, else NULL), opened_at, last_at (company time), messages_in, messages_out, turns,
    turns_answered, first_response_seconds, longest_response_seconds, waiting_seconds.
    """
    raise NotImplementedError


def messages_of(reader: Reader, chat_id: str) -> pa.Table:
    """A thread's messages, the oldest first: sent_at, direction, author, operator, text.

    `text` is NULL where the release has no texts, `author` is client, operator, bot or system.
    """
    raise NotImplementedError
