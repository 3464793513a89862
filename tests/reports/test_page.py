"""The page: whole, inert, told in both languages, and honest about what isn't there."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise

import madefigures as made
import pytest

from reports import tables
from reports.findings import findings
from reports.page import html_page
from reports.rendering import stylesheet
from reports.story import headlines
from reports.words import LANGUAGES, Language, words_of
from warehouse.figures import Doubt, Figures, Mover, Period

_VOID = {"meta", "br", "link", "img", "hr", "input"}
_SHAPES: tuple[tuple[str, Language], ...] = (
    ("week", "ru"),
    ("week", "en"),
    ("one_day", "en"),
    ("missing_day", "ru"),
    ("nothing", "ru"),
    ("one_operator", "en"),
    ("hostile", "en"),
)


class Parsed(HTMLParser):
    """A page's elements; tags that don't match raise."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(data for tag, data in self.texts if tag not in {"style", "title", "desc"})


_made: dict[tuple[str, Language], str] = {}


def page_of(shape: str, language: Language = "ru") -> str:
    """The page of hand-made figures, made once."""
    if (shape, language) not in _made:
        figures: Figures = getattr(made, shape)()
        _made[shape, language] = html_page(figures, language, "ООО «Ромашка»")
    return _made[shape, language]


@pytest.mark.parametrize(("shape", "language"), _SHAPES)
def test_the_page_is_well_formed_and_fetches_and_runs_nothing(
    shape: str, language: Language
) -> None:
    page = page_of(shape, language)
    parsed = Parsed(page)
    assert page.startswith("<!DOCTYPE html>")
    names = {tag for tag, _ in parsed.elements}
    assert not names & {"script", "iframe", "object", "embed", "form", "link", "base", "img"}
    for tag, attrs in parsed.elements:
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
        assert {"src", "srcset", "xlink:href", "action"}.isdisjoint(attrs), (tag, attrs)
        assert (attrs.get("href") or "#").startswith("#")
    assert "url(http" not in page
    assert "@import" not in page
    policy = [m["content"] for m in parsed.all("meta") if "http-equiv" in m]
    assert policy[0]
    assert policy[0].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert parsed.all("html")[0]["lang"] == language


@pytest.mark.parametrize(("shape", "language"), _SHAPES)
def test_ids_are_unique_and_headings_in_order(shape: str, language: Language) -> None:
    parsed = Parsed(page_of(shape, language))
    ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - before <= 1 for before, later in pairwise(levels))
    assert {a["href"] for a in parsed.all("a") if a.get("class") == "skip"} == {"#content"}
    referred = {
        name
        for _, attrs in parsed.elements
        for name in (attrs.get("aria-labelledby") or "").split()
    }
    assert referred <= set(ids)


def test_tables_have_captions_and_scopes() -> None:
    parsed = Parsed(page_of("week"))
    assert len(parsed.all("caption")) == len(parsed.all("table")) >= 9
    scopes = {attrs.get("scope") for attrs in parsed.all("th")}
    assert scopes == {"col", "row"}
    assert all(r.get("aria-label") and r.get("tabindex") == "0" for r in parsed.all("div")
               if r.get("class") == "scroll")  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_the_numbers_of_the_figures(language: Language) -> None:
    figures, words = made.week(), words_of(language)
    text = Parsed(page_of("week", language)).text
    for shown in headlines(figures, words):
        assert f"{shown.title} {shown.value}" in text, shown
    for line in figures.operators:
        assert f"{line.label} {words.number(line.now.messages_out)}" in text
    for line in figures.channels:
        assert f"{words.channel(line.key)} {words.number(line.now.messages_in)}" in text
    for target in figures.sla:
        assert words.say("sla.of", met=words.number(target.met), turns=words.number(target.turns))
        assert f"{target.target} {words.percent(target.share)}" in text
    for chat in figures.waiting["chat_id"].to_pylist():
        assert chat in text
    for finding in findings(figures, words):
        assert finding.may in text
    for term, meaning in words.definitions():
        assert term in text
        assert meaning in text


def test_the_week_in_words() -> None:
    text = Parsed(page_of("week")).text.replace("\u00a0", " ")
    for sentence in (
        "846 клиентов написали 2 351 сообщение, компания — 2 057.",
        "Открыто 940 новых диалогов, без ответа остался 61.",
        "По сравнению с предыдущей неделей: сообщения клиентов +8 %; диалоги без ответа +61 %;",
        "Сообщений клиентов больше (+8 %), а отвечают медленнее: медиана первого ответа "
        "4 мин 28 с, было 3 мин 32 с.",
        "Возможно, операторов на такой поток не хватает.",
        "молчит: ни одного сообщения клиентов, было 118.",
        "Выпуск данных № 417 от 23 ноября 2026 г., 03:23.",
        "Чаты загружены по 22 ноября 2026 г.; проверено 23 ноября 2026 г., 03:21.",
        "не прочитаны 3 записи",
        "ожидалось 412, найдено 409",
    ):
        assert sentence in text, sentence


def test_one_day_is_compared_twice() -> None:
    text = Parsed(page_of("one_day", "en")).text
    assert "Report of a day Tuesday, 24 November 2026" in text
    assert "Compared with the day before: clients' messages +7%" in text
    assert "Compared with the same weekday a week before: clients' messages +14%" in text
    assert "the day before: 402" in text
    assert "a week before: 377" in text


