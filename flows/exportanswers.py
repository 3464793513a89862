"""What exports are like, concluded from a few: `date_to`, selection, time zone, duration."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from flows.asking import Asking
from flows.probing import HARDLY_ANY_SHARE, Probe, Seen, date_to_of, offsets_of, selection_of
from flows.windows import ddmmyyyy

SLACK_SECONDS = 120.0


def ignores_dates(asking: Asking, day: date, both: Seen, following: Seen | None) -> bool:
    """Whether exports hold much of what lies before the days asked for: nothing is concluded
    from such.
    """
    for first, seen in ((day, both), (day + timedelta(days=1), following or Seen())):
        before = sum(count for when, count in seen.dates.items() if when < first)
        if before > HARDLY_ANY_SHARE * seen.rows:
            asking.findings.wrong(
                "date_to",
                f"asked for messages from {ddmmyyyy(first)} on, {before} of {seen.rows} came "
                "that are older: the vendor reads the dates otherwise, or not at all. Ask "
                "SmartConnect how they are written.",
            )
            asking.findings.unknown("selection", "older days come than were asked for")
            return True
    return False


def tell_date_to(asking: Asking, day: date, alone: Seen, both: Seen) -> None:
    """Whether `date_to` is part of the window, by a day alone and with its next one."""
    evidence = (
        f"{ddmmyyyy(day)} alone has {alone.dates[day]} messages of that day, with the next day "
        f"{both.dates[day]}"
    )
    if not both.dates[day]:
        asking.findings.unknown("date_to", f"the one day has no message: {evidence}")
        return
    found = date_to_of(day, alone, both)
    _conclude(asking, "date_to", found, evidence, asking.settings.date_to)


def _conclude(asking: Asking, name: str, found: str, evidence: str, set_to: str) -> None:
    if found == "unknown":
        asking.findings.unknown(name, f"neither explains it: {evidence}")
        return
    asking.findings.to_set(name, found)
    if set_to in ("unknown", found):
        asking.findings.ok(name, f"{found} ({evidence})")
    else:
        asking.findings.wrong(name, f"{found}, not {set_to} ({evidence}): paste the setting.")


def tell_selection(asking: Asking, day: date, first: Seen, second: Seen | None, why: str) -> None:
    """Whether exports select threads or messages; `why` tells why there is no second one."""
    if second is None:
        asking.findings.unknown("selection", why or "the next day's export failed")
        return
    later = sum(count for when, count in first.dates.items() if when > day)
    shared = len(first.threads & second.threads)
    evidence = f"{later} messages dated after {ddmmyyyy(day)}, {shared} threads on two days"
    found = selection_of(day, first, second)
    if found is None:
        asking.findings.unknown("selection", f"no thread went on overnight: {evidence}")
        return
    _conclude(asking, "selection", found, evidence, asking.settings.selection)


def tell_zone(asking: Asking, recent: Probe | None, why: str) -> None:
    """Whether the newest messages are as new as the settings' time zone has them."""
    settings = asking.settings
    if recent is None or len(recent.seen.newest) < 3:
        said = "no message of today came" if recent else why
        asking.findings.unknown("time zone", said or "the newest messages could not be had")
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
        asking.findings.ok("time zone", f"{settings.time_zone} ({told})")
        asking.findings.to_set("time_zone", settings.time_zone)
    elif ours in fits:
        also = ", ".join(_utc(offset) for offset in fits if offset != ours)
        asking.findings.unknown("time zone", f"messages come too seldom: {also} fits too; {told}")
    elif len(fits) == 1:
        asking.findings.wrong(
            "time zone",
            f"the vendor writes {_utc(fits[0])}, not {settings.time_zone}: set "
            f"SMARTCONNECT_TIME_ZONE to a zone of that offset ({told}).",
        )
    else:
        several = ", ".join(map(_utc, fits)) or "no offset"
        asking.findings.unknown("time zone", f"{several} would fit; {told}")


def tell_duration(asking: Asking, waited_seconds: Sequence[float], why: str) -> None:
    """How long exports took, and whether the settings' deadline leaves room."""
    if not waited_seconds:
        asking.findings.unknown("duration", why or "no export was ready")
        return
    longest, deadline = max(waited_seconds), asking.settings.export_deadline_seconds
    told = f"{min(waited_seconds):.1f} to {longest:.1f} s ({len(waited_seconds)} exports)"
    if longest > deadline / 2:
        asking.findings.to_set("export_deadline_seconds", f"{longest * 4:.0f}")
        told += f"; SMARTCONNECT_EXPORT_DEADLINE_SECONDS is {deadline:g}: paste the setting."
        asking.findings.wrong("duration", told)
    else:
        asking.findings.ok("duration", told)


def _utc(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02d}" if minutes % 60 else "")
