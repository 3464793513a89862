"""The dashboard's addresses: pages of the current release, the reports that were made, no more."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from dashboard import files
from dashboard.asking import Asked, preferred, understood
from dashboard.guard import App, Guard
from dashboard.pages import PAGES, make
from dashboard.rendering import rendered, static_files
from dashboard.shown import NoSuchPage, Overloaded, Shown
from dashboard.words import words_of
from reports.words import Language
from warehouse.errors import NoSuchRelease

log = logging.getLogger(__name__)
_FOR_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class DashboardOptions:
    """How the dashboard answers.

    Args:
        reports: the folder of the reports that were made.
        password: what everyone must bring; None serves this machine alone.
        language: where neither the address nor the browser names one that is spoken.
        nightly: the command that brings the first data, shown while there is none.
    """

    reports: Path
    password: str | None = None
    language: Language = "ru"
    nightly: str = "smartconnect up"


class Pages:
    """The handlers; they run in threads, since reading and drawing takes its time."""

    def __init__(self, shown: Shown, options: DashboardOptions) -> None:
        self.shown = shown
        self.options = options

    def page(self, request: Request) -> Response:
        """One of `PAGES`, made from one whole release."""
        asked, language = self._asked(request)
        try:
            html = self.shown.whole(
                lambda look: PAGES[request.url.path](make(look, asked, language))
            )
        except NoSuchRelease:
            return self._plain(asked, language, "first_run", 200, command=self.options.nightly)
        except NoSuchPage:
            return self._plain(asked, language, "not_found", 404)
        except Overloaded:
            return self._plain(asked, language, "busy", 503)
        return HTMLResponse(html)

    def warm(self) -> None:
        """Make the page that most people begin with, so that the first of them needn't wait."""
        try:
            self.shown.whole(lambda look: PAGES["/"](make(look, Asked(), self.options.language)))
        except (NoSuchRelease, Overloaded):
            return
        except Exception:
            log.exception("The first page can't be made.")

    def release(self, request: Request) -> Response:
        """Which release readers see now: asked by a page that is open, to tell of a new one."""
        del request
        of = self.shown.now()
        return JSONResponse({"release": of.number if of else None})

    def reports(self, request: Request) -> Response:
        """The reports that were made."""
        asked, language = self._asked(request)
        of, made = self.shown.now(), files.made_reports(self.options.reports)
        return HTMLResponse(
            rendered(
                "reports.html",
                asked,
                language,
                release=of,
                released_at=None,
                time_zone="UTC",
                place="reports",
                here="/reports",
                reports=made,
            )
        )

    def report(self, request: Request) -> Response:
        """A file of a report."""
        try:
            content, kind = files.report_file(self.options.reports, request.path_params["path"])
        except NoSuchPage:
            asked, language = self._asked(request)
            return self._plain(asked, language, "not_found", 404)
        headers = {"content-security-policy": files.CONTENT_POLICY}
        return Response(content, media_type=kind, headers=headers)

    def static(self, request: Request) -> Response:
        """Style and script; another content has another address."""
        found = static_files().get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return Response(found[0], media_type=found[1], headers={"cache-control": _FOR_A_YEAR})

    def not_found(self, request: Request, error: Exception) -> Response:
        """An address that there isn't."""
        del error
        asked, language = self._asked(request)
        return self._plain(asked, language, "not_found", 404)

    def failed(self, request: Request, error: Exception) -> Response:
        """A fault of ours: told in the log, never to whoever asked."""
        log.error("The page %s failed.", request.url.path, exc_info=error)
        asked, language = self._asked(request)
        return self._plain(asked, language, "failed", 500)

    def _asked(self, request: Request) -> tuple[Asked, Language]:
        asked = understood(request.query_params)
        accepted = preferred(request.headers.get("accept-language", ""))
        return asked, asked.language or accepted or self.options.language

    def _plain(
        self, asked: Asked, language: Language, name: str, status: int, command: str = ""
    ) -> Response:
        words = words_of(language)
        html = rendered(
            "plain.html",
            asked,
            language,
            release=None,
            released_at=None,
            time_zone="UTC",
            place="",
            here="/",
            heading=words.say(f"page.{name}.heading"),
            lines=[words.say(f"page.{name}.text")],
            command=command,
            again=words.say(f"page.{name}.again"),
        )
        headers = {"retry-after": "5"} if status == 503 else None
        return HTMLResponse(html, status_code=status, headers=headers)


def dashboard_app(pages: Pages) -> App:
    """The ASGI application, its guard in front."""
    routes = [Route(path, pages.page) for path in PAGES]
    routes += [
        Route("/release.json", pages.release),
        Route("/reports", pages.reports),
        Route("/reports/{path:path}", pages.report),
        Route("/static/{name}", pages.static),
    ]
    inner = Starlette(
        routes=routes, exception_handlers={404: pages.not_found, Exception: pages.failed}
    )
    inner.router.redirect_slashes = False
    packed = GZipMiddleware(inner, minimum_size=1000, compresslevel=5)
    return Guard(packed, pages.options.password)
