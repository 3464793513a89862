"""When an export was started: each instant is later than every one given out before it.

The wall clock alone doesn't say so: it is set back by hand, by NTP, with a restored machine. An
export dated before one that is loaded would count as older, and its fresher rows would be left out
without a word. So the last instant given out is kept, over all processes and restarts.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from extract.journal import write_durably
from extract.locks import NamedLock, private_folder, unusable

logger = logging.getLogger(__name__)
STEP = timedelta(microseconds=1)
# Below it, a difference is NTP at its work.
WORTH_TELLING = timedelta(seconds=5)
_WHAT = "the folder of locks"
# Held for a write of a few bytes; only a stopped process keeps it longer.
LONGEST_WAIT_SECONDS = 60.0


def wall_clock() -> datetime:
    """Now, in UTC, as the machine believes."""
    return datetime.now(UTC)


class RisingClock:
    """The wall clock, but later than what is known; says once that it was set back."""

    def __init__(self) -> None:
        self._told = False

    def after(self, *known: datetime | None) -> datetime:
        """Now; or just after the latest of what is known, where that is later."""
        now = wall_clock()
        instant = max([now, *(given + STEP for given in known if given is not None)])
        if instant - now > WORTH_TELLING and not self._told:
            self._told = True
            logger.warning(
                "The clock says %s, and an export was started at %s already: the clock was set "
                "back (or was ahead then). What is exported now is dated after it, so that it "
                "counts as fresher. Check the clock of this machine.",
                f"{now:%d.%m.%Y %H:%M:%S} UTC",
                f"{instant:%d.%m.%Y %H:%M:%S} UTC",
            )
        return instant


class Instants:
    """Gives out instants that only rise, for all processes that share `folder`.

    Args:
        folder: holds the last instant given out; made if missing.

    Raises:
        DiskUnusable: here and from every method, where the folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder, _WHAT)
        self._lock = NamedLock(self._folder, "instant", "an export that starts")
        self._order = RisingClock()

    async def next(self, at_least: datetime | None = None) -> datetime:
        """Now; or just after the latest instant known, where the clock was set back behind it.

        It is on the disk when this returns.

        Args:
            at_least: an instant known from elsewhere (what is loaded already), where there is one.
        """
        lock = await self._lock.acquire(LONGEST_WAIT_SECONDS)
        if lock is None:
            raise unusable(_WHAT, f"no lock in {LONGEST_WAIT_SECONDS:g} seconds")
        try:
            return self._next(at_least)
        finally:
            lock.release()

    def _next(self, at_least: datetime | None) -> datetime:
        instant = self._order.after(self._last(), at_least)
        try:
            write_durably(self._path, instant.isoformat().encode())
        except OSError as error:
            problem = os.strerror(error.errno or 0)
        else:
            sys.audit("smartconnect.point", "extract.instants.given")
            return instant
        raise unusable(_WHAT, problem)

    def _last(self) -> datetime | None:
        with suppress(FileNotFoundError, ValueError):
            last = datetime.fromisoformat(self._path.read_text(encoding="ascii"))
            return last if last.tzinfo is not None else None
        return None

    @property
    def _path(self) -> Path:
        return self._folder / "instant"
