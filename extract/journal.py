"""The task_ids of exports under way, durable before the first poll.

One small JSON file for a request. A run that dies leaves its entry; the next one goes on waiting
for that export instead of starting another. An export that was used up has no entry.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from extract.errors import DiskUnusable


@dataclass(frozen=True)
class ExportRequest:
    """One export of a dataset (`chats` or `statistics`), its dates as they are SENT.

    Args:
        dataset: `chats` or `statistics`.
        date_from: first day.
        date_to: what is sent as `date_to`; whether it is included is not published.
        uid: only this user's (published filter of chats).
        category: only this category (published filter of chats).
        name: only this client; personal, so that it is in no repr, journal or lock.
    """

    dataset: str
    date_from: date
    date_to: date
    uid: int | None = None
    category: int | None = None
    name: str | None = None

    def __repr__(self) -> str:
        return f"ExportRequest({self.about})"

    @property
    def about(self) -> str:
        """The request for a message: dataset and days, never the client's name."""
        days = f"{self.date_from:%d.%m.%Y}–{self.date_to:%d.%m.%Y}"
        return f"{self.dataset} of {days}" + (" (filtered)" if self.filtered else "")

    @property
    def filtered(self) -> bool:
        """Whether it is only a part of its days."""
        return any(value is not None for value in (self.uid, self.category, self.name))


@dataclass(frozen=True)
class Entry:
    """An export under way: the vendor's task, and when it was asked for (UTC)."""

    task_id: int
    started_at: datetime


class Journal:
    """A folder of entries, one file a request.

    Args:
        folder: made if missing, private to its owner.

    Raises:
        DiskUnusable: from every method, where the folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _disk("the journal of exports"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def key(self, request: ExportRequest) -> str:
        """The request's file name: readable, and opaque where a filter could be personal."""
        key = f"{request.dataset}_{request.date_from:%Y-%m-%d}_{request.date_to:%Y-%m-%d}"
        if not request.filtered:
            return key
        filters = json.dumps([request.uid, request.category, request.name], ensure_ascii=True)
        digest = hmac.new(self._secret(), filters.encode(), hashlib.sha256).hexdigest()
        return f"{key}_{digest[:16]}"

    def read(self, request: ExportRequest) -> Entry | None:
        """The entry of an export under way; None if there is none (or it can't be read)."""
        try:
            kept = json.loads(self._path(request).read_text(encoding="utf-8"))
            entry = Entry(int(kept["task_id"]), datetime.fromisoformat(kept["started_at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return entry if entry.started_at.tzinfo is not None else None

    def write(self, request: ExportRequest, entry: Entry) -> None:
        """Make the entry durable: on the disk, name included, when this returns."""
        kept = {"task_id": entry.task_id, "started_at": entry.started_at.isoformat()}
        with _disk("the journal of exports"):
            write_durably(self._path(request), json.dumps(kept).encode())

    def remove(self, request: ExportRequest) -> None:
        """Forget the export: it was used up, or is of no use."""
        with _disk("the journal of exports"):
            self._path(request).unlink(missing_ok=True)
            sync_folder(self._folder)

    def _path(self, request: ExportRequest) -> Path:
        return self._folder / f"{self.key(request)}.json"

    def _secret(self) -> bytes:
        path = self._folder / ".key"
        with _disk("the journal of exports"):
            with suppress(FileExistsError):
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(secrets.token_bytes(32))
                    file.flush()
                    os.fsync(file.fileno())
            return path.read_bytes()


def write_durably(path: Path, content: bytes) -> None:
    """Write beside, fsync, rename, fsync the folder: whole or not at all; mode 0600."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _disk:  # noqa: N801  (reads as a phrase: with _disk("the journal"))
    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise DiskUnusable(
                "disk",
                self._what,
                f"the disk answers {os.strerror(error.errno or 0)!r}",
                "Free space or correct the folder's owner and mode, then run again.",
            ) from None
