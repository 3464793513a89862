"""A page that goes wrong is found out: the browser tests would pass on anything otherwise."""

from __future__ import annotations

import pytest
from browsing import DESK, PHONE, OpenPage, chromium_path, fits
from playwright.sync_api import Browser

BROKEN = {
    "an error of its script": "<script>undefined_name()</script>",
    "a dialog": "<script>alert(1)</script>",
    "a console error": "<script>console.error('oh')</script>",
    "a request that fails": "<img src='http://127.0.0.1:9/x.png'>",
}


@pytest.mark.parametrize("html", BROKEN.values(), ids=list(BROKEN))
def test_what_goes_wrong_is_noticed(open_page: OpenPage, html: str) -> None:
    page = open_page(f"data:text/html,{html}")
    page.wait_for_load_state("networkidle")
    watch = page.watch  # type: ignore[attr-defined]
    assert watch.unexpected() != []
    watch.expect("")


def test_a_page_that_is_well_has_no_problem_at_any_width(
    open_page: OpenPage, chromium: Browser
) -> None:
    for width in (PHONE, DESK):
        page = open_page("data:text/html,<h1>well</h1>", width=width)
        assert page.inner_text("h1") == "well"
        assert fits(page)
    assert not fits(open_page("data:text/html,<p style='width:900px'>wide", width=PHONE))


def test_where_ci_has_no_browser_its_tests_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("REQUIRE_CHROMIUM", raising=False)
    with pytest.raises(pytest.skip.Exception, match="NO CHROMIUM"):
        chromium_path()
    for name, value in (("CI", "true"), ("REQUIRE_CHROMIUM", "1")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(pytest.fail.Exception, match="NO CHROMIUM"):
                chromium_path()
