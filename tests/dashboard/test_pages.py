"""The dashboard in a real Chromium, over data that the pipeline made: the numbers of the marts, the
threads behind them, on a phone and a desk, dark and light, in both languages.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import madefigures
import pytest
from browsing import DESK, PHONE, OpenPage, fits
from playwright.sync_api import Page
from serving import served

from dashboard.words import words_of
from reports.story import told
from reports.words import Language
from transform.datasets import DATASETS
from warehouse import answers
from warehouse.database import open_writer
from warehouse.figures import Figures, Filters, Period
from warehouse.layout import DataDirectory
from warehouse.marts import parquet_reader
from warehouse.releases import publish

LANGUAGES: tuple[Language, ...] = ("ru", "en")
TILES = (
    "clients",
    "messages_in",
    "threads_opened",
    "threads_unanswered",
    "first_response_median_seconds",
    "response_median_seconds",
    "response_working_median_seconds",
)
CHARTS = {"days", "hours", "channels", "response", "operators", "sla"}


def figures_of(data: Path, filters: Filters | None = None, days: int = 7) -> Figures:
    with parquet_reader(DataDirectory(data)) as reader:
        last = answers.choices(reader).last_day
        assert last is not None
        period = Period(last - timedelta(days=days - 1), last)
        return answers.read_figures(reader, period, filters or Filters())


def tiles(page: Page) -> dict[str, str]:
    found = page.locator("[data-measure]")
    return {
        tile.get_attribute("data-measure") or "": tile.locator(".value").inner_text()
        for tile in found.all()
    }


def expected(figures: Figures, language: Language = "ru") -> dict[str, str]:
    words, total = words_of(language), figures.total
    return {name: told(name, getattr(total, name), words) for name in TILES}


def whole_number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_overview_shows_the_numbers_of_the_marts(
    dashboard: str, data: Path, open_page: OpenPage, language: Language
) -> None:
    figures, words = figures_of(data), words_of(language)
    page = open_page(dashboard, language={"ru": "ru-RU", "en": "en-GB"}[language])
    assert page.get_attribute("html", "lang") == language
    assert page.inner_text("h1") == words.period(figures.period)
    shown = tiles(page)
    assert {name: shown[name] for name in TILES} == expected(figures, language)
    assert figures.total.messages_in > 100
    for name, lines in (("channels", figures.channels), ("operators", figures.operators)):
        rows = page.locator(f'[data-table="{name}"] tbody tr')
        assert rows.count() == min(len(lines), 15)
        for line in lines[:15]:
            row = page.locator(f'[data-table="{name}"] tr[data-key="{line.key}"]')
            measure = "messages_out" if name == "operators" else "messages_in"
            cell = row.locator(f'[data-value="{measure}"]')
            shown_number = cell.evaluate("cell => cell.firstChild.textContent")
            assert whole_number(shown_number) == getattr(line.now, measure)


def test_charts_are_there_and_tell_the_numbers(
    dashboard: str, data: Path, open_page: OpenPage
) -> None:
    figures, words = figures_of(data), words_of("ru")
    page = open_page(dashboard)
    found = page.locator("figure.chart")
    assert {found.nth(n).get_attribute("id") for n in range(found.count())} == {
        f"chart-{name}" for name in CHARTS
    }
    days = page.locator("#chart-days svg.chart-wide")
    assert days.is_visible()
    marks = days.locator("[aria-label]").evaluate_all("all => all.map(e => e.ariaLabel)")
    told_days = " ".join(marks)
    for row in figures.by_date.to_pylist():
        if row["messages_in"]:
            assert words.count("in_messages", row["messages_in"]) in told_days, marks
    assert days.get_attribute("role") in ("img", "group")
    assert len(days.locator("desc").first.text_content() or "") > 50


def test_filters_change_the_numbers(dashboard: str, data: Path, open_page: OpenPage) -> None:
    figures = figures_of(data)
    channel, operator = figures.channels[0].key, figures.operators[0].key
    page = open_page(dashboard)
    with page.expect_navigation():
        page.select_option("select[name=channel]", channel)  # the form sends itself
    filtered = figures_of(data, Filters(channel=channel))
    assert {name: tiles(page)[name] for name in TILES} == expected(filtered)
    assert filtered.total.messages_in < figures.total.messages_in
    with page.expect_navigation():
        page.select_option("select[name=operator]", operator)
    both = figures_of(data, Filters(channel, operator))
    assert {name: tiles(page)[name] for name in TILES} == expected(both)
    page.goto(f"{dashboard}?from={figures.period.last}&to={figures.period.last}")
    assert {name: tiles(page)[name] for name in TILES} == expected(figures_of(data, days=1))


def test_without_javascript_the_form_works_too(
    dashboard: str, data: Path, open_page: OpenPage
) -> None:
    channel = figures_of(data).channels[-1].key
    page = open_page(dashboard, java_script_enabled=False)
    page.select_option("select[name=channel]", channel)
    with page.expect_navigation():
        page.click(".filters button")
    assert {name: tiles(page)[name] for name in TILES} == expected(
        figures_of(data, Filters(channel=channel))
    )


PLACES_OF = {
    "threads_opened": '[data-measure="threads_opened"] .value a',
    "threads_answered": '[data-measure="threads_opened"] .more a',
    "threads_unanswered": '[data-measure="threads_unanswered"] .value a',
}


@pytest.mark.parametrize("measure", PLACES_OF)
def test_behind_a_number_are_as_many_threads(
    dashboard: str, data: Path, open_page: OpenPage, measure: str
) -> None:
    wanted = getattr(figures_of(data).total, measure)
    page = open_page(dashboard)
    page.click(PLACES_OF[measure])
    assert whole_number(page.locator(".total").inner_text()) == wanted > 0
    seen = set()
    while True:
        links = page.locator('[data-table="threads"] tbody th a')
        seen |= {
            parse_qs(urlsplit(links.nth(n).get_attribute("href") or "").query)["chat"][0]
            for n in range(links.count())
        }
        following = page.locator(".pages a[rel=next]")
        if not following.count():
            break
        following.click()
    assert len(seen) == wanted


def test_a_tables_numbers_lead_to_as_many_threads(
    dashboard: str, data: Path, open_page: OpenPage
) -> None:
    page = open_page(dashboard)
    for name, value in (
        ("channels", "threads_opened"),
        ("channels", "threads_unanswered"),
        ("categories", "threads_opened"),
        ("operators", "threads"),
    ):
        cell = page.locator(f'[data-table="{name}"] tbody tr:first-child [data-value="{value}"] a')
        wanted = whole_number(cell.inner_text())
        href = cell.get_attribute("href") or ""
        other = open_page(dashboard + href.lstrip("/"))
        assert whole_number(other.locator(".total").inner_text()) == wanted, name


def test_a_threads_messages_are_shown_in_their_order(
    dashboard: str, data: Path, open_page: OpenPage
) -> None:
    page = open_page(f"{dashboard}threads?kind=opened")
    href = page.locator('[data-table="threads"] tbody th a').first.get_attribute("href") or ""
    chat = parse_qs(urlsplit(href).query)["chat"][0]
    page.click('[data-table="threads"] tbody tr:first-child th a')
    with parquet_reader(DataDirectory(data)) as reader:
        messages = answers.messages_of(reader, chat).to_pylist()
    shown = page.locator(".message .text").all_inner_texts()
    assert [text.split() for text in shown] == [m["text"].split() for m in messages] != []
    times = page.locator(".message time").evaluate_all("all => all.map(e => e.dateTime)")
    assert times == sorted(times)
    page.click(".back a")
    assert page.url.endswith("kind=opened")


PLACES = ("", "threads?kind=active", "quality", "definitions", "reports", "table?of=operators")


@pytest.mark.parametrize(
    ("width", "dark", "language"),
    [(PHONE, True, "ru"), (PHONE, False, "en"), (DESK, False, "ru"), (DESK, True, "en")],
)
def test_every_page_fits_in_every_theme_and_language(
    dashboard: str, open_page: OpenPage, width: int, dark: bool, language: Language
) -> None:
    page = open_page(
        dashboard, width=width, dark=dark, language={"ru": "ru-RU", "en": "en-GB"}[language]
    )
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) > 380
    assert light is not dark
    for place in PLACES:
        page.goto(dashboard + place)
        assert fits(page), place
        assert page.locator("h1").count() == 1
        assert page.get_attribute("html", "lang") == language
        text = page.inner_text("body")
        assert "None" not in text
        assert "nan" not in text.split()
    page.goto(f"{dashboard}?theme={'light' if dark else 'dark'}")
    other = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert other != ground


def test_every_page_can_be_used_by_keyboard_and_screen_reader(
    dashboard: str, open_page: OpenPage
) -> None:
    page = open_page(dashboard)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    unnamed = page.evaluate(
        """[...document.querySelectorAll('a, button, input, select, svg')].filter(e =>
           !(e.closest('label') || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')
             || e.textContent.trim() || e.type === 'hidden')).map(e => e.outerHTML.slice(0, 200))"""
    )
    assert unnamed == []
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(e => +e.tagName[1])")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.promise("dashboard-nothing-executed")
def test_nothing_that_people_wrote_is_executed(hostile: Path, open_page: OpenPage) -> None:
    with served(hostile) as url:
        page = open_page(url, width=PHONE)
        own = page.locator("script, img, iframe, object").count()
        found = page.evaluate(
            "[...document.querySelectorAll('main a')].map(e => e.getAttribute('href'))"
        )
        asked = [page.url, *(url + href.lstrip("/") for href in found if href)]
        chosen = dict.fromkeys(a for a in asked if a.startswith(url))
        kinds: dict[tuple[str, ...], str] = {}
        for address in chosen:  # one of each kind of page, with each kind of narrowing
            parts = urlsplit(address)
            kinds.setdefault((parts.path, *sorted(parse_qs(parts.query))), address)
        threads = page.goto(f"{url}threads?kind=active")
        assert threads is not None
        links = page.locator('[data-table="threads"] th a')
        messages = [links.nth(n).get_attribute("href") or "" for n in range(4)]
        for address in [*kinds.values(), *(url + href.lstrip("/") for href in messages)]:
            page.goto(address)
            page.wait_for_load_state("networkidle")
            assert page.locator("script, img, iframe, object, svg[onload]").count() == own
            assert "hacked" not in page.title() or "<script>" in page.title()
            assert fits(page), address
            assert (
                page.evaluate("document.querySelectorAll('a[href^=\"javascript:\"]').length") == 0
            )
        text = page.goto(f"{url}?lang=en") and page.inner_text("body")
        assert "<img" in (text or "") or "alert(1)" in (text or "")
        assert all(asked.startswith(url) for asked in page.watch.requested)  # type: ignore[attr-defined]


EDGES: dict[str, Callable[[], Figures]] = {
    "10,000 operators": madefigures.many_operators,
    "nothing at all": madefigures.nothing,
    "one operator": madefigures.one_operator,
    "a day that is missing": madefigures.missing_day,
    "names that want to be run": madefigures.hostile,
}


@pytest.mark.parametrize("edge", EDGES)
def test_whatever_the_figures_are_the_page_is_whole(
    data: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, edge: str
) -> None:
    figures = EDGES[edge]()
    offered = answers.Choices(
        figures.period.first,
        figures.period.last,
        [line.key for line in figures.channels],
        [(line.key, line.label) for line in figures.operators],
    )
    monkeypatch.setattr(answers, "read_figures", lambda *_: figures)
    monkeypatch.setattr(answers, "choices", lambda _: offered)
    with served(data) as url:
        page = open_page(url, width=PHONE)
        assert fits(page)
        assert len(page.content()) < 2_000_000
        assert page.locator("select[name=operator] option").count() <= 302
        shown = page.locator('[data-table="operators"] tbody tr').count()
        assert shown == min(len(figures.operators), 15)
        page.goto(f"{url}table?of=operators&page=1000")
        assert fits(page)
        page.goto(f"{url}quality")
        assert fits(page)


def test_new_data_is_told_of_and_shown_without_a_restart(
    data: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    later = tmp_path / "data"
    with served(later) as url:
        page = open_page(url)
        assert "Данных ещё нет" in page.inner_text("main")
        shutil.copytree(data, later, symlinks=True)
        page.reload()
        assert tiles(page)["messages_in"] == expected(figures_of(later))["messages_in"]
        notice = page.locator("[data-new-release]")
        assert not notice.is_visible()
        seen = page.get_attribute("body", "data-release")
        publish_again(later)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        notice.wait_for(state="visible")
        notice.locator("a").click()
        page.wait_for_function(f"document.body.dataset.release !== '{seen}'")
        assert not notice.is_visible()
        assert tiles(page)["messages_in"] == expected(figures_of(later))["messages_in"]


def publish_again(data: Path) -> None:
    schemas = [dataset.arrow_schema() for dataset in DATASETS.values()]
    layout = DataDirectory(data)
    with open_writer(layout, holder="test", wait_seconds=10, schemas=schemas) as writer:
        writer.connection.execute("UPDATE meta.revision SET number = number + 1")
        assert publish(writer, keep=2)
