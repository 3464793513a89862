"""Notes of what was sent, or may have been: durable before the call, and one file each.

They hold no text and no thread: their names are keyed hashes, or what the caller calls them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from extract.errors import ClaimedElsewhere, SendUncertain
from extract.journal import folder_secret, sync_folder, write_durably
from extract.locks import NamedLock, private_folder

BEGUN, DONE = "begun", "done"
WAIT_SECONDS = 60.0
_WHAT = "the journal of messages"
_KEY = re.compile(r"[a-z0-9][a-zA-Z0-9_.-]{0,120}")


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
        raise may_have_been_sent("journal", name, None)

    def keep(self, name: str, note: Note) -> None:
        """Keep a note, durably."""
        write_durably(self._path(name), json.dumps(note.kept()).encode())
        sys.audit("smartconnect.point", "extract.sendnotes.noted")

    def forget(self, name: str) -> None:
        """It was not sent, or may be sent any number of times."""
        self._path(name).unlink(missing_ok=True)
        sys.audit("smartconnect.point", "extract.sendnotes.forgotten")
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


def sha256_of(text: str) -> str:
    """The hash by which a note knows what was sent."""
    return hashlib.sha256(text.encode()).hexdigest()


def may_have_been_sent(operation: str, name: str, note: Note | None) -> SendUncertain:
    """The error for what a note leaves open, or what can't be read of it."""
    when = f"on {note.at:%d.%m.%Y at %H:%M} UTC" if note else "at an unknown time"
    return SendUncertain(
        operation,
        f"the message noted as {name[:60]}",
        f"it may have been sent already, {when}: whoever began it never learned",
        "Look into SmartConnect. If it isn't there, send it again with --again (a flow: "
        "send_again=true).",
    )
