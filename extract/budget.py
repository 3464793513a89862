"""How many calls of the API a run, and all runs of a day together, may make.

Each attempt of a call counts, before it is sent. The day's calls are the bytes of one file that
every process appends to: no lock, and a process that dies takes none of them back; of several
machines, a document (`extract.sharedcalls`). Downloads don't count: they are no calls of the API.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from extract.errors import CallBudgetSpent
from extract.locks import private_folder, unusable
from extract.sharedcalls import SharedCalls
from extract.sharing import Shared

_WHAT = "the count of calls"
_CURE = (
    "Exports that were started are kept, and the next run takes them up. Wait for the next {of}, "
    "or raise {setting}."
)


@dataclass(frozen=True)
class Left:
    """Calls that may still be made, by what bounds them; None where nothing does."""

    of_run: int | None
    of_day: int | None

    @property
    def fewest(self) -> int | None:
        """The smaller one."""
        given = [left for left in (self.of_run, self.of_day) if left is not None]
        return min(given, default=None)


class CallBudget:
    """The calls of one run.

    Args:
        folder: holds the days' counts; made if missing, and only where a day is bounded.
        per_run: None for no bound.
        per_day: None for no bound.
        today: the company's day.
        shared: count a day's calls by it over several machines, in place of the folder.

    Raises:
        DiskUnusable: here and from `spend`, where the folder can't be written.
    """

    def __init__(
        self,
        folder: Path,
        per_run: int | None,
        per_day: int | None,
        today: Callable[[], date],
        shared: Shared | None = None,
    ) -> None:
        self._per_run, self._per_day, self._today = per_run, per_day, today
        self._spent = 0
        self._shared = None if shared is None or per_day is None else SharedCalls(shared)
        self._folder = folder
        if per_day is not None and shared is None:
            private_folder(folder, _WHAT)
            self._forget_earlier_days()

    def left(self) -> Left:
        """What may still be spent now."""
        return Left(self._left_of_run(), self._left_of_day())

    def _left_of_run(self) -> int | None:
        return None if self._per_run is None else max(0, self._per_run - self._spent)

    def _left_of_day(self) -> int | None:
        if self._per_day is None:
            return None
        if self._shared is not None:
            return self._shared.left(self._today(), self._per_day)
        return max(0, self._per_day - self._spent_today())

    async def spend(self, operation: str, asked: str, *, needs: int = 1) -> None:
        """Count one call that is about to be made.

        Args:
            operation: its name, for the error.
            asked: what it asks for, for the error.
            needs: calls that it makes no sense without, itself included.

        Raises:
            CallBudgetSpent: it may not be made.
        """
        of_run = self._left_of_run()
        if of_run is not None and of_run < needs:
            raise _spent(operation, asked, "run", "SMARTCONNECT_CALLS_PER_RUN")
        self._spent += 1
        if self._per_day is None:
            return
        if self._shared is not None:
            may = await self._shared.spend(self._today(), self._per_day, needs)
        else:
            may = self._per_day - self._spent_today() >= needs
        if not may:
            self._spent -= 1
            raise _spent(operation, asked, "day", "SMARTCONNECT_CALLS_PER_DAY")
        if self._shared is None:
            self._append()

    def _append(self) -> None:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                sys.audit("smartconnect.point", "extract.budget.day-begun")
                os.write(descriptor, b".")
                sys.audit("smartconnect.point", "extract.budget.call-counted")
            finally:
                os.close(descriptor)
        except OSError as error:
            problem = os.strerror(error.errno or 0)
        else:
            return
        raise unusable(_WHAT, problem)

    def _spent_today(self) -> int:
        with suppress(FileNotFoundError):
            return self._path.stat().st_size
        return 0

    def _forget_earlier_days(self) -> None:
        """Of other days, also of those to come where the clock was set back, nobody asks again."""
        for path in self._folder.glob("*.calls"):
            if path != self._path:
                path.unlink(missing_ok=True)
                sys.audit("smartconnect.point", "extract.budget.earlier-day-forgotten")

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._today().isoformat()}.calls"


def _spent(operation: str, asked: str, of: str, setting: str) -> CallBudgetSpent:
    came = f"it was not asked: the calls that a {of} may make are used up"
    return CallBudgetSpent(operation, asked, came, _CURE.format(of=of, setting=setting))
