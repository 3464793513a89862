"""Sending at most once: a note is durable before the call, and stays where nobody knows.

The vendor's API has no key that would make a repeated call harmless. So before anything is sent, a
note says so; a definite answer changes it. A note that only says "begun" is of a run that died, or
of an answer that never came: it may have been sent, and only a person decides to send it again.

Notes hold no text and no thread: their names are keyed hashes, or what the caller calls them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extract.client import SmartConnectClient
from extract.errors import (
    BadConfiguration,
    ClaimedElsewhere,
    ExtractError,
    InvalidReply,
    SendUncertain,
)
from extract.journal import folder_secret, sync_folder, write_durably
from extract.locks import NamedLock, private_folder

BEGUN, DONE = "begun", "done"
WAIT_SECONDS = 60.0
_WHAT = "the journal of messages"
_KEY = re.compile(r"[a-z0-9][a-zA-Z0-9_.-]{0,120}")


@dataclass(frozen=True)
class Letter:
    """A message for one chat; neither text nor thread is in its repr."""

    channel_account_id: int
    thread_id: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True)
class Note:
    """What is known of something that was sent, or may have been."""

    state: str
    at: datetime
    sha256: str
    task_id: int | None = None

    def kept(self) -> dict[str, Any]:
        """As it is kept."""
        return {**self.__dict__, "at": self.at.isoformat()}


class Notes:
    """Notes of what was sent, or may have been, one file each.

    Args:
        folder: of the notes; made if missing.

    Raises:
        DiskUnusable: here and from every method: the folder can't be written. Nothing was sent.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder, _WHAT)

    def read(self, name: str) -> Note | None:
        """The note of that name; None: nothing of it was ever sent.

        Raises:
            SendUncertain: there is one, and it can't be read: it may have been sent.
        """
        try:
            kept = json.loads(self._path(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            kept = None
        return self.told(name, kept)

    @staticmethod
    def told(name: str, kept: Any) -> Note:
        """The note that was kept so.

        Raises:
            SendUncertain: it can't be read.
        """
        try:
            at = datetime.fromisoformat(kept["at"])
            return Note(str(kept["state"]), at, str(kept["sha256"]), kept.get("task_id"))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        raise _may_have("journal", name, None)

    def keep(self, name: str, note: Note) -> None:
        """Keep a note, durably."""
        write_durably(self._path(name), json.dumps(note.kept()).encode())
        sys.audit("smartconnect.point", "extract.outbox.noted")

    def forget(self, name: str) -> None:
        """It was not sent, or may be sent any number of times."""
        self._path(name).unlink(missing_ok=True)
        sys.audit("smartconnect.point", "extract.outbox.forgotten")
        sync_folder(self._folder)

    def word(self, *parts: str) -> str:
        """A name that tells nothing of its parts to whoever lacks this folder's key."""
        said = json.dumps(parts, ensure_ascii=True).encode()
        return hmac.new(self.secret(), said, hashlib.sha256).hexdigest()[:32]

    def secret(self) -> bytes:
        """The key of names."""
        return folder_secret(self._folder)

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Nobody else sends under this name within the block."""
        require_name(name)
        named = NamedLock(self._folder, name, "a sender")
        lock = await named.acquire(WAIT_SECONDS)
        if lock is None:
            raise sent_elsewhere()
        try:
            yield
        finally:
            lock.release()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def require_name(name: str) -> None:
    """Refuse what no note can be called."""
    if not _KEY.fullmatch(name):
        raise ValueError(f"a note can't be called {name!r}")


def sent_elsewhere() -> ClaimedElsewhere:
    """The error for a message that is just being sent."""
    return ClaimedElsewhere(
        "send", "the same message", "another process is sending it", "Let it end first."
    )


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
                raise _may_have("send_message", name, note)
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
                raise _may_have("start_bulk", key, note)
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


def sha256_of(text: str) -> str:
    """The hash by which a note knows what was sent."""
    return hashlib.sha256(text.encode()).hexdigest()


def _may_have(operation: str, name: str, note: Note | None) -> SendUncertain:
    when = f"on {note.at:%d.%m.%Y at %H:%M} UTC" if note else "at an unknown time"
    return SendUncertain(
        operation,
        f"the message noted as {name[:60]}",
        f"it may have been sent already, {when}: whoever began it never learned",
        "Look into SmartConnect. If it isn't there, send it again with --again (a flow: "
        "send_again=true).",
    )


def _unnamed(error: ExtractError) -> SendUncertain:
    return SendUncertain(
        error.operation,
        error.asked,
        f"it was taken, and its task isn't known: {error.came}",
        "Look into SmartConnect before it is started again; it is never repeated by itself.",
    )
