"""A keeper of documents within a test's process, with a clock that the test sets."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from threading import Lock

from extract.documents import Document, Named


class Clock:
    """Seconds, as many as the test lets pass."""

    def __init__(self) -> None:
        self.now = 1_000.25

    def __call__(self) -> float:
        return self.now


class KeptHere:
    """Documents as a store keeps them: times in whole seconds, an etag that is the content's hash.

    `before_write` is called before each write is done: whatever others do meanwhile.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[bytes, int]] = {}
        self._lock = Lock()
        self.before_write: Callable[[], None] = lambda: None

    def read(self, key: str) -> Document | None:
        found = self._kept.get(key)
        if found is None:
            return None
        return Document(found[0], _etag(found[0]), self._age(found[1]))

    def write_if(self, key: str, content: bytes, etag: str | None) -> str | None:
        self.before_write()
        with self._lock:
            found = self._kept.get(key)
            if (None if found is None else _etag(found[0])) != etag:
                return _etag(content) if found is not None and found[0] == content else None
            self._kept[key] = content, math.floor(self._clock())
            return _etag(content)

    def remove(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def names(self, folder: str) -> list[Named]:
        return [
            Named(key, self._age(at))
            for key, (_, at) in self._kept.items()
            if key.startswith(folder)
        ]

    def _age(self, at: int) -> float:
        return math.floor(self._clock()) - at


def _etag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
