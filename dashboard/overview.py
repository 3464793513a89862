"""The first page: numbers with their change, charts, tables, and the threads behind each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from markupsafe import Markup

from dashboard.asking import Asked, Table
from dashboard.rendering import Links
from dashboard.words import Words
from reports.charts import all_charts, figure
from reports.words import plain
from warehouse.figures import Figures, Line, Measures, Mover, Period

Mood = Literal["", "good", "bad"]
SHOWN_LINES, SHOWN_WAITING, SHOWN_MOVERS = 15, 10, 5
_LONGEST_NAME = 60
# Measures of seconds, and those of which more is better or worse; the others are only other.
SECONDS = "_seconds"
_WORSE_IF_MORE = {
    "threads_unanswered",
    "first_response_median_seconds",
    "first_response_working_median_seconds",
}


@dataclass(frozen=True)
class Tile:
    """A number, what it is called, how it changed, and where the threads behind it are."""

    name: str
    label: str
    value: str
    change: str = ""
    mood: Mood = ""
    arrow: str = ""
    more: str = ""
    href: str = ""


@dataclass(frozen=True)
class Cell:
    """A number of a table."""

    name: str
    text: str
    href: str = ""
    change: str = ""
    compared: bool = True


@dataclass(frozen=True)
class Row:
    """A line of a table."""

    key: str
    label: str
    cells: list[Cell]
    href: str = ""
    flag: str = ""


@dataclass(frozen=True)
class Lines:
    """A table: its lines, and what is said of those that aren't shown."""

    name: Table
    title: str
    columns: list[str]
    rows: list[Row] = field(default_factory=list)
    rest: str = ""


def told(words: Words, measure: str, value: float | None) -> str:
    """A measure's value as people read it."""
    return words.duration(value) if measure.endswith(SECONDS) else words.number(value)


def changed(words: Words, measure: str, now: float | None, before: float | None) -> str:
    """«+12 % (было 40)»; what it was, where there is nothing to compare."""
    if before is None or now is None:
        return words.say("page.change.unknown")
    if now == before:
        return words.say("page.change.same")
    was = words.say("page.change.was", value=told(words, measure, before))
    relative = (now - before) / before if before else None
    return was if relative is None else f"{words.change(relative)} · {was}"


def _arrow(now: float | None, before: float | None) -> str:
    if now is None or before is None or now == before:
        return ""
    return "▲" if now > before else "▼"


def _mood(measure: str, now: float | None, before: float | None) -> Mood:
    if measure not in _WORSE_IF_MORE or now is None or before is None or now == before:
        return ""
    return "bad" if now > before else "good"


def tiles_of(figures: Figures, words: Words, link: Links) -> list[Tile]:
    """The numbers that a morning begins with."""
    now, before = figures.total, figures.before

    def tile(measure: str, kind: str = "", more: str = "") -> Tile:
        value, was = getattr(now, measure), getattr(before, measure)
        return Tile(
            measure,
            words.say(f"page.measure.{measure}"),
            told(words, measure, value),
            changed(words, measure, value, was),
            _mood(measure, value, was),
            _arrow(value, was),
            more,
            link.threads(kind) if kind and value else "",
        )

    def within(measure: str) -> str:
        value = getattr(now, measure)
        return words.say("page.tile.p90", value=words.duration(value)) if value is not None else ""

    found = [
        tile("clients", more=words.count("new_client", now.clients_new)),
        tile("messages_in", "active", words.say("page.tile.out", n=words.number(now.messages_out))),
        tile("threads_opened", "opened"),
        tile("threads_answered", "answered", _share(words, now.threads_answered, now)),
        tile("threads_unanswered", "unanswered", _share(words, now.threads_unanswered, now)),
        tile("first_response_median_seconds", "slow", within("first_response_p90_seconds")),
        tile(
            "first_response_working_median_seconds",
            "slow",
            within("first_response_working_p90_seconds"),
        ),
    ]
    return found + [sla for sla in [_sla_tile(figures, words, link)] if sla]


def _share(words: Words, part: int, of: Measures) -> str:
    whole = of.threads_answered + of.threads_unanswered
    return words.say("page.tile.share", share=words.percent(part / whole)) if whole else ""


def _sla_tile(figures: Figures, words: Words, link: Links) -> Tile | None:
    """The first target that holds for every channel."""
    sla = next((sla for sla in figures.sla if sla.channel is None), None)
    if sla is None:
        return None
    change, mood = words.say("page.change.unknown"), ""
    if sla.share is not None and sla.share_before is not None:
        change = words.points(sla.share - sla.share_before)
        mood = "good" if sla.share > sla.share_before else "bad"
        mood = "" if sla.share == sla.share_before else mood
    return Tile(
        "sla",
        words.say("page.measure.sla", target=plain(sla.target, _LONGEST_NAME)),
        words.percent(sla.share),
        change,
        mood,  # type: ignore[arg-type]
        _arrow(sla.share, sla.share_before),
        words.say("page.tile.sla", met=words.number(sla.met), turns=words.number(sla.turns)),
        link.threads("slow") if sla.turns else "",
    )


def movers_of(figures: Figures, words: Words) -> list[dict[str, str]]:
    """What changed most, in words and numbers."""

    def told_of(mover: Mover) -> dict[str, str]:
        name = plain(mover.label or mover.key, _LONGEST_NAME) or words.say("page.unknown")
        measure = words.say(f"page.measure.{mover.measure}")
        return {
            "text": measure if mover.kind == "total" else f"{name}: {measure}",
            "was": told(words, mover.measure, mover.before),
            "now": told(words, mover.measure, mover.now),
            "change": words.change(mover.relative),
        }

    return [told_of(mover) for mover in figures.movers[:SHOWN_MOVERS]]


