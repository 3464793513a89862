"""What an address asks for: days, a part of them, a language; and the addresses of links.

Everything that is chosen is in the address, so that it can be kept, sent to a colleague and used
without JavaScript. What can't be understood is what wasn't asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, TypeVar, get_args
from urllib.parse import urlencode

from reports.words import LANGUAGES, Language
from warehouse.answers import Narrowing, ThreadKind
from warehouse.figures import Filters, Period

Preset = Literal["yesterday", "7", "30", "month"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
Theme = Literal["light", "dark"]
Table = Literal["channels", "operators", "teams", "categories"]
TABLES: tuple[Table, ...] = get_args(Table)
KINDS: tuple[ThreadKind, ...] = get_args(ThreadKind)
PAGE_ROWS = 50
LONGEST_DAYS = 3660
LONGEST_TEXT = 500
_NARROWINGS = ("operator", "category", "team", "day", "weekday", "hour")

_Name = TypeVar("_Name", bound=str)


@dataclass(frozen=True)
class Asked:
    """One address, understood.

    `part` narrows the threads behind a number further than the filters do; `first` and `last` are
    None where a preset, or nothing, was asked for.
    """

    preset: Preset | None = None
    first: date | None = None
    last: date | None = None
    channel: str | None = None
    operator: str | None = None
    language: Language | None = None
    theme: Theme | None = None
    kind: ThreadKind = "active"
    part: tuple[tuple[str, str], ...] = ()
    of: Table = "operators"
    page: int = 1
    chat: str = ""

    @property
    def filters(self) -> Filters:
        """The part of the company that is looked at."""
        return Filters(self.channel, self.operator)

    @property
    def narrowing(self) -> Narrowing:
        """What of a picture was pointed at."""
        part = dict(self.part)
        return Narrowing(
            operator_id=part.get("operator"),
            category=part.get("category"),
            team=part.get("team"),
            day=_day(part.get("day")),
            weekday=_whole(part.get("weekday"), 1, 7),
            hour=_whole(part.get("hour"), 0, 23),
        )


def understood(query: Mapping[str, str]) -> Asked:
    """What the query of an address asks for."""
    first, last = _day(query.get("from")), _day(query.get("to"))
    first, last = first or last, last or first
    if first and last:
        first, last = min(first, last), max(first, last)
        first = max(first, last - timedelta(days=LONGEST_DAYS - 1))
    told = ((name, query.get(f"part_{name}")) for name in _NARROWINGS)
    return Asked(
        preset=_one_of(query.get("period"), PRESETS),
        first=first,
        last=last,
        channel=_channel(query.get("channel")),
        operator=_text(query.get("operator", "")) or None,
        language=_one_of(query.get("lang"), LANGUAGES),
        theme=_one_of(query.get("theme"), get_args(Theme)),
        kind=_one_of(query.get("kind"), KINDS) or "active",
        part=tuple((name, _text(value)) for name, value in told if value is not None),
        of=_one_of(query.get("of"), TABLES) or "operators",
        page=_whole(query.get("page"), 1, 10**6) or 1,
        chat=_text(query.get("chat", "")),
    )


def preferred(accepted: str) -> Language | None:
    """The first of a browser's languages (Accept-Language) that we speak; None if none is."""
    ranked = []
    for position, entry in enumerate(accepted.split(",")[:20]):
        name, _, weight = entry.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), position, name.strip().lower()[:2]))
        except ValueError:
            continue
    known = [_one_of(name, LANGUAGES) for _, _, name in sorted(ranked)]
    return next((language for language in known if language), None)


def settled(asked: Asked, today: date, last_day: date | None) -> tuple[Asked, Period]:
    """The days that an address means on `today` (the company's), with data up to `last_day`.

    Where nothing is asked: the seven days up to yesterday, or up to the data's last day. Dates that
    are a preset's own (the form sends both) are that preset.
    """
    named = _named(asked.first, asked.last) if asked.first and asked.last else None
    if asked.preset:
        meant = _days_of(asked.preset, today)
        if named is None or (named.first, named.last) == (meant.first, meant.last):
            return replace(asked, first=None, last=None), meant
    if named:
        return replace(asked, preset=None), named
    week = _days_of("7", today)
    if last_day is None or last_day >= week.last:
        return replace(asked, preset="7"), week
    return asked, Period(last_day - timedelta(days=6), last_day)


def _days_of(preset: Preset, today: date) -> Period:
    yesterday = today - timedelta(days=1)
    if preset == "yesterday":
        return Period.day(yesterday)
    if preset == "month":
        # Its days so far against as many days before them, not against a whole month.
        first = today.replace(day=1)
        return Period(first, max(first, yesterday))
    return Period(yesterday - timedelta(days=int(preset) - 1), yesterday)


def _named(first: date, last: date) -> Period:
    for whole in (Period.day(first), Period.week(first), Period.month(first)):
        if (whole.first, whole.last) == (first, last):
            return whole
    return Period(first, last)


def address(path: str, asked: Asked, **changes: object) -> str:
    """The address of `path` for what was asked, with these fields of it changed."""
    new = replace(asked, **changes)  # type: ignore[arg-type]
    query: dict[str, object] = {}
    if new.first and new.last:
        query |= {"from": new.first.isoformat(), "to": new.last.isoformat()}
    elif new.preset:
        query["period"] = new.preset
    if new.channel is not None:
        query["channel"] = channel_value(new.channel)
    named = {"operator": new.operator, "lang": new.language, "theme": new.theme}
    query |= {name: value for name, value in named.items() if value}
    if path == "/table":
        query["of"] = new.of
    if path in ("/threads", "/thread"):  # a thread's page leads back to the list it was found in
        query["kind"] = new.kind
        query |= {f"part_{name}": value for name, value in new.part}
    if path in ("/threads", "/thread", "/table") and new.page > 1:
        query["page"] = new.page
    if path == "/thread":
        query["chat"] = new.chat
    return f"{path}?{urlencode(query, errors='replace')}" if query else path


def channel_value(key: str) -> str:
    """A channel in an address, where an empty one is all of them: the unknown one is `-`."""
    return f"-{key}" if not key or key.startswith("-") else key


def _channel(given: str | None) -> str | None:
    return _text(given.removeprefix("-")) if given else None


def _day(given: str | None) -> date | None:
    try:
        found = date.fromisoformat(given or "")
    except ValueError:
        return None
    return found if 2000 <= found.year < 2200 else None


def _whole(given: str | None, least: int, most: int) -> int | None:
    if given is None or not (given.isascii() and given.isdigit() and len(given) < 9):
        return None
    return int(given) if least <= int(given) <= most else None


def _text(given: str) -> str:
    return given.replace("\x00", "")[:LONGEST_TEXT]


def _one_of(given: str | None, known: tuple[_Name, ...]) -> _Name | None:
    return next((name for name in known if name == given), None)
