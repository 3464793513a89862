"""`smartconnect doctor`, the exports: paths, format, `date_to`, selection, time zone, duration."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta

from extract.errors import ExtractError, RequestRefused
from extract.exports import ReadyExport
from flows.asking import Asking
from flows.exportanswers import (
    ignores_dates,
    tell_date_to,
    tell_duration,
    tell_selection,
    tell_zone,
)
from flows.exportsteps import CHATS, STATISTICS, Steps, place_of, tell_failure, tell_success
from flows.probing import DAYS_BACK, Probe, Seen, date_to_of, probe
from flows.windows import ddmmyyyy
from transform.errors import TransformError

QUESTIONS = ("format", "date_to", "selection", "time zone", "duration")


class ExportCheck:
    """Makes a few exports of days that have messages, and compares what they hold."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._findings = asking.findings
        self._seconds: list[float] = []
        self._why = ""

    async def look(self) -> None:
        """The lines of operations 5 to 8 and of what exports are like."""
        found = await self._day_with_messages()
        if found is None:
            self._leave_unknown()
            return
        day, alone, both = found
        date_to = date_to_of(day, alone, both) if both.dates[day] else "unknown"
        last = day if date_to == "inclusive" else day + timedelta(days=1)
        following, recent, _ = await asyncio.gather(
            self._following(day, date_to, both),
            self._recent(),
            self._statistics(day, last),
        )
        if not ignores_dates(self._asking, day, both, following):
            tell_date_to(self._asking, day, alone, both)
            first = alone if date_to == "inclusive" else both
            why = "date_to is not known" if date_to == "unknown" else self._why
            tell_selection(self._asking, day, first, following, why)
        self._findings.unknown("format", "no file was read")
        tell_zone(self._asking, recent, self._why)
        tell_duration(self._asking, self._seconds, self._why)

    async def _day_with_messages(self) -> tuple[date, Seen, Seen] | None:
        """A day, what it brings alone and with the next; None where none has messages."""
        yesterday, tried = self._asking.today() - timedelta(days=1), []
        for back in DAYS_BACK:
            day = yesterday - timedelta(days=back - 1)
            alone = await self._chats(day, day, may_refuse=True)
            both = await self._chats(day, day + timedelta(days=1)) if not self._why else None
            if both is None:
                return None
            if both.seen.dates[day] or (back == DAYS_BACK[-1] and both.seen.rows):
                return day, alone.seen if alone else Seen(), both.seen
            tried.append(ddmmyyyy(day))
        self._why = f"the exports of {', '.join(tried)} (each with its next day) have no message"
        return None

    async def _chats(
        self, date_from: date, sent_to: date, *, may_refuse: bool = False
    ) -> Probe | None:
        """A chats export; None where it failed, which is told."""
        return await self._probed("chats", date_from, sent_to, CHATS, may_refuse=may_refuse)

    async def _probed(
        self,
        dataset: str,
        date_from: date,
        sent_to: date,
        steps: Steps,
        *,
        may_refuse: bool = False,
    ) -> Probe | None:
        places: list[str] = []

        def located(ready: ReadyExport) -> None:
            places.append(place_of(ready.location, self._asking))
            self._seconds.append(ready.waited_seconds)

        try:
            found = await self._asking.in_run(
                lambda run: probe(run, date_from, sent_to, dataset=dataset, located=located)
            )
        except RequestRefused as error:
            if not may_refuse:
                self._failed(error, steps, places)
            return None
        except (ExtractError, TransformError) as error:
            self._failed(error, steps, places)
            return None
        tell_success(self._asking, dataset, found, steps, places[-1])
        return found

    def _failed(
        self, error: ExtractError | TransformError, steps: Steps, places: Sequence[str]
    ) -> None:
        place = places[-1] if places else None
        self._why = tell_failure(self._asking, error, steps, place, self._why)

    def _leave_unknown(self) -> None:
        for operation in STATISTICS:
            self._findings.unknown(operation, f"{self._why or 'no export could be made'}")
        for question in QUESTIONS[:-1]:
            self._findings.unknown(question, self._why or "no export could be made")
        tell_duration(self._asking, self._seconds, self._why)

    async def _following(self, day: date, date_to: str, both: Seen) -> Seen | None:
        """What the day after brings, if it can be asked for alone."""
        if date_to == "unknown" or not both.rows:
            return None
        after = day + timedelta(days=1)
        last = after if date_to == "inclusive" else after + timedelta(days=1)
        found = await self._chats(after, last)
        return found.seen if found else None

    async def _recent(self) -> Probe | None:
        """From yesterday to tomorrow: the newest messages, in whatever zone."""
        today = self._asking.today()
        return await self._chats(today - timedelta(days=1), today + timedelta(days=1))

    async def _statistics(self, day: date, last: date) -> None:
        await self._probed("statistics", day, last, STATISTICS)
