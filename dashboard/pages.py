"""What each address shows: asked of one release, put into its template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from dashboard import overview, quality, threads
from dashboard.asking import LONGEST_TEXT, PAGE_ROWS, PRESETS, TABLES, Asked, settled
from dashboard.rendering import Links, rendered
from dashboard.shown import Look, NoSuchPage
from dashboard.words import Words, words_of
from reports.findings import findings
from reports.story import movers
from reports.words import Language
from warehouse import answers
from warehouse.answers import Choices
from warehouse.figures import Figures, Period
from warehouse.martfiles import MARTS, mart
from warehouse.marts import Reader

LINES_A_PAGE = 100
OFFERED_OPERATORS = 300
SHOWN_FINDINGS, SHOWN_MOVERS = 5, 6
EXPLAINED = {
    "measure": (
        "clients",
        "clients_new",
        "clients_returning",
        "messages_in",
        "threads_opened",
        "threads_answered",
        "threads_unanswered",
        "turns",
        "first_response_median_seconds",
        "response_median_seconds",
        "response_working_median_seconds",
    ),
    "column": ("threads_per_busy_hour",),
}


@dataclass(frozen=True)
class Made:
    """What pages of one release are made from: the address understood, its days, the words."""

    look: Look
    asked: Asked
    language: Language
    facts: Facts
    period: Period
    today: datetime

    @property
    def words(self) -> Words:
        """The page's language."""
        return words_of(self.language)

    @property
    def link(self) -> Links:
        """Addresses of further pages."""
        return Links(self.asked)

    def figures(self) -> Figures:
        """The figures of what was asked."""
        period, filters = self.period, self.asked.filters
        return self.look.ask(
            ("figures", period, filters),
            lambda reader: answers.read_figures(reader, period, filters),
        )

    def render(self, template: str, place: str, here: str, **context: Any) -> str:
        """The page."""
        return rendered(
            template,
            self.asked,
            self.language,
            release=self.look.of,
            released_at=self.facts.released_at,
            time_zone=self.facts.time_zone,
            place=place,
            here=here,
            **context,
        )


@dataclass(frozen=True)
class Facts:
    """What a release is, and what can be chosen of it."""

    choices: Choices
    released_at: datetime | None
    time_zone: str


def _facts(reader: Reader) -> Facts:
    return Facts(answers.choices(reader), reader.released_at, reader.time_zone)


def make(look: Look, asked: Asked, language: Language) -> Made:
    """Settle what an address means for this release, today."""
    facts = look.ask("facts", _facts)
    today = datetime.now(ZoneInfo(facts.time_zone))
    meant, period = settled(asked, today.date(), facts.choices.last_day)
    return Made(look, meant, language, facts, period, today)


def _filters(made: Made, figures: Figures | None = None) -> dict[str, Any]:
    """What the form offers; of very many operators, those that have most to do in the period."""
    choices = made.facts.choices
    operators = choices.operators
    if len(operators) > OFFERED_OPERATORS:
        busiest = figures.operators[:OFFERED_OPERATORS] if figures else []
        keys = {line.key for line in busiest} | {made.asked.operator}
        operators = [(key, label) for key, label in operators if key in keys]
    operators = [(key, label) for key, label in operators if len(key) <= LONGEST_TEXT]
    channels = [key for key in choices.channels if len(key) <= LONGEST_TEXT]
    offered = Choices(choices.first_day, choices.last_day, channels, operators)
    return {"presets": PRESETS, "offered": offered}


