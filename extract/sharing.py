"""What a run shares with runs on other machines, and how it holds something of it alone.

A run says that it lives by one lease of its own, its session, whatever number of things it holds; a
document that it holds names the session. Who wants the document looks whether that session is gone,
buries it, and takes the document over, each step under its condition. So what a run holds costs no
renewals, and all of it falls free together when the run dies.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self

from extract.documents import Content, Documents, Threads, changed, understood, written
from extract.errors import KeeperUnusable, LeaseLost
from extract.leases import SLACK_SECONDS, Lease, Term, bury

logger = logging.getLogger(__name__)
FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.1, 2.0
_SESSIONS = "sessions/"


class Shared:
    """An async context manager, used within one event loop.

    Args:
        documents: what is shared.
        holder: this run's name, for whoever waits for it: no personal data.
        term: how long a run that is silent counts as alive.
    """

    def __init__(self, documents: Documents, *, holder: str, term: Term | None = None) -> None:
        self.documents = documents
        self.holder = holder
        self.term = term or Term()
        self.threads = Threads()
        self._session: Lease | None = None
        self._opening = asyncio.Lock()
        self._ends = AsyncExitStack()
        self._alive: set[str] = set()
        self._looked_at = -self.term.lasts_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._ends.aclose()
        finally:
            if self._session is not None:
                await self.threads(self._end, self._session)
            self.threads.close()

    def at_end(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something before the session ends."""
        self._ends.push_async_callback(work)

    async def session(self) -> Lease:
        """The session of now; a new one where the last one was lost.

        Raises:
            KeeperUnusable: none can be had.
        """
        async with self._opening:
            if self._session is not None and self._session.held:
                return self._session
            lost, self._session = self._session, None
            if lost is not None:
                await self.threads(lost.release)
            key = f"{_SESSIONS}{secrets.token_hex(16)}"
            fresh = Lease(self.documents, key, holder=self.holder, term=self.term)
            if not await fresh.acquire(0, self.threads):
                raise KeeperUnusable(
                    "share", "a session", "the store keeps what nobody wrote", "Run again later."
                )
            self._session = fresh
            return fresh

    def _end(self, session: Lease) -> None:
        session.release()
        try:
            self.documents.remove(session.key)  # emptied, and never written again
            sys.audit("smartconnect.point", "extract.sharing.session-removed")
        except KeeperUnusable as error:
            logger.warning("What this run shared could not be given back yet: %s", error)

    def is_gone(self, session_key: str) -> bool:
        """Whether the run of a session is gone, for good; looks at once."""
        return bury(self.documents, session_key)

    def gone(self, session_keys: Iterable[str]) -> set[str]:
        """Which of these sessions are gone; all are looked at together, and not at each call."""
        wanted = set(session_keys)
        now = time.monotonic()
        if wanted <= self._alive and now - self._looked_at < self.term.renew_seconds:
            return set()
        named = {found.key: found.age_seconds for found in self.documents.names(_SESSIONS)}
        lasts = self.term.lasts_seconds + SLACK_SECONDS
        found = {key for key in wanted if key not in named or named[key] > lasts}
        dead = {key for key in found if bury(self.documents, key)}
        self._alive, self._looked_at = wanted - dead, now
        return dead


class HeldDocument:
    """A document that this run alone may change, as long as its session lives.

    What it says besides who holds it is `content`.
    """

    def __init__(
        self, shared: Shared, key: str, session: Lease, etag: str, content: Content
    ) -> None:
        self.key = key
        self.content = content
        self._shared, self._session, self._etag = shared, session, etag

    def require(self) -> None:
        """Go on only as the holder.

        Raises:
            LeaseLost: another may hold it.
        """
        self._session.require()

    def put(self, content: Content) -> None:
        """Change what it says. Blocks.

        Raises:
            LeaseLost: another holds it; nothing was written.
        """
        self.require()
        self._write({**content, **_held_by(self._session, self._shared.holder)})
        self.content = content

    def give_back(self, content: Content | None = None) -> None:
        """Leave it to others, changed or as it is; nothing where another has it. Blocks."""
        try:
            self._write(self.content if content is None else content)
        except LeaseLost:
            logger.warning("%s was taken over by another run meanwhile.", self.key)

    def _write(self, content: Content) -> None:
        etag = self._shared.documents.write_if(self.key, written(content), self._etag)
        if etag is None:
            raise LeaseLost(
                "share",
                f"the document {self.key}",
                "another run has taken it over, since this one was silent for too long",
                "Nothing of it was changed. Run again.",
            )
        self._etag = etag
        sys.audit("smartconnect.point", "extract.sharing.document-changed")


class Taker:
    """Waits for a document and takes it; knows who held it where it took too long."""

    def __init__(self, shared: Shared, key: str) -> None:
        self._shared, self._key = shared, key
        self.held_by = "an unknown run"

    @asynccontextmanager
    async def holding(self, wait_seconds: float) -> AsyncIterator[HeldDocument | None]:
        """Hold the document within the block; None where another holds it for longer.

        Can be cancelled. In the block, `content` is what it said last.
        """
        held = await self._acquired(wait_seconds)
        try:
            yield held
        finally:
            if held is not None:
                await self._given_back(held)

    async def _acquired(self, wait_seconds: float) -> HeldDocument | None:
        deadline = time.monotonic() + wait_seconds
        nap = FIRST_LOOK_SECONDS
        while True:
            session = await self._shared.session()
            taken: list[HeldDocument] = []
            try:
                await self._shared.threads(self._try, session, taken)
            except asyncio.CancelledError:
                for held in taken:
                    await self._given_back(held)
                raise
            if taken:
                return taken[0]
            if time.monotonic() >= deadline:
                return None
            left = deadline - time.monotonic()
            await asyncio.sleep(max(0.0, min(nap * random.uniform(0.5, 1), left)))  # noqa: S311
            nap = min(nap * 1.5, LONGEST_LOOK_SECONDS)

    def _try(self, session: Lease, taken: list[HeldDocument]) -> None:
        found = self._shared.documents.read(self._key)
        said = understood(self._key, found)
        by = said.pop("session", None)
        self.held_by = str(said.pop("holder", "an unknown run"))
        said.pop("word", None)
        if by is not None and (by == session.key or not self._shared.is_gone(by)):
            return
        mine = written({**said, **_held_by(session, self._shared.holder)})
        etag = self._shared.documents.write_if(self._key, mine, found.etag if found else None)
        if etag is None:  # another was there just now: who?
            found = self._shared.documents.read(self._key)
            self.held_by = str(understood(self._key, found).get("holder", self.held_by))
            return
        taken.append(HeldDocument(self._shared, self._key, session, etag, said))
        sys.audit("smartconnect.point", "extract.sharing.document-taken")

    async def _given_back(self, held: HeldDocument) -> None:
        try:
            await self._shared.threads(held.give_back)
        except KeeperUnusable as error:  # its session says so when it ends
            logger.warning("%s could not be given back: %s", held.key, error)


def _held_by(session: Lease, holder: str) -> Content:
    return {"session": session.key, "holder": holder}


def shared_secret(documents: Documents, key: str, first: Callable[[], bytes]) -> bytes:
    """A key for names that give nothing away; one for all machines, whoever makes it.

    Args:
        documents: where it is kept: whoever reads these reads the data as well.
        key: the document's.
        first: makes it, where there is none.
    """

    def made(said: Content) -> Content | None:
        return None if "secret" in said else {"secret": first().hex()}

    changed(documents, key, made)
    said: dict[str, Any] = understood(key, documents.read(key))
    return bytes.fromhex(str(said["secret"]))
