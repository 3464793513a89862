"""What pages show, read from the release that readers see now, and kept for the next look.

A release can be replaced, rolled back or removed (by an erasure) while it is read. So each answer
is one release's, read through one reader, and counts only if that release is still in its place
afterwards; else it is read anew from the one that has taken it. What was kept of a release is
forgotten as soon as another is seen: nobody who was erased lives on in memory.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from warehouse.errors import NoSuchRelease
from warehouse.layout import DataDirectory
from warehouse.marts import Reader, parquet_reader
from warehouse.published import current_release

ATTEMPTS = 8
_PAUSE_SECONDS = 0.05
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Identity:
    """A release, told from another that was given its number later (by a rebuild)."""

    number: int
    path: Path
    inode: int
    made_ns: int


class Replaced(Exception):
    """Another release has taken the place of the one that was read."""


class NoSuchPage(Exception):
    """Nothing is at this address."""


class Overloaded(Exception):
    """More is asked at once than is read at once; the next try may be served."""


class Shown:
    """The current release's answers. For several threads at once.

    Args:
        layout: where the releases are; a function where that changes.
        memory_limit_mb: DuckDB's memory, of all readers together.
        readers: how many read at once; others wait for them.
        kept: how many answers are remembered.
    """

    def __init__(
        self,
        layout: DataDirectory | Callable[[], DataDirectory],
        *,
        memory_limit_mb: int = 500,
        readers: int = 2,
        kept: int = 64,
        wait_seconds: float = 60.0,
    ) -> None:
        self._where = layout
        self._limit_mb = max(64, memory_limit_mb // readers)
        self._slots = threading.BoundedSemaphore(readers)
        self._wait_seconds = wait_seconds
        self._most = kept
        self._lock = threading.Lock()
        self._of: Identity | None = None
        self._answers: OrderedDict[Hashable, Future[Any]] = OrderedDict()

    @property
    def layout(self) -> DataDirectory:
        """Where the releases are now."""
        return self._where() if callable(self._where) else self._where

    def now(self) -> Identity | None:
        """The release that readers see; None before the first. What another left is forgotten."""
        found = self._identity()
        with self._lock:
            if found != self._of:
                self._answers.clear()
                self._of = found
        return found

    def _identity(self) -> Identity | None:
        for _ in range(ATTEMPTS):
            layout = self.layout
            release = current_release(layout)
            if release is None:
                if not layout.current.is_symlink():
                    return None
            else:
                try:
                    seen = (release.path / "manifest.json").stat()
                except OSError:
                    pass  # removed since: `current` is another by now
                else:
                    return Identity(release.number, release.path, seen.st_ino, seen.st_mtime_ns)
            time.sleep(_PAUSE_SECONDS)
        return None

    def whole(self, build: Callable[[Look], Answer]) -> Answer:
        """What `build` makes of one whole release; made anew where it was replaced meanwhile.

        Raises:
            NoSuchRelease: nothing is published.
            Overloaded: no reader was free in time.
        """
        for attempt in range(ATTEMPTS):
            of = self.now()
            if of is None:
                raise NoSuchRelease(f"Nothing is published in {self.layout.root} yet.")
            try:
                return build(Look(self, of))
            except (Overloaded, NoSuchPage):
                raise
            except Exception:
                if attempt and self._identity() == of and self._still(of):
                    raise  # the release is as it was: the fault is elsewhere
            time.sleep(_PAUSE_SECONDS * attempt)
        raise Overloaded("Releases come and go faster than they can be read.")

    def once(self, of: Identity, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """What `make` makes of `of`, kept for the next; whoever asks meanwhile waits for it.

        Raises:
            Replaced: readers see another by now.
        """
        with self._lock:
            if self._of != of:
                raise Replaced
            known: Future[Answer] | None = self._answers.get(key)
            if known is not None:
                self._answers.move_to_end(key)
            else:
                mine: Future[Answer] = Future()
                self._answers[key] = mine
                while len(self._answers) > self._most:
                    self._answers.popitem(last=False)
        if known is not None:
            return known.result()
        try:
            answer = make()
        except BaseException as error:
            with self._lock:
                if self._answers.get(key) is mine:
                    del self._answers[key]
            mine.set_exception(error)
            raise
        mine.set_result(answer)
        return answer

    def read(self, of: Identity, read: Callable[[Reader], Answer]) -> Answer:
        """`read`'s answer of the release `of`, and of no other.

        Raises:
            Replaced: readers see another by now, or `of` was removed while it was read.
            Overloaded: no reader was free in time.
        """
        if not self._slots.acquire(timeout=self._wait_seconds):
            raise Overloaded("Too much is asked at once: try again.")
        try:
            with parquet_reader(self.layout, memory_limit_mb=self._limit_mb) as reader:
                if reader.path.resolve() != of.path:
                    raise Replaced
                answer = read(reader)
        finally:
            self._slots.release()
        # A release goes by one rename, then file by file: what is read after that isn't whole.
        if not self._still(of):
            raise Replaced
        return answer

    def _still(self, of: Identity) -> bool:
        try:
            seen = (of.path / "manifest.json").stat()
        except OSError:
            return False
        return (seen.st_ino, seen.st_mtime_ns) == (of.inode, of.made_ns)


@dataclass(frozen=True)
class Look:
    """One release, for the making of one page."""

    shown: Shown
    of: Identity

    def ask(self, key: Hashable, read: Callable[[Reader], Answer]) -> Answer:
        """`read`'s answer, of this release and no other; at once if `key` was asked before."""
        return self.shown.once(self.of, key, lambda: self.shown.read(self.of, read))

    def keep(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """What is made of this release's answers, and kept as long as they are."""
        try:
            return self.shown.once(self.of, key, make)
        except Replaced:  # its answers are whole all the same
            return make()
