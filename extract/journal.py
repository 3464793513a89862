"""The task_ids of exports under way, durable before the first poll.

One small JSON file for a request. A run that dies leaves its entry; the next one goes on waiting
for that export instead of starting another. An export that was used up has no entry.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from extract.locks import private_folder, unusable

logger = logging.getLogger(__name__)
DATASETS = ("chats", "statistics")
_WHAT = "the journal of exports"


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

    Raises:
        ValueError: another dataset, dates in the wrong order, or a filter on statistics, whose
            export has none (published).
    """

    dataset: str
    date_from: date
    date_to: date
    uid: int | None = None
    category: int | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.dataset not in DATASETS:
            raise ValueError(f"no export is called {self.dataset!r}: {', '.join(DATASETS)}")
        if self.date_from > self.date_to:
            raise ValueError(f"{self.about}: the first day is after the last")
        if self.filtered and self.dataset != "chats":
            raise ValueError(f"{self.about}: only an export of chats can be filtered")

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
    """An export under way: the vendor's task, and when it was asked for (UTC).

    Args:
        task_id: the vendor's.
        started_at: as `extract.instants` gave it out: its rank among exports.
        clock_at: what the clock said then; the same, but where the clock was set back.
    """

    task_id: int
    started_at: datetime
    clock_at: datetime


@dataclass(frozen=True)
class UsedExport:
    """An export whose rows are loaded, for whoever forgets it later: plain, it may travel."""

    key: str
    task_id: int


def request_key(request: ExportRequest, secret: Callable[[], bytes]) -> str:
    """A request's name: readable, and opaque (by the secret) where a filter could be personal."""
    key = f"{request.dataset}_{request.date_from:%Y-%m-%d}_{request.date_to:%Y-%m-%d}"
    if not request.filtered:
        return key
    filters = json.dumps([request.uid, request.category, request.name], ensure_ascii=True)
    digest = hmac.new(secret(), filters.encode(), hashlib.sha256).hexdigest()
    return f"{key}_{digest[:16]}"


def as_kept(entry: Entry, vendor: str, about: str) -> dict[str, Any]:
    """An entry as it is kept."""
    return {
        "request": about,
        "task_id": entry.task_id,
        "started_at": entry.started_at.isoformat(),
        "clock_at": entry.clock_at.isoformat(),
        "vendor": vendor,
    }


def entry_of(kept: Any, vendor: str, about: str) -> Entry | None:
    """The entry that was kept; None if it is another vendor's, or can't be read."""
    try:
        started_at = datetime.fromisoformat(kept["started_at"])
        clock_at = datetime.fromisoformat(kept.get("clock_at", kept["started_at"]))
        entry = Entry(int(kept["task_id"]), started_at, clock_at)
        ours = kept["vendor"] == vendor and started_at.tzinfo is not None
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.warning("%s: its journal entry can't be read, and is left out", about)
        return None
    return entry if ours else None


class Journal:
    """A folder of entries, one file a request.

    Args:
        folder: made if missing, private to its owner.
        vendor: the base URL. A task_id means nothing to another vendor (a sandbox that was started
            again counts from its beginning), so entries of another one are no entries.

    Raises:
        DiskUnusable: here and from every method, where the folder can't be written.
    """

    def __init__(self, folder: Path, vendor: str) -> None:
        self._folder = private_folder(folder, _WHAT)
        self._vendor = vendor

    def key(self, request: ExportRequest) -> str:
        """The request's file name: readable, and opaque where a filter could be personal."""
        return request_key(request, self._secret)

    def read(self, request: ExportRequest) -> Entry | None:
        """The entry of an export under way at this vendor; None if there is none to rely on."""
        try:
            kept = json.loads(self._path(self.key(request)).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            kept = None
        return entry_of(kept, self._vendor, request.about)

    def write(self, request: ExportRequest, entry: Entry) -> None:
        """Make the entry durable: on the disk, name included, when this returns."""
        kept = as_kept(entry, self._vendor, request.about)
        with _disk(_WHAT):
            path = self._path(self.key(request))
            write_durably(path, json.dumps(kept, ensure_ascii=False).encode())
            sys.audit("smartconnect.point", "extract.journal.entry-written")

    def remove(self, request: ExportRequest) -> None:
        """Forget the export: it was used up, or is of no use."""
        self._remove(self.key(request))

    def remove_used(self, used: UsedExport) -> None:
        """Forget an export that was used up, unless another was started since."""
        path = self._path(used.key)
        with suppress(OSError, ValueError, KeyError, TypeError):
            if json.loads(path.read_text(encoding="utf-8"))["task_id"] == used.task_id:
                self._remove(used.key)

    def _remove(self, key: str) -> None:
        with _disk(_WHAT):
            self._path(key).unlink(missing_ok=True)
            sys.audit("smartconnect.point", "extract.journal.entry-removed")
            sync_folder(self._folder)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _secret(self) -> bytes:
        """The key of filtered requests' names."""
        return folder_secret(self._folder)


def folder_secret(folder: Path) -> bytes:
    """A folder's key for names that give nothing away; one for all processes, whoever makes it."""
    path = folder / ".key"
    with _disk(_WHAT):
        if not path.exists():
            beside = folder / f".key.{secrets.token_hex(8)}"
            write_durably(beside, secrets.token_bytes(32))
            sys.audit("smartconnect.point", "extract.journal.key-written")
            with suppress(FileExistsError):
                os.link(beside, path)  # whole or not at all, and never over another's
                sys.audit("smartconnect.point", "extract.journal.key-linked")
            beside.unlink()
            sys.audit("smartconnect.point", "extract.journal.key-settled")
            sync_folder(folder)
        return path.read_bytes()


def write_durably(path: Path, content: bytes) -> None:
    """Write beside, fsync, rename, fsync the folder: whole or not at all; mode 0600."""
    beside = path.with_name(f".{path.name}.new")  # one writer a path: the claim's holder
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    sys.audit("smartconnect.point", "extract.journal.beside-made")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        sys.audit("smartconnect.point", "extract.journal.bytes-written")
        os.fsync(file.fileno())
    beside.replace(path)
    sys.audit("smartconnect.point", "extract.journal.bytes-renamed")
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = os.strerror(error.errno or 0)
    else:
        return
    raise unusable(what, problem)