def test_a_missing_day_is_said_first_and_nothing_is_made_up_for_it() -> None:
    page = page_of("missing_day")
    parsed = Parsed(page)
    text = parsed.text
    assert text.index("Не загружен 1 день: 19 ноября.") < text.index("Главное")
    assert "чт, 19 нояб. нет данных" in text
    assert "По сравнению с предыдущей неделей" not in text
    assert "Что изменилось сильнее всего" not in text
    days = tables.days(made.missing_day(), words_of("ru"))
    assert days.missing == {3}
    assert days.rows[3][1:] == [None] * 10


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages whose words alone are looked at are made without drawing."""
    monkeypatch.setattr("reports.page.all_charts", lambda *_: {})


@pytest.mark.usefixtures("without_charts")
def test_days_missing_before_are_no_ground_for_a_comparison() -> None:
    figures = replace(made.week(), missing_before=(date(2026, 11, 12),))
    text = Parsed(html_page(figures, "ru")).text
    assert "По сравнению с предыдущей неделей" not in text
    assert "неделей раньше:" not in text
    assert "молчит" not in text
    assert "реже" not in text
    assert {row[3] for row in tables.channels(figures, words_of("ru")).rows} == {None}


def test_a_period_without_data_says_so() -> None:
    text = Parsed(page_of("nothing")).text
    assert "Данные за этот период не загружены, поэтому показателей нет." in text
    assert "Показатели Сообщения" not in text
    empty = Parsed(html_page(made.nothing(loaded=True), "en")).text
    assert "the data is loaded and holds none" in empty
    assert "not loaded" not in empty


def test_names_are_inert_and_isolated() -> None:
    page = page_of("hostile", "en")
    assert "<script" not in page
    assert "<img" not in page
    assert "<bdi>&lt;script&gt;window.hacked=1&lt;/script&gt;</bdi>" in page
    assert "{{ 7*7 }}" in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert "\u2068" not in page
    bare = re.sub(r"<bdi>.*?</bdi>|<title>.*?</title>|<desc.*?</desc>", "", page, flags=re.DOTALL)
    bare = re.sub(r'aria-label="[^"]*"|<text.*?</text>', "", bare, flags=re.DOTALL)
    assert "שלום" not in bare
    assert len(page) < 2_500_000


@pytest.mark.usefixtures("without_charts")
def test_ten_thousand_operators_are_fifty_rows_and_the_others() -> None:
    figures = made.many_operators()
    text = Parsed(html_page(figures, "en")).text
    rest = sorted((o.now.messages_out for o in figures.operators), reverse=True)[50:]
    words = words_of("en")
    assert f"Others (9,950) {words.number(sum(rest))} —" in text
    assert "50 of 10,000 shown; all of them are in the XLSX." in text


@pytest.mark.usefixtures("without_charts")
def test_identifiers_where_names_are_not_published() -> None:
    figures = replace(made.week(), names_published=False)
    assert "Names are not published in this data" in Parsed(html_page(figures, "en")).text


@pytest.mark.usefixtures("without_charts")
def test_many_doubts_are_shortened() -> None:
    doubts = [Doubt("quarantined", "chats", date(2026, 11, 16), count=n) for n in range(1, 200)]
    text = Parsed(html_page(replace(made.week(), doubts=doubts), "en")).text
    assert "Others (149)" in text


@pytest.mark.usefixtures("without_charts")
@pytest.mark.parametrize(
    ("measure", "before", "now", "tone"),
    [
        ("threads_unanswered", 10, 30, "worse"),
        ("response_median_seconds", 300, 100, "better"),
        ("messages_in", 10, 30, ""),
    ],
)
def test_movers_are_judged_only_where_more_is_worse(
    measure: str, before: float, now: float, tone: str
) -> None:
    movers = [Mover("team", "t", "Team A", measure, before, now)]
    page = html_page(replace(made.week(), movers=movers), "en")
    line = re.search(r"<li>Team <bdi>Team A</bdi>.*?</li>", page)
    assert line
    assert re.findall(r'<b class="\w+">(\w+)</b>', line[0]) == ([tone] if tone else [])


@pytest.mark.usefixtures("without_charts")
def test_every_grain_has_its_title() -> None:
    for period, title in (
        (Period.month(date(2026, 11, 1)), "Отчёт за месяц"),
        (Period(date(2026, 11, 2), date(2026, 11, 12)), "Отчёт за период"),
    ):
        counts, medians = [5] * period.days, [60.0] * period.days
        figures = replace(
            made.week(), period=period, by_date=made.by_date(period, counts, list(medians))
        )
        assert title in Parsed(html_page(figures, "ru")).text


def test_the_style_has_both_themes_and_paper() -> None:
    style = stylesheet()
    assert "@media (prefers-color-scheme:dark)" in style
    assert "@page{size:A4" in style
    assert style.count("{") == style.count("}")
    used = set(re.findall(r"var\(--([a-z0-9-]+)", style))
    assert used <= set(re.findall(r"--([a-z0-9-]+):", style))
