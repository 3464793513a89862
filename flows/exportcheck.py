"""`smartconnect doctor`, the exports: paths, format, `date_to`, selection, time zone, duration."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from extract.errors import (
    DownloadFailed,
    ExportTimedOut,
    ExtractError,
    RequestRefused,
)
from extract.exports import ReadyExport
from extract.routes import Operation
from flows.asking import Asking, said
from flows.probing import (
    DAYS_BACK,
    HARDLY_ANY_SHARE,
    Probe,
    Seen,
    date_to_of,
    offsets_of,
    probe,
    selection_of,
)
from flows.windows import ddmmyyyy
from transform.errors import TransformError

SLACK_SECONDS = 120.0
START, TASK = Operation.START_CHATS_EXPORT, Operation.GET_CHATS_EXPORT_TASK
STATISTICS = (Operation.START_STATISTICS_EXPORT, Operation.GET_STATISTICS_EXPORT_TASK)
QUESTIONS = ("format", "date_to", "selection", "time zone", "duration")


class ExportCheck:
    """Makes a few exports of days that have messages, and compares what they hold."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._findings = asking.findings
        self._seconds: list[float] = []
        self._probes: list[Probe] = []
        self._places: list[str] = []
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
        if not self._ignores_dates(day, both, following):
            self._tell_date_to(day, alone, both)
            first = alone if date_to == "inclusive" else both
            self._tell_selection(day, first, following, date_to)
        self._findings.unknown("format", "no file was read")
        self._tell_zone(recent)
        self._tell_duration()

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
        return await self._probed("chats", date_from, sent_to, (START, TASK), may_refuse=may_refuse)

    async def _probed(
        self,
        dataset: str,
        date_from: date,
        sent_to: date,
        operations: tuple[Operation, Operation],
        *,
        may_refuse: bool = False,
    ) -> Probe | None:
        places: list[str] = []

        def located(ready: ReadyExport) -> None:
            places.append(_place(ready.location, self._asking))
            self._seconds.append(ready.waited_seconds)

        try:
            found = await self._asking.in_run(
                lambda run: probe(run, date_from, sent_to, dataset=dataset, located=located)
            )
        except RequestRefused as error:
            if not may_refuse:
                self._tell_failure(error, operations, places)
            return None
        except (ExtractError, TransformError) as error:
            self._tell_failure(error, operations, places)
            return None
        self._probes.append(found)
        self._tell_success(dataset, found, operations, places)
        return found

    def _tell_success(
        self, dataset: str, found: Probe, operations: tuple[Operation, Operation], places: list[str]
    ) -> None:
        findings, routes = self._findings, self._asking.options.routes
        for operation in operations:
            findings.ok(operation, routes.path(operation))
        if dataset == "statistics":
            findings.ok("statistics format", f"{_format(found)}, {found.seen.rows} rows")
            return
        needs = "needs the token" if found.file.with_token else "needs no token"
        announced = "" if found.file.length_announced else ", its length isn't announced"
        findings.ok("download", f"the file is {places[-1]}, and {needs}{announced}")
        if found.seen.rows:  # an empty file tells less
            findings.ok("format", _format(found))

    def _tell_failure(
        self,
        error: ExtractError | TransformError,
        operations: tuple[Operation, Operation],
        places: list[str],
    ) -> None:
        """Up to which step it worked, and what stopped it."""
        findings, routes, (start, task) = self._findings, self._asking.options.routes, operations
        about, problem = START is start, said(error)
        step = error.operation if isinstance(error, ExtractError) else "format"
        self._why = self._why or f"an export failed ({step})"
        if step == start:
            findings.wrong(start, f"{routes.path(start)}: {problem}")
            findings.unknown(task, "no export could be started")
            return
        findings.ok(start, routes.path(start))
        if isinstance(error, ExportTimedOut):
            waited = f"no export was ready in {self._asking.wait_seconds:g} s"
            findings.unknown(task, f"{waited}; --wait-seconds waits longer")
            self._why = waited
            return
        if step == task:
            findings.wrong(task, f"{routes.path(task)}: {problem}")
            return
        findings.ok(task, routes.path(task))
        if isinstance(error, DownloadFailed):
            where = f" The file is {places[-1]}." if places else ""
            findings.wrong("download" if about else "statistics download", problem + where)
        elif isinstance(error, TransformError):
            where = "format" if about else "statistics format"
            findings.wrong(where, f"{problem} `smartconnect inspect` shows a file in full.")
        else:
            findings.wrong("exports", problem)

    def _leave_unknown(self) -> None:
        for operation in STATISTICS:
            self._findings.unknown(operation, f"{self._why or 'no export could be made'}")
        for question in QUESTIONS[:-1]:
            self._findings.unknown(question, self._why or "no export could be made")
        self._tell_duration()

    def _ignores_dates(self, day: date, both: Seen, following: Seen | None) -> bool:
        """Whether exports hold much of what lies before the days asked for: nothing is concluded
        from such.
        """
        for first, seen in ((day, both), (day + timedelta(days=1), following or Seen())):
            before = sum(count for when, count in seen.dates.items() if when < first)
            if before > HARDLY_ANY_SHARE * seen.rows:
                self._findings.wrong(
                    "date_to",
                    f"asked for messages from {ddmmyyyy(first)} on, {before} of {seen.rows} came "
                    "that are older: the vendor reads the dates otherwise, or not at all. Ask "
                    "SmartConnect how they are written.",
                )
                self._findings.unknown("selection", "older days come than were asked for")
                return True
        return False

    def _tell_date_to(self, day: date, alone: Seen, both: Seen) -> None:
        evidence = (
            f"{ddmmyyyy(day)} alone has {alone.dates[day]} messages of that day, with the next day "
            f"{both.dates[day]}"
        )
        if not both.dates[day]:
            self._findings.unknown("date_to", f"the one day has no message: {evidence}")
            return
        found = date_to_of(day, alone, both)
        self._conclude("date_to", found, evidence, self._asking.settings.date_to)

    def _conclude(self, name: str, found: str, evidence: str, set_to: str) -> None:
        if found == "unknown":
            self._findings.unknown(name, f"neither explains it: {evidence}")
            return
        self._findings.to_set(name, found)
        if set_to in ("unknown", found):
            self._findings.ok(name, f"{found} ({evidence})")
        else:
            self._findings.wrong(name, f"{found}, not {set_to} ({evidence}): paste the setting.")

    async def _following(self, day: date, date_to: str, both: Seen) -> Seen | None:
        """What the day after brings, if it can be asked for alone."""
        if date_to == "unknown" or not both.rows:
            return None
        after = day + timedelta(days=1)
        last = after if date_to == "inclusive" else after + timedelta(days=1)
        found = await self._chats(after, last)
        return found.seen if found else None

    def _tell_selection(self, day: date, first: Seen, second: Seen | None, date_to: str) -> None:
        if second is None:
            why = "date_to is not known" if date_to == "unknown" else self._why
            self._findings.unknown("selection", why or "the next day's export failed")
            return
        later = sum(count for when, count in first.dates.items() if when > day)
        shared = len(first.threads & second.threads)
        evidence = f"{later} messages dated after {ddmmyyyy(day)}, {shared} threads on two days"
        found = selection_of(day, first, second)
        if found is None:
            self._findings.unknown("selection", f"no thread went on overnight: {evidence}")
            return
        self._conclude("selection", found, evidence, self._asking.settings.selection)

    async def _recent(self) -> Probe | None:
        """From yesterday to tomorrow: the newest messages, in whatever zone."""
        today = self._asking.today()
        return await self._chats(today - timedelta(days=1), today + timedelta(days=1))

    async def _statistics(self, day: date, last: date) -> None:
        await self._probed("statistics", day, last, STATISTICS)

    def _tell_zone(self, recent: Probe | None) -> None:
        settings = self._asking.settings
        if recent is None or len(recent.seen.newest) < 3:
            why = "no message of today came" if recent else self._why
            self._findings.unknown("time zone", why or "the newest messages could not be had")
            return
        took = timedelta(seconds=recent.ready.waited_seconds)
        asked = recent.ready.started_at.astimezone(UTC).replace(tzinfo=None)
        slack = timedelta(seconds=SLACK_SECONDS) + took
        fits = offsets_of(recent.seen.newest, asked, slack)
        now = datetime.now(settings.zone)
        ours = now.utcoffset() or timedelta()
        newest = f"the newest message is of {recent.seen.newest[-1]:%d.%m. %H:%M}"
        told = f"{newest}, and it is {now:%d.%m. %H:%M} in {settings.time_zone}"
        if fits == [ours]:
            self._findings.ok("time zone", f"{settings.time_zone} ({told})")
            self._findings.to_set("time_zone", settings.time_zone)
        elif ours in fits:
            also = ", ".join(_utc(offset) for offset in fits if offset != ours)
            self._findings.unknown(
                "time zone", f"messages come too seldom: {also} fits too; {told}"
            )
        elif len(fits) == 1:
            self._findings.wrong(
                "time zone",
                f"the vendor writes {_utc(fits[0])}, not {settings.time_zone}: set "
                f"SMARTCONNECT_TIME_ZONE to a zone of that offset ({told}).",
            )
        else:
            several = ", ".join(map(_utc, fits)) or "no offset"
            self._findings.unknown("time zone", f"{several} would fit; {told}")

    def _tell_duration(self) -> None:
        if not self._seconds:
            self._findings.unknown("duration", self._why or "no export was ready")
            return
        longest, deadline = max(self._seconds), self._asking.settings.export_deadline_seconds
        told = f"{min(self._seconds):.1f} to {longest:.1f} s ({len(self._seconds)} exports)"
        if longest > deadline / 2:
            self._findings.to_set("export_deadline_seconds", f"{longest * 4:.0f}")
            told += f"; SMARTCONNECT_EXPORT_DEADLINE_SECONDS is {deadline:g}: paste the setting."
            self._findings.wrong("duration", told)
        else:
            self._findings.ok("duration", told)


def _format(found: Probe) -> str:
    understood = found.format
    names = {"\t": "tab"}
    parts = [
        *understood.containers,
        understood.kind,
        understood.encoding or "",
        f"delimiter {names.get(understood.delimiter, understood.delimiter)}"
        if understood.delimiter
        else "",
    ]
    return ", ".join(part for part in parts if part)


def _place(location: str, asking: Asking) -> str:
    """Where a file is, by host and port alone: the rest may be signed."""
    base = urlsplit(str(asking.options.base))
    try:
        parts = urlsplit(location.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return "at what is no address"
    if not parts.netloc:
        return "relative to the base URL"
    named = f"{host}" + (f":{port}" if port else " (no port)")
    if host != base.hostname:
        return f"at another host, {named}"
    if port != base.port:
        return f"at the API's host, but at {named} where the API is at {base.port or 'none'}"
    ending = PurePosixPath(parts.path).suffix[:8]
    return f"at the API's host{', named ' + ending if ending else ''}"


def _utc(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02d}" if minutes % 60 else "")
