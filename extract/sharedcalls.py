"""How many calls of the API all machines together make on a day.

One document a day counts what was given out. A run takes a few calls at once, so that a call
costs no request of the store, and gives back what it hasn't used at its end. What a dead run had
taken is lost for that day: the bound is never passed.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import date

from extract.documents import Content, Documents, changed, understood
from extract.errors import ExtractError
from extract.sharing import Shared

TAKEN_AT_ONCE = 50
# The nearer the bound, the fewer at once: what is taken by one can't be used by another.
SHARE_OF_LEFT = 16
KEPT_SECONDS = 3 * 86_400
_FOLDER = "calls/"


class SharedCalls:
    """The calls of a day, counted over all machines; within one event loop."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._turn = asyncio.Lock()
        self._day: date | None = None
        self._taken = 0
        shared.at_end(self._close)

    def left(self, day: date, per_day: int) -> int:
        """How many may still be made on that day. Blocks."""
        said = understood(_key(day), self._shared.documents.read(_key(day)))
        ours = self._taken if day == self._day else 0
        return max(0, per_day - int(said.get("spent", 0))) + ours

    async def spend(self, day: date, per_day: int, needs: int) -> bool:
        """Count one call, if `needs` of them may be made."""
        async with self._turn:
            if day != self._day:
                if self._day is None:
                    await self._shared.threads(self._forget_earlier_days)
                self._day, self._taken = day, 0
            if self._taken < needs:
                more = needs - self._taken
                self._taken += await self._shared.threads(self._take, day, per_day, more)
            if self._taken < needs:
                return False
            self._taken -= 1
            return True

    def _take(self, day: date, per_day: int, needs: int) -> int:
        taken = 0

        def more(said: Content) -> Content | None:
            nonlocal taken
            spent = int(said.get("spent", 0))
            left = max(0, per_day - spent)
            taken = min(left, max(needs, min(TAKEN_AT_ONCE, left // SHARE_OF_LEFT)))
            return {"spent": spent + taken} if taken else None

        changed(self._shared.documents, _key(day), more)
        return taken

    async def _close(self) -> None:
        if self._day is None or not self._taken:
            return
        back, self._taken = self._taken, 0
        with suppress(ExtractError):  # it is lost for the day, then
            await self._shared.threads(
                changed,
                self._shared.documents,
                _key(self._day),
                lambda said: {"spent": int(said.get("spent", 0)) - back},
            )

    def _forget_earlier_days(self) -> None:
        """By the keeper's clock: two machines may be on either side of midnight."""
        for named in self._shared.documents.names(_FOLDER):
            if named.age_seconds > KEPT_SECONDS:
                self._shared.documents.remove(named.key)


def counted(documents: Documents, day: date, calls: int) -> None:
    """Count calls of a day that were made by who didn't share yet.

    Raises:
        KeeperUnusable: they can't be counted.
    """
    changed(documents, _key(day), lambda said: {"spent": int(said.get("spent", 0)) + calls})


def _key(day: date) -> str:
    return f"{_FOLDER}{day.isoformat()}"