def overview_page(made: Made) -> str:
    """Numbers, charts and tables of a period."""
    figures, words, link = made.figures(), made.words, made.link
    key = ("charts", made.period, made.asked, made.language)
    charts = made.look.keep(key, lambda: overview.charts_of(figures, words, link))
    tables = [overview.lines_of(name, figures, words, link) for name in TABLES]
    before = words.period(made.period.previous())
    return made.render(
        "overview.html",
        "overview",
        "/",
        figures=figures,
        subtitle=words.say("page.overview.compared", before=before),
        steps=overview.steps_of(made.period, made.today.date()),
        notices=overview.notices_of(figures, words, link, made.asked, made.facts.choices.last_day),
        tiles=overview.tiles_of(figures, words, link),
        findings=findings(figures, words)[:SHOWN_FINDINGS],
        movers=movers(figures, words)[:SHOWN_MOVERS],
        charts=charts,
        waiting={"rows": overview.waiting_of(figures, words, link)},
        tables=[table for table in tables if table.rows],
        **_filters(made, figures),
    )


def table_page(made: Made) -> str:
    """All lines of one of the tables."""
    figures, asked = made.figures(), made.asked
    last = _last_page(len(getattr(figures, asked.of)), LINES_A_PAGE)
    page = min(asked.page, last)
    shown = slice((page - 1) * LINES_A_PAGE, page * LINES_A_PAGE)
    table = overview.lines_of(asked.of, figures, made.words, made.link, shown)
    return made.render(
        "table.html", "overview", "/table", table=table, period=made.period, page=page, last=last
    )


def threads_page(made: Made) -> str:
    """The threads behind a number."""
    asked, period = made.asked, made.period

    def read(reader: Reader) -> tuple[Any, int]:
        return answers.threads_behind(
            reader,
            period,
            asked.filters,
            kind=asked.kind,
            narrowing=asked.narrowing,
            limit=PAGE_ROWS,
            offset=(asked.page - 1) * PAGE_ROWS,
        )

    key = ("threads", period, asked.filters, asked.kind, asked.part, asked.page)
    found, total = made.look.ask(key, read)
    labels = dict(made.facts.choices.operators)
    return made.render(
        "threads.html",
        "threads",
        "/threads",
        title=threads.list_title(asked, made.words),
        subtitle=threads.list_subtitle(asked, period, labels, made.words),
        kinds=("active", "opened", "answered", "unanswered", "waiting", "slow"),
        rows=threads.thread_rows(found, made.words, made.link),
        total=total,
        last=_last_page(total, PAGE_ROWS),
    )


def thread_page(made: Made) -> str:
    """A thread's messages.

    Raises:
        NoSuchPage: the release has no such thread.
    """
    chat = made.asked.chat
    found = made.look.ask(("thread", chat), lambda reader: answers.messages_of(reader, chat))
    if not chat or not found.num_rows:
        raise NoSuchPage
    texts = found.column("text") if "text" in found.column_names else None
    has_text = texts is not None and texts.null_count < found.num_rows
    return made.render(
        "thread.html",
        "threads",
        "/thread",
        subtitle=made.words.count("message", found.num_rows),
        has_text=has_text,
        days=threads.message_days(found, made.words),
    )


def quality_page(made: Made) -> str:
    """What makes the figures less than sure, and when each source was fresh."""
    figures = made.figures()
    return made.render(
        "quality.html",
        "quality",
        "/quality",
        figures=figures,
        fresh=quality.fresh_of(figures, made.words),
        doubts=quality.doubts_of(figures, made.words),
        **_filters(made, figures),
    )


def definitions_page(made: Made) -> str:
    """What every number means: in the reader's language, then the COMMENTs of the marts."""
    words = made.words
    meanings = [
        (words.say(f"{where}.{name}"), words.say(f"page.means.{name}"))
        for where, names in EXPLAINED.items()
        for name in names
    ]
    marts = [mart(name) for name in MARTS]
    return made.render(
        "definitions.html", "definitions", "/definitions", meanings=meanings, marts=marts
    )


def _last_page(total: int, rows: int) -> int:
    return max(1, -(-total // rows))


PAGES: dict[str, Callable[[Made], str]] = {
    "/": overview_page,
    "/table": table_page,
    "/threads": threads_page,
    "/thread": thread_page,
    "/quality": quality_page,
    "/definitions": definitions_page,
}
