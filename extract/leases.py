"""One holder of a name over all machines, for as long as it says that it lives.

A lease is a document. Its holder writes it again and again, and each writing is under the condition
that it is still what the holder wrote last. Whether it has run out is judged by the keeper's clock
(its age), never by comparing the clocks of two machines; who takes it over writes it under the
condition that it is what was judged. So of two that want it one is refused, and a holder that was
taken for dead is refused with its next renewal. Between renewals the holder counts for itself, from
before it asked, and counts on less than the others grant: it stops before anybody may begin.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from extract.documents import Content, Document, Documents, Threads, understood, written
from extract.errors import ExtractError, KeeperUnusable, LeaseLost

logger = logging.getLogger(__name__)
# The keeper tells when in whole seconds, so that two of its times are wrong by two at most.
SLACK_SECONDS = 2.0
LOOK_SECONDS = 0.5


def clock_seconds() -> float:
    """A clock that is never set back, and goes on while a machine sleeps where there is such."""
    which = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if which is None else time.clock_gettime(which)


@dataclass(frozen=True)
class Term:
    """How long a lease is good for after each renewal, and how often it is renewed. Seconds."""

    lasts_seconds: float = 30.0
    renew_seconds: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.renew_seconds < self.lasts_seconds:
            raise ValueError("a lease must be renewed before it runs out")


class Lease:
    """A name that one holder has at a time.

    Args:
        documents: where it is kept.
        key: the document's.
        holder: who we are, for whoever waits: no personal data.
        term: how long it lasts without a renewal.
        owner: who else may take it at once from us: whoever says the same. Only for those who keep
            each other out by other means (one machine's processes, by a lock of its own).
        clock: seconds that pass; for tests.
    """

    def __init__(
        self,
        documents: Documents,
        key: str,
        *,
        holder: str,
        term: Term | None = None,
        owner: str | None = None,
        clock: Callable[[], float] = clock_seconds,
    ) -> None:
        self.key = key
        self._documents, self._clock = documents, clock
        self._term = term or Term()
        self._content: Content = {
            "holder": holder,
            "owner": owner or secrets.token_hex(16),
            "lasts_seconds": self._term.lasts_seconds,
        }
        self._lock = threading.RLock()
        self._etag: str | None = None
        self._good_until = 0.0
        self._renewing: threading.Event | None = None
        self.seen_holder = "an unknown run"

    @property
    def held(self) -> bool:
        """Whether it is ours, for certain, now."""
        return self._etag is not None and self._clock() < self._good_until

    def require(self) -> None:
        """Go on only as the holder.

        Raises:
            LeaseLost: it has run out, or another has it.
        """
        if not self.held:
            raise LeaseLost(
                "share",
                f"what it held ({self.key.split('/')[0]})",
                "this run didn't say in time that it lives (a machine that stood still, or a "
                "store out of reach), and another may have taken over",
                "Nothing more is done with it. Run again: an export that was started is taken up.",
            )

    def try_acquire(self) -> bool:
        """Take it if nobody has it, or who had it is gone."""
        with self._lock:
            found = self._documents.read(self.key)
            if found is not None and not self._is_free(found):
                return False
            began = self._clock()  # before the keeper's time of the writing
            etag = self._documents.write_if(
                self.key, written(self._content), found.etag if found else None
            )
            if etag is None:
                return False
            self._etag, self._good_until = etag, began + self._term.lasts_seconds
            sys.audit("smartconnect.point", "extract.leases.taken")
            return True

    def _is_free(self, found: Document) -> bool:
        said = understood(self.key, found)
        if "owner" not in said or said["owner"] == self._content["owner"]:
            return True
        self.seen_holder = str(said.get("holder", "an unknown run"))
        return has_run_out(said, found.age_seconds)

    def renew(self) -> bool:
        """Say that we live; False where another has it: it is never ours again.

        Raises:
            KeeperUnusable: nobody could be told; it is ours until it runs out.
        """
        with self._lock:
            if self._etag is None:
                return False
            began = self._clock()
            etag = self._documents.write_if(self.key, written(self._content), self._etag)
            if etag is None:
                self._etag = None
                return False
            self._etag, self._good_until = etag, began + self._term.lasts_seconds
            sys.audit("smartconnect.point", "extract.leases.renewed")
            return True

    def release(self) -> None:
        """Give it back, if it is ours still. What can't be told now is told by its running out."""
        self.stop_renewing()
        with self._lock:
            etag, self._etag = self._etag, None
            if etag is None:
                return
            with suppress(KeeperUnusable):
                self._documents.write_if(self.key, written({}), etag)
                sys.audit("smartconnect.point", "extract.leases.given-back")

    async def acquire(self, wait_seconds: float, threads: Threads) -> bool:
        """Wait for it, at most so long, and renew it from then on. Can be cancelled."""
        deadline = time.monotonic() + wait_seconds
        try:
            while not await threads(self.try_acquire):
                if time.monotonic() >= deadline:
                    return False
                await asyncio.sleep(LOOK_SECONDS * random.uniform(0.5, 1))  # noqa: S311
        except asyncio.CancelledError:
            await threads(self.release)
            raise
        self.keep_renewing()
        return True

    def keep_renewing(self) -> None:
        """Renew it from now on in a thread of its own, whatever the event loop is busy with."""
        if self._renewing is None:
            self._renewing = threading.Event()
            threading.Thread(
                target=self._renew_always, args=[self._renewing], name="lease", daemon=True
            ).start()

    def stop_renewing(self) -> None:
        """Let it run out."""
        if self._renewing is not None:
            self._renewing.set()
            self._renewing = None

    def _renew_always(self, ended: threading.Event) -> None:
        wait = self._term.renew_seconds
        while not ended.wait(wait):
            try:
                if not self.renew():
                    return
                wait = self._term.renew_seconds
            except ExtractError as error:
                logger.warning("A lease could not be renewed, it is tried again: %s", error)
                wait = self._term.renew_seconds / 10


def has_run_out(said: Content, age_seconds: float) -> bool:
    """Whether the holder of a lease, by what its document says, is gone."""
    return age_seconds > float(said.get("lasts_seconds", 0)) + SLACK_SECONDS


def bury(documents: Documents, key: str) -> bool:
    """Whether the holder of a lease that is its own alone is gone; then it can never come back.

    Its document is emptied under the condition that it is what was judged, so that the holder's
    next renewal is refused; and removed, as nobody takes such a lease over.
    """
    found = documents.read(key)
    if found is None:
        return True
    said = understood(key, found)
    if "owner" in said:
        if not has_run_out(said, found.age_seconds):
            return False
        if documents.write_if(key, written({}), found.etag) is None:
            return False
        sys.audit("smartconnect.point", "extract.leases.buried")
    documents.remove(key)
    return True
