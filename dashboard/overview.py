"""The first page: numbers with their change, charts, tables, and the threads behind each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from dashboard.asking import Asked, Table
from dashboard.rendering import Links
from dashboard.threads import day_and_time
from dashboard.words import Words
from reports.charts import all_charts, figure
from reports.comparing import relative, told
from reports.story import Headline, headlines
from reports.words import plain
from warehouse.figures import Figures, Line, Period

SHOWN_LINES, SHOWN_WAITING = 15, 10
_LONGEST_NAME = 60
# The threads behind each of the large numbers.
_BEHIND = {
    "messages_in": "active",
    "threads_opened": "opened",
    "threads_unanswered": "unanswered",
    "first_response_median_seconds": "slow",
    "response_median_seconds": "slow",
    "response_working_median_seconds": "slow",
    "sla": "slow",
}


_RESPONSES = ("first_response_median_seconds", "response_median_seconds")
_OF_THREADS = ("messages_in", "threads_opened", "threads_unanswered", *_RESPONSES)


@dataclass(frozen=True)
class Tile:
    """A large number, and where the threads behind it and behind its hint are."""

    headline: Headline
    href: str = ""
    hint_href: str = ""


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


def tiles_of(figures: Figures, words: Words, link: Links) -> list[Tile]:
    """The numbers that a morning begins with, as the report has them."""

    def tile(headline: Headline) -> Tile:
        kind = _BEHIND.get(headline.name)
        answered = headline.name == "threads_opened" and figures.total.threads_answered
        return Tile(
            headline,
            link.threads(kind) if kind and headline.number else "",
            link.threads("answered") if answered else "",
        )

    return [tile(headline) for headline in headlines(figures, words)]


def charts_of(figures: Figures, words: Words, link: Links) -> list[dict[str, Any]]:
    """Every chart, its marks linked to the threads behind them."""

    def href(kind: str, key: str) -> str | None:
        if kind == "date":
            return link.threads("active", day=date.fromisoformat(key))
        if kind == "hour":
            weekday, _, hour = key.partition("-")
            return link.threads("active", weekday=weekday, hour=hour)
        if kind == "channel":
            return link.threads("active", channel=key) or None
        if kind == "operator":
            return link.threads("active", operator=key) or None
        return None

    return [
        {"size": picture.size, "figure": Markup(figure(picture, href))}  # noqa: S704
        for picture in all_charts(figures, words).values()
    ]


# The columns of each table, and the threads behind a number of them.
_COLUMNS: dict[Table, tuple[str, ...]] = {
    "channels": _OF_THREADS,
    "categories": _OF_THREADS,
    "operators": ("messages_out", "threads", *_RESPONSES, "threads_per_busy_hour"),
    "teams": ("messages_out", *_RESPONSES),
}
_KINDS = {
    "messages_in": "active",
    "messages_out": "active",
    "threads": "active",
    "threads_opened": "opened",
    "threads_unanswered": "unanswered",
    "first_response_median_seconds": "slow",
}
_PARTS = {"channels": "channel", "operators": "operator", "teams": "team"}


def lines_of(
    name: Table, figures: Figures, words: Words, link: Links, shown: slice = slice(SHOWN_LINES)
) -> Lines:
    """One of the tables: some of its lines, each number with its threads."""
    lines: Sequence[Line] = getattr(figures, name)
    head = ["team" if name == "teams" else name, *_COLUMNS[name]]
    rows = [_row(line, name, words, link) for line in lines[shown]]
    hidden = len(lines) - SHOWN_LINES
    rest = words.say("page.table.all", n=words.number(len(lines))) if hidden > 0 else ""
    columns = [words.say(f"column.{column}") for column in head]
    return Lines(name, words.say(f"table.{name}"), columns, rows, rest)


def _row(line: Line, name: Table, words: Words, link: Links) -> Row:
    part = _PARTS.get(name, "category")
    label = plain(line.label or line.key, _LONGEST_NAME) or words.say(f"unknown.{part}")
    href = link.threads("active", **{part: line.key})
    flag = words.say("operator.overloaded") if line.overloaded else ""
    cells = [_cell(line, column, part, words, link) for column in _COLUMNS[name]]
    return Row(line.key, label, cells, href, flag)


def _cell(line: Line, column: str, part: str, words: Words, link: Links) -> Cell:
    kind = _KINDS.get(column)
    if column in ("threads", "threads_per_busy_hour"):  # of the line itself, and of now alone
        now, share = getattr(line, column), None
        text = words.number(now, 0 if column == "threads" else 1)
    else:
        now = getattr(line.now, column)
        share = relative(now, getattr(line.before, column) if line.before else None)
        text = told(column, now, words)
    href = link.threads(kind, **{part: line.key}) if kind and now else ""
    compared = column not in ("threads", "threads_per_busy_hour")
    return Cell(column, text, href, words.change(share) if share else "", compared)


def waiting_of(figures: Figures, words: Words, link: Links) -> list[dict[str, str]]:
    """Who waits longest for an answer."""
    rows = figures.waiting.slice(0, SHOWN_WAITING).to_pylist()
    return [
        {
            "asked_at": day_and_time(row["asked_at"], words),
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
