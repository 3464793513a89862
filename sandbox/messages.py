"""What a conversation is made of, whoever makes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the company's database has it. `sent_at` is company-local, naive."""

    message_id: int
    thread_id: str
    thread_start: date
    sent_at: datetime
    direction: str  # "in" or "out"
    operator_id: int
    operator_name: str
    client_name: str
    client_phone: str
    channel: str
    channel_account_id: int
    category: str
    status: str
    text: str

    @property
    def author(self) -> str:
        """Who wrote it."""
        return self.operator_name if self.direction == "out" else self.client_name


class Conversations(Protocol):
    """A source of messages by day."""

    def sent_on(self, day: date) -> list[Message]:
        """Messages dated `day`, in order."""

    def started_on(self, day: date) -> list[Message]:
        """All messages of the threads that began on `day`, in order."""


def content_hash(messages: Iterable[Message]) -> str:
    """SHA-256 over the messages in the order of their ids.

    Each message is the UTF-8 of its id, `YYYY-MM-DD HH:MM:SS`, direction, author and text, joined
    by \\x1f and ended by \\x1e.
    """
    digest = hashlib.sha256()
    for message in sorted(messages, key=lambda m: m.message_id):
        when = message.sent_at.strftime("%Y-%m-%d %H:%M:%S")
        parts = (str(message.message_id), when, message.direction, message.author, message.text)
        digest.update("\x1f".join(parts).encode("utf-8", "surrogatepass") + b"\x1e")
    return digest.hexdigest()


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        yield date.fromordinal(ordinal)