def charts_of(figures: Figures, words: Words, link: Links) -> list[dict[str, Any]]:
    """Every chart, its marks linked to the threads behind them."""

    def href(kind: str, key: str) -> str | None:
        if kind == "date":
            return link.threads("active", day=date.fromisoformat(key))
        if kind == "hour":
            weekday, _, hour = key.partition("-")
            return link.threads("active", weekday=weekday, hour=hour)
        if kind == "channel":
            return link.threads("active", channel=key)
        if kind == "operator":
            return link.threads("active", operator=key)
        return None

    return [
        {"size": picture.size, "figure": Markup(figure(picture, href))}  # noqa: S704
        for picture in all_charts(figures, words).values()
    ]


_COLUMNS = (
    "messages_in",
    "threads_opened",
    "threads_unanswered",
    "first_response_median_seconds",
    "response_median_seconds",
)
_KINDS = {
    "messages_in": "active",
    "threads_opened": "opened",
    "threads_unanswered": "unanswered",
    "first_response_median_seconds": "slow",
}


def lines_of(
    name: Table, figures: Figures, words: Words, link: Links, shown: slice = slice(SHOWN_LINES)
) -> Lines:
    """One of the tables: some of its lines, each number with its threads."""
    lines: Sequence[Line] = getattr(figures, name)
    of_people = name in ("operators", "teams")
    columns = [words.say(f"page.column.{measure}") for measure in _COLUMNS]
    head = [words.say(f"page.table.{name}_one"), *columns]
    if of_people:
        head.append(words.say("page.column.load"))
    part = {"channels": "channel", "operators": "operator", "teams": "team"}.get(name, "category")
    rows = [_row(line, part, words, link, of_people=of_people) for line in lines[shown]]
    hidden = len(lines) - SHOWN_LINES
    rest = words.say("page.table.all", n=words.number(len(lines))) if hidden > 0 else ""
    return Lines(name, words.say(f"page.table.{name}"), head, rows, rest)


def _row(line: Line, part: str, words: Words, link: Links, *, of_people: bool) -> Row:
    label = plain(line.label or line.key, _LONGEST_NAME) or words.say(f"page.unknown_{part}")

    def cell(measure: str) -> Cell:
        now = getattr(line.now, measure)
        before = getattr(line.before, measure) if line.before else None
        relative = (now - before) / before if now is not None and before else None
        kind = _KINDS.get(measure)
        href = link.threads(kind, **{part: line.key}) if kind and now else ""
        change = words.change(relative) if relative else ""
        return Cell(measure, told(words, measure, now), href, change)

    cells = [cell(measure) for measure in _COLUMNS]
    if of_people:
        cells.append(Cell("load", words.number(line.threads_per_busy_hour, 1), compared=False))
    href = link.threads("active", **{part: line.key})
    flag = words.say("page.overloaded") if line.overloaded else ""
    return Row(line.key, label, cells, href, flag)


def waiting_of(figures: Figures, words: Words, link: Links) -> list[dict[str, str]]:
    """Who waits longest for an answer."""
    rows = figures.waiting.slice(0, SHOWN_WAITING).to_pylist()
    return [
        {
            "asked_at": words.moment(row["asked_at"]),
            "waits": words.duration(row["waiting_seconds"]),
            "waits_working": words.duration(row["waiting_working_seconds"]),
            "channel": words.channel(row["channel"] or ""),
            "category": plain(row["category"] or "", _LONGEST_NAME),
            "chat": plain(row["chat_id"], _LONGEST_NAME),
            "href": link.thread(row["chat_id"]),
        }
        for row in rows
    ]


def steps_of(period: Period, today: date) -> list[tuple[str, str, Period]]:
    """The periods before and after; none in the future."""
    found = [("before", "‹", period.previous())]
    after = _after(period)
    return [*found, ("after", "›", after)] if after.first < today else found


def _after(period: Period) -> Period:
    if period.grain == "month":
        return Period.month(period.last + timedelta(days=1))
    length = timedelta(days=period.days)
    return Period(period.first + length, period.last + length, period.grain)


def notices_of(
    figures: Figures, words: Words, link: Links, asked: Asked, last_day: date | None
) -> list[dict[str, str]]:
    """What makes these figures less than sure, in a line each, with where more is told."""
    found: list[dict[str, str]] = []
    say: Callable[..., str] = words.say
    if last_day and figures.period.first > last_day:
        go = say("page.notice.last_days")
        href = link("/", preset=None, first=None, last=None)
        text = say("page.notice.no_data_yet", day=words.date(last_day))
        return [{"text": text, "href": href, "go": go}]
    missing = figures.missing_days
    if missing:
        days = words.listed([words.day_and_month(day) for day in missing], 5)
        found.append({"text": say("page.notice.missing", days=days)})
    others = [d for d in figures.doubts if d.kind != "missing"]
    if others:
        found.append({"text": words.count("doubt", len(others))})
    if asked.channel is not None or asked.operator:
        found.append(
            {
                "text": say("page.notice.filtered"),
                "href": link("/", channel=None, operator=None),
                "go": say("page.notice.everything"),
            }
        )
    more = {"href": link("/quality"), "go": say("page.notice.quality")}
    return [notice if "href" in notice else {**notice, **more} for notice in found]
