"""A report as one HTML file: opens anywhere, fetches nothing, runs nothing."""

from __future__ import annotations

from markupsafe import Markup

from reports import tables
from reports.charts import all_charts, figure
from reports.comparing import isolated, state_of
from reports.findings import findings
from reports.rendering import environment, stylesheet
from reports.story import headlines, missing_told, movers, summary
from reports.tablemodel import Table
from reports.words import Language, Words, plain, words_of
from warehouse.figures import Figures

MOST_ROWS = 50


def html_page(figures: Figures, language: Language, company: str = "") -> str:
    """The page of these figures; `company` stands above the title."""
    words = words_of(language)
    template = environment(language).get_template("report.html")
    return template.render(
        words=words,
        style=Markup(stylesheet()),  # noqa: S704  (a file of ours)
        company=plain(company, 120),
        title=title(figures, words),
        period=words.titled(figures.period),
        release=release_told(figures, words),
        fresh_until=fresh_told(figures, words),
        zone=figures.time_zone,
        filters=filters_told(figures, words),
        state=state_of(figures),
        missing=missing_told(figures, words),
        summary=summary(figures, words),
        headlines=headlines(figures, words),
        findings=findings(figures, words),
        movers=movers(figures, words),
        charts=[figure(picture) for picture in all_charts(figures, words).values()],
        tables=[table.for_page(MOST_ROWS, words) for table in shown_tables(figures, words)],
        quality=tables.quality(figures, words).shortened(MOST_ROWS, words),
        fresh=tables.fresh(figures, words),
    )


def title(figures: Figures, words: Words) -> str:
    """«Отчёт за неделю»."""
    grain = "day" if figures.period.days == 1 else figures.period.grain
    return words.say(f"report.title_{grain}")


def release_told(figures: Figures, words: Words) -> str:
    """Which release the figures are of, and of when."""
    if figures.release is None:
        return words.say("report.no_release")
    at = words.moment(figures.released_at, figures.time_zone)
    return words.say("report.release", n=figures.release, at=at)


def fresh_told(figures: Figures, words: Words) -> str:
    """Up to which day there are chats, and when that was known."""
    chats = next((f for f in figures.fresh if f.source == "chats" and f.last_day), None)
    if chats is None or chats.last_day is None:
        return words.say("report.not_fresh")
    at = words.moment(chats.seen_at, figures.time_zone)
    return words.say("report.fresh", day=words.date(chats.last_day), at=at)


def filters_told(figures: Figures, words: Words) -> list[str]:
    """What the figures are narrowed to, if to anything."""
    found = []
    if figures.filters.channel is not None:
        name = isolated(words.channel(figures.filters.channel))
        found.append(words.say("report.only_channel", name=name))
    operator = figures.filters.operator_id
    if operator is not None:
        names = {line.key: line.label for line in figures.operators}
        name = isolated(names.get(operator) or operator or words.say("unknown.operator"))
        found.append(words.say("report.only_operator", name=name))
    return found


def shown_tables(figures: Figures, words: Words) -> list[Table]:
    """The tables of a page; days only where there is more than one, teams where there are any."""
    makers = [tables.sla, tables.channels, tables.operators, tables.teams, tables.categories]
    found = [make(figures, words) for make in makers]
    found.append(tables.waiting(figures, words))
    if figures.period.days > 1:
        found.append(tables.days(figures, words))
    return [t for t in found if t.rows or t.name in {"channels", "operators", "waiting"}]
