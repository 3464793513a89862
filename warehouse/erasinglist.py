"""The suppression list: keyed words of everyone erased, and what became of each erasure.

One file, `state/suppression.json`, written whole. It holds no name, phone or thread: words under a
key that is kept outside the data. Its `generation` grows with each request, so that a run which
read the list before can tell that it was too early.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from warehouse.errors import ListDamaged
from warehouse.layout import PRIVATE_FILE, DataDirectory


@dataclass(frozen=True)
class ErasedFile:
    """A file of raw/ that was written anew, or removed where `sha256_after` is None."""

    dataset: str
    window_day: str
    sha256_before: str
    sha256_after: str | None
    rows_erased: int


@dataclass(frozen=True)
class ErasureRequest:
    """One erasure: asked for at, done at (None: not yet), and the files it has changed so far.

    `mentions` counts other people's messages that name the person, which stay; None: not counted.
    """

    number: int
    requested_at: str
    finished_at: str | None = None
    mentions: int | None = None
    files: tuple[ErasedFile, ...] = ()


@dataclass(frozen=True)
class SuppressionList:
    """What the file says.

    Attributes:
        words: of phones, names and threads, under every version of the key.
        check: words by which the right key is told.
        requests: every erasure, the earliest first.
    """

    words: frozenset[str] = frozenset()
    check: frozenset[str] = frozenset()
    requests: tuple[ErasureRequest, ...] = field(default=())

    @property
    def generation(self) -> int:
        """Grows with each request, and with each thread that is found to be theirs."""
        return len(self.requests) + len(self.words)

    @property
    def unfinished(self) -> tuple[ErasureRequest, ...]:
        """Those that are not done."""
        return tuple(request for request in self.requests if request.finished_at is None)


def list_path(layout: DataDirectory) -> Path:
    """Where it is."""
    return layout.state / "suppression.json"


def read_list(layout: DataDirectory) -> SuppressionList:
    """The list; empty where nobody was erased.

    Raises:
        ListDamaged: it can't be read: nobody could be kept out.
    """
    path = list_path(layout)
    return _parsed(path, layout.files.read(path))


def _parsed(path: Path, content: bytes | None) -> SuppressionList:
    if content is None:
        return SuppressionList()
    try:
        told = json.loads(content)
        return SuppressionList(
            frozenset(map(str, told["words"])),
            frozenset(map(str, told["check"])),
            tuple(map(_request, told["requests"])),
        )
    except (ValueError, KeyError, TypeError):
        raise ListDamaged(
            f"{path} is damaged: it keeps out who was erased. Restore it from a backup; nothing "
            "was started."
        ) from None


def _request(told: Mapping[str, Any]) -> ErasureRequest:
    files = tuple(ErasedFile(**file) for file in told["files"])
    return ErasureRequest(**{**told, "files": files})


@contextmanager
def list_lock(layout: DataDirectory) -> Iterator[None]:
    """Keep the list as it is within the block: whoever puts files into raw/ holds it, shortly."""
    with FileLock(layout.locks / "suppression.lock", thread_local=False, mode=PRIVATE_FILE):
        yield


def add_request(
    layout: DataDirectory, words: Iterable[str], check: Iterable[str], *, mentions: int | None
) -> int:
    """Write down durably who is to be kept out from now on; the erasure's number."""

    def requested(known: SuppressionList) -> SuppressionList:
        request = ErasureRequest(len(known.requests) + 1, now, mentions=mentions)
        return SuppressionList(
            known.words | set(words), known.check | set(check), (*known.requests, request)
        )

    words, check, now = set(words), set(check), _now()
    added = _change(layout, requested)
    sys.audit("smartconnect.point", "warehouse.erasinglist.requested")
    return added.requests[-1].number


def add_words(layout: DataDirectory, words: Iterable[str]) -> None:
    """Add threads that were found to be theirs; no request."""
    more = frozenset(words)
    _change(layout, lambda known: replace(known, words=known.words | more))


def add_file(layout: DataDirectory, file: ErasedFile) -> None:
    """Note with the newest unfinished erasure that a file of raw/ is about to be replaced."""

    def noted(known: SuppressionList) -> SuppressionList:
        newest = known.unfinished[-1]
        if file in newest.files:
            return known
        changed = replace(newest, files=(*newest.files, file))
        requests = tuple(changed if r.number == changed.number else r for r in known.requests)
        return replace(known, requests=requests)

    _change(layout, noted)
    sys.audit("smartconnect.point", "warehouse.erasinglist.file-noted")


def finish_requests(layout: DataDirectory) -> None:
    """Say of every unfinished erasure that it is done."""

    def finished(known: SuppressionList) -> SuppressionList:
        done = tuple(replace(r, finished_at=r.finished_at or now) for r in known.requests)
        return replace(known, requests=done)

    now = _now()
    _change(layout, finished)
    sys.audit("smartconnect.point", "warehouse.erasinglist.finished")


def _change(
    layout: DataDirectory, change: Callable[[SuppressionList], SuppressionList]
) -> SuppressionList:
    """Change the list by what it is now, for all machines; as it is afterwards."""
    path, after = list_path(layout), SuppressionList()

    def changed(content: bytes | None) -> bytes | None:
        nonlocal after
        known = _parsed(path, content)
        after = change(known)
        return None if after == known else _text(after)

    with list_lock(layout):
        layout.files.change(path, changed)
    sys.audit("smartconnect.point", "warehouse.erasinglist.list-written")
    return after


def _text(told: SuppressionList) -> bytes:
    content = {
        "words": sorted(told.words),
        "check": sorted(told.check),
        "requests": [
            {**request.__dict__, "files": [file.__dict__ for file in request.files]}
            for request in told.requests
        ],
    }
    return json.dumps(content, indent=1).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
