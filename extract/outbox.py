"""Sending at most once: a note is durable before the call, and stays where nobody knows.

The vendor's API has no key that would make a repeated call harmless. So before anything is sent, a
note says so; a definite answer changes it. A note that only says "begun" is of a run that died, or
of an answer that never came: it may have been sent, and only a person decides to send it again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime

from extract.client import SmartConnectClient
from extract.errors import (
    BadConfiguration,
    ExtractError,
    InvalidReply,
    SendUncertain,
)
from extract.sendnotes import BEGUN, DONE, Note, Notes, may_have_been_sent, sha256_of


@dataclass(frozen=True)
class Letter:
    """A message for one chat; neither text nor thread is in its repr."""

    channel_account_id: int
    thread_id: str = field(repr=False)
    text: str = field(repr=False)


class Outbox:
    """What is sent through the vendor, with a note of each.

    Args:
        client: an entered client.
        notes: of what was sent.

    Every method raises DiskUnusable or, where notes are shared, KeeperUnusable: a note can't be
    kept. Nothing was sent.
    """

    def __init__(self, client: SmartConnectClient, notes: Notes) -> None:
        self._client = client
        self._notes = notes

    async def send(self, letter: Letter, *, key: str | None = None, again: bool = False) -> bool:
        """Send a message, if it can't have been sent already.

        Args:
            letter: what and where to.
            key: names the message for good: it is sent once. Without one, the same message to the
                same chat may be sent any number of times, one after the other.
            again: send it though it may have been sent: a person looked.

        Returns:
            Whether it was sent now; False: it was sent before, under this key.

        Raises:
            SendUncertain: it may have been sent, now or by a run that died.
            ExtractError: it was not sent, by how to recover.
        """
        digest = sha256_of(letter.text)
        name = key or self._notes.word(
            str(letter.channel_account_id), letter.thread_id, letter.text
        )
        async with self._notes.alone(name):
            note = self._notes.read(name)
            if note is not None and note.state == DONE and not again:
                return False
            if note is not None and note.state == BEGUN and not again:
                raise may_have_been_sent("send_message", name, note)
            self._notes.keep(name, Note(BEGUN, datetime.now(UTC), digest))
            try:
                await self._client.send_message(
                    channel_account_id=letter.channel_account_id,
                    thread_id=letter.thread_id,
                    message=letter.text,
                )
                sys.audit("smartconnect.point", "extract.outbox.sent")
            except SendUncertain:
                raise
            except ExtractError:
                self._notes.forget(name)  # it was refused, or never left
                raise
            if key is None:
                self._notes.forget(name)
            else:
                self._notes.keep(name, Note(DONE, datetime.now(UTC), digest))
            return True

    async def begin_bulk(
        self, key: str, text: str, channel_account_id: int | None, *, again: bool = False
    ) -> tuple[int, bool]:
        """Start a bulk messaging, if it can't have been started already.

        Returns:
            Its task, and whether it was started now.

        Raises:
            BadConfiguration: something else was sent under this key.
            SendUncertain, ExtractError: as `send`.
        """
        digest = sha256_of(text)
        async with self._notes.alone(key):
            note = self._notes.read(key)
            if note is not None and note.sha256 != digest:
                raise BadConfiguration(
                    "start_bulk",
                    f"bulk messaging {key}",
                    "another text was sent under this name",
                    "Give the new text a name of its own. Nothing was sent.",
                )
            if note is not None and note.task_id is not None:
                return note.task_id, False
            if note is not None and not again:
                raise may_have_been_sent("start_bulk", key, note)
            self._notes.keep(key, Note(BEGUN, datetime.now(UTC), digest))
            try:
                reply = await self._client.start_bulk(
                    message=text, channel_account_id=channel_account_id
                )
                sys.audit("smartconnect.point", "extract.outbox.bulk-started")
            except SendUncertain:
                raise
            except InvalidReply as error:
                raise _unnamed(error) from None  # it runs: only its number is unknown
            except ExtractError:
                self._notes.forget(key)
                raise
            self._notes.keep(key, Note(DONE, datetime.now(UTC), digest, reply.task_id))
            return reply.task_id, True


def _unnamed(error: ExtractError) -> SendUncertain:
    return SendUncertain(
        error.operation,
        error.asked,
        f"it was taken, and its task isn't known: {error.came}",
        "Look into SmartConnect before it is started again; it is never repeated by itself.",
    )
