"""Runs of several machines agree by documents: one a request, one for slots, one for time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from extract.coordination import HeldRequest, Order, Slots, claimed_elsewhere
from extract.documents import Content, changed, understood
from extract.instants import RisingClock
from extract.journal import Entry, ExportRequest, UsedExport, as_kept, entry_of, request_key
from extract.sharedslots import SharedSlots
from extract.sharing import HeldDocument, Shared, Taker, shared_secret

READ_AT_ONCE = 16
_INSTANT = "instant"
REQUESTS_SECRET = "secrets/requests"  # noqa: S105  (a document's key)


class SharedCoordination:
    """See `extract.coordination.Coordination`.

    Args:
        shared: what is shared, entered.
        vendor: the base URL: a task_id means nothing to another one.
        max_jobs: how many exports may run at the vendor at once, over all machines.
    """

    def __init__(self, shared: Shared, *, vendor: str, max_jobs: int) -> None:
        self._shared, self._vendor = shared, vendor
        self.slots: Slots = SharedSlots(shared, max_jobs)
        self.instants: Order = SharedInstants(shared)
        self._known_secret: bytes | None = None

    @asynccontextmanager
    async def claim(
        self, request: ExportRequest, wait_seconds: float
    ) -> AsyncIterator[HeldRequest]:
        """See `Coordination`; given back and, if it is finished, forgotten in one writing."""
        key = await self._shared.threads(self._key, request)
        taker = Taker(self._shared, request_document(key))
        async with taker.holding(wait_seconds) as held:
            if held is None:
                raise claimed_elsewhere(request, taker.held_by, wait_seconds)
            yield _Held(self._shared, held, key, request, self._vendor)

    def under_way(self, requests: Sequence[ExportRequest]) -> list[bool]:
        """See `Coordination`."""
        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            return list(pool.map(self._is_under_way, requests))

    def _is_under_way(self, request: ExportRequest) -> bool:
        key = request_document(self._key(request))
        said = understood(key, self._shared.documents.read(key))
        return "entry" in said and entry_of(said["entry"], self._vendor, request.about) is not None

    async def forget(self, used: Iterable[UsedExport]) -> None:
        """See `Coordination`."""
        await asyncio.gather(*(self._shared.threads(self._forget, export) for export in used))

    def _forget(self, used: UsedExport) -> None:
        def without(said: Content) -> Content | None:
            entry = said.get("entry")
            if not isinstance(entry, dict) or entry.get("task_id") != used.task_id:
                return None
            return {name: value for name, value in said.items() if name != "entry"}

        changed(self._shared.documents, request_document(used.key), without)

    def _key(self, request: ExportRequest) -> str:
        return request_key(request, self._secret)

    def _secret(self) -> bytes:
        if self._known_secret is None:
            self._known_secret = shared_secret(
                self._shared.documents, REQUESTS_SECRET, lambda: secrets.token_bytes(32)
            )
        return self._known_secret


class _Held:
    """A request whose document is ours."""

    def __init__(
        self, shared: Shared, held: HeldDocument, key: str, request: ExportRequest, vendor: str
    ) -> None:
        self._shared, self._held, self._key = shared, held, key
        self._request, self._vendor = request, vendor

    def require(self) -> None:
        self._held.require()

    async def entry(self) -> Entry | None:
        kept = self._held.content.get("entry")
        return None if kept is None else entry_of(kept, self._vendor, self._request.about)

    async def keep(self, entry: Entry) -> None:
        kept = as_kept(entry, self._vendor, self._request.about)
        await self._shared.threads(self._held.put, {"entry": kept})

    def finish(self) -> None:
        self._held.content = {}

    def finish_later(self) -> UsedExport | None:
        kept = self._held.content.get("entry")
        return None if kept is None else UsedExport(self._key, int(kept["task_id"]))


class SharedInstants:
    """Instants that only rise, over all machines; who waits in one process is served together."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._order = RisingClock()
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[datetime | None, asyncio.Future[datetime]]] = []

    async def next(self, at_least: datetime | None = None) -> datetime:
        """See `Order`."""
        given: asyncio.Future[datetime] = asyncio.get_running_loop().create_future()
        place = (at_least, given)
        self._waiting.append(place)
        try:
            async with self._turn:
                if not given.done():
                    await self._serve()
            return given.result()
        finally:
            with suppress(ValueError):
                self._waiting.remove(place)

    async def _serve(self) -> None:
        together = list(self._waiting)
        instants = await self._shared.threads(self._give_out, [known for known, _ in together])
        for (_, given), instant in zip(together, instants, strict=True):
            if not given.done():
                given.set_result(instant)
        self._waiting = [place for place in self._waiting if not place[1].done()]

    def _give_out(self, known: list[datetime | None]) -> list[datetime]:
        instants: list[datetime] = []

        def after(said: Content) -> Content:
            instants.clear()
            last = datetime.fromisoformat(said["last"]) if "last" in said else None
            for at_least in known:
                last = self._order.after(last, at_least)
                instants.append(last)
            return {"last": instants[-1].isoformat()}

        changed(self._shared.documents, _INSTANT, after)
        return instants


def request_document(key: str) -> str:
    """The document of a request, by its key."""
    return f"requests/{key}"
