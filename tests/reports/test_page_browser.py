"""The page in a real Chromium: nothing goes wrong, nothing runs, all of it fits and is seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import madefigures as made
import pytest
from browsing import DESK, PHONE, OpenPage, fits

from reports.page import html_page
from reports.paint import DARK, LIGHT
from reports.words import Language, words_of

Address = Callable[..., str]
_CHARTS = ("days", "response", "hours", "channels", "sla", "operators")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def address(folder: Path) -> Address:
    """The address of a page as a file, made once."""

    def of(shape: str, language: Language = "ru") -> str:
        path = folder / f"{shape}-{language}.html"
        if not path.exists():
            figures = getattr(made, shape)()
            path.write_text(html_page(figures, language, "ООО «Ромашка»"), encoding="utf-8")
        return path.as_uri()

    return of


def _rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[n : n + 2], 16) for n in (1, 3, 5)))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_charts_are_seen_at_every_width_in_every_theme(
    open_page: OpenPage, address: Address, language: Language, width: int, dark: bool
) -> None:
    page = open_page(address("week", language), width=width, dark=dark)
    assert fits(page)
    assert page.locator("html").get_attribute("lang") == language
    theme = DARK if dark else LIGHT
    body = page.locator("body")
    assert body.evaluate("e => getComputedStyle(e).backgroundColor") == _rgb(theme["page"])
    for name in _CHARTS:
        drawn = page.locator(f"#chart-{name} svg:visible")
        assert drawn.count() == 1, name
        box = drawn.bounding_box()
        assert box is not None
        assert 250 < box["width"] <= width
        assert box["height"] > 80
        lowest = page.evaluate(
            f"""Math.min(...[...document.querySelectorAll('#chart-{name} svg text')]
                .filter(t => t.getBoundingClientRect().height > 0)
                .map(t => parseFloat(getComputedStyle(t).fontSize)
                          * t.getCTM().a))"""
        )
        assert lowest >= 9.5, name
    bar = page.locator("#chart-channels svg:visible [aria-label]").first
    assert bar.evaluate("e => getComputedStyle(e).fill") == _rgb(theme["in"])
    words = words_of(language)
    label = f"WhatsApp: {words.count('in_messages', 987)}"
    assert (bar.get_attribute("aria-label") or "").startswith(label)
    assert page.locator("#numbers .value").first.inner_text() == words.number(2351)
    assert page.watch.requested == [address("week", language)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("shape", ["one_day", "missing_day", "nothing", "one_operator"])
def test_every_shape_fits(open_page: OpenPage, address: Address, shape: str, width: int) -> None:
    page = open_page(address(shape), width=width)
    assert fits(page)
    if shape == "missing_day":
        alert = page.locator("#missing")
        assert alert.is_visible()
        assert "19 ноября" in alert.inner_text()
    if shape == "nothing":
        assert page.locator("svg").count() == 0


@pytest.mark.promise("report-inert")
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_hostile_names_do_nothing(open_page: OpenPage, address: Address, width: int) -> None:
    page = open_page(address("hostile", "en"), width=width)
    assert fits(page)
    assert page.evaluate("window.hacked") is None
    assert page.locator("script, img, iframe, [onload], [onerror]").count() == 0
    assert page.locator("#table-channels tbody th bdi").first.inner_text() == made.HOSTILE[0]
    assert page.locator("#table-channels tbody th").nth(3).inner_text() == "evil RTL"


def test_the_page_can_be_gone_through_by_keyboard(open_page: OpenPage, address: Address) -> None:
    page = open_page(address("week"), width=PHONE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"


def test_a_wide_table_scrolls_by_itself(open_page: OpenPage, address: Address) -> None:
    page = open_page(address("week"), width=PHONE)
    table = page.locator("#table-channels .scroll")
    assert table.evaluate("e => e.scrollWidth > e.clientWidth")
    name = page.locator("#table-channels tbody th").first
    before = name.bounding_box()
    table.evaluate("e => { e.scrollLeft = 200 }")
    assert name.bounding_box() == before


@pytest.mark.parametrize(("shape", "most"), [("week", 10), ("nothing", 3), ("hostile", 30)])
def test_it_prints_on_a4_in_a_sane_number_of_pages(
    open_page: OpenPage, address: Address, shape: str, most: int, tmp_path: Path
) -> None:
    page = open_page(address(shape, "en"), dark=True)
    printed = page.pdf(prefer_css_page_size=True)
    boxes = set(re.findall(rb"/MediaBox \[([^\]]*)\]", printed))
    assert [round(float(n)) for n in b" ".join(boxes).split()] in (
        [0, 0, 595, 842],
        [0, 0, 596, 843],
    )
    count = len(re.findall(rb"/Type\s*/Page[^s]", printed))
    assert 1 <= count <= most
    page.emulate_media(media="print")
    body = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    assert body == "rgb(255, 255, 255)"
    if shape == "week":
        page.set_viewport_size({"width": 703, "height": 1000})
        assert fits(page)
        wide = page.evaluate(
            "[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)"
        )
        assert max(wide) <= 1
