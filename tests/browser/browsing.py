"""Real pages in Debian's Chromium, and nothing a person would find in its console afterwards.

Playwright's own browsers are never downloaded. Where there is no Chromium its tests are skipped,
loudly, and fail where `CI=true` or `REQUIRE_CHROMIUM=1`: `apt-get install chromium` gets one.

While `chromium` lives, playwright's event loop runs in this thread, so `asyncio.run` (and with it a
flow of Prefect) can't: such a test makes what it needs before, or in a process of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

PHONE, DESK = 360, 1440
OpenPage = Callable[..., Page]


def chromium_path() -> str:
    """Where Chromium is; the test is skipped, or fails, where it isn't."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        reason = "NO CHROMIUM, so no page was looked at: apt-get install chromium"
        if os.environ.get("CI") == "true" or os.environ.get("REQUIRE_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module; each page gets a context of its own."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=root)
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """What went wrong on the pages of a context: errors, refusals, what was asked of elsewhere."""

    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        self.requested: list[str] = []
        self.expected: list[str] = []
        context.on("page", self._page)

    def _page(self, page: Page) -> None:
        page.on("console", lambda said: self._console(said.type, said.text))
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("dialog", lambda box: self._dialog(box.message, box.dismiss))
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure))
        page.on("response", self._response)

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning", "assert"):
            self.problems.append(f"console {kind}: {text}")

    def _dialog(self, message: str, dismiss: Callable[[], None]) -> None:
        self.problems.append(f"something was executed: a dialog says {message!r}")
        dismiss()

    def _failed(self, url: str, failure: str | None) -> None:
        if failure != "net::ERR_ABORTED":  # a page that was left
            self.problems.append(f"request failed: {url}: {failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")

    def expect(self, part: str) -> None:
        """A problem with this in it is what the test is about."""
        self.expected.append(part)

    def unexpected(self) -> list[str]:
        """The problems that nobody expected."""
        return [p for p in self.problems if not any(part in p for part in self.expected)]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Open addresses; at the test's end none may have left an error, a refusal or a dialog.

    `open_page(url, width=360, dark=True, language="en-US")`; `page.watch` of what it returns has
    what was requested, and takes what the test expects to go wrong.
    """
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_(
        url: str, *, width: int = DESK, dark: bool = False, language: str = "ru-RU", **more: object
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 800 if width > 600 else 740},
            color_scheme="dark" if dark else "light",
            locale=language,
            **more,  # type: ignore[arg-type]
        )
        watch = Watch(context)
        opened.append((context, watch))
        page = context.new_page()
        page.watch = watch  # type: ignore[attr-defined]
        page.goto(url, wait_until="load")
        return page

    yield open_
    for context, _ in opened:
        context.close()
    assert [p for _, watch in opened for p in watch.unexpected()] == []


def fits(page: Page) -> bool:
    """Whether nothing makes the page itself scroll sideways."""
    return bool(
        page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )
