"""What is delivered, and what became of it: sent, sent before, maybe, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from extract.errors import SendUncertain
from flows.errors import NotDelivered
from flows.mail import Message

_OPERATION = "deliver"
_RUNBOOK = "docs/runbooks/may-have-been-sent.md"


class Outcome(StrEnum):
    """What became of a delivery."""

    SENT = "sent"
    BEFORE = "sent before"
    UNCERTAIN = "may have been sent"
    NOT_SENT = "not sent"


@dataclass(frozen=True)
class Delivered:
    """One delivery, and its outcome; whom it was for is told by place."""

    whom: str
    outcome: Outcome
    why: str = ""

    def __str__(self) -> str:
        return f"{self.whom}: {self.outcome}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True)
class Parcel:
    """What is delivered.

    Args:
        name: of the report, for good: `day-2026-02-01`.
        about: in words, for messages.
        again: the command that delivers it though it may have been.
        message: for e-mail, and its text for a chat.
    """

    name: str
    about: str
    again: str
    message: Message = field(repr=False)


def require_delivered(parcel: Parcel, deliveries: Sequence[Delivered]) -> None:
    """Fail if somebody didn't get it, or may not have.

    Raises:
        extract.errors.SendUncertain: it may have been sent to somebody; a person decides.
        NotDelivered: it was not sent to somebody.
    """
    doubtful = [d for d in deliveries if d.outcome is Outcome.UNCERTAIN]
    missed = [str(d) for d in deliveries if d.outcome is Outcome.NOT_SENT]
    later = f" {'; '.join(missed)}: a later run tries these again." if missed else ""
    if doubtful:
        raise SendUncertain(
            _OPERATION,
            parcel.about,
            f"it may have been sent already: {'; '.join(f'{d.whom}, {d.why}' for d in doubtful)}",
            f"Ask whoever should have it. If it isn't there: `{parcel.again}` ({_RUNBOOK})."
            + later,
        )
    if missed:
        raise NotDelivered(
            f"{parcel.about} is made, and {len(missed)} of {len(deliveries)} deliveries were not "
            f"sent: {'; '.join(missed)}. Run it again: what was sent is not sent twice."
        )


def with_link(text: str, link: str | None, limit: int) -> str:
    """Text and a link beneath it, of at most `limit` characters; the text gives way."""
    if link is None or len(link) > limit // 2:
        return shortened(text, limit)
    return f"{shortened(text, limit - len(link) - 1)}\n{link}"


def shortened(text: str, limit: int) -> str:
    """Text of at most `limit` characters, cut where a line ends if it must be."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    whole = kept.rpartition("\n")[0]
    return f"{whole if len(whole) > limit // 2 else kept}…"
