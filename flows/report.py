"""`report`, `report-daily`, `report-weekly`, `report-monthly`: made once the days are loaded, sent
at most once.

The core is `run_report`; the three scheduled flows only say which period. Days that don't come are
told as missing: a report never shows them as silent days.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from prefect import flow
from prefect.artifacts import acreate_link_artifact
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from flows.deliveries import Deliveries
from flows.parcels import require_delivered
from flows.reportdays import Kind, Unready, period_between, period_of, wait_for_days
from flows.reporting import run_name, with_company
from flows.reportmaking import Report, about, dashboard_link, make_report, parcel_of
from flows.sending import alerting
from flows.settings import Settings, load_settings
from flows.stages import in_thread
from flows.summary import RunReport
from flows.telling import artifact_key, leave_artifact, tell
from flows.windows import Day, ddmmyyyy
from warehouse.figures import Period

Wait = Annotated[float | None, Field(ge=0, le=86_400)]
Language = Literal["ru", "en"]


def _named(kind: str) -> Callable[[], str]:
    """`report-daily 24.11.2026`, or the moment where no day is given."""

    def name() -> str:
        given = (flow_run.parameters or {}).get("date")
        day = ddmmyyyy(given) if isinstance(given, dt.date) else str(given or "")
        return with_company(f"{kind} {day}") if day else run_name(kind)()

    return name


@flow(name="report-daily", flow_run_name=_named("report-daily"))
async def report_daily(
    date: Day | None = None,
    language: Language | None = None,
    wait_seconds: Wait = None,
    send: bool = True,
    send_again: bool = False,
) -> None:
    """The report of a day.

    Args:
        date: Which, dd.mm.yyyy; yesterday if empty.
        language: ru or en; the setting SMARTCONNECT_REPORT_LANGUAGE if empty.
        wait_seconds: How long its day is waited for; SMARTCONNECT_REPORT_WAIT_SECONDS if empty.
        send: By e-mail and into the chat, if the settings name them.
        send_again: Though it may have been sent: somebody looked.
    """
    await _scheduled("day", date, language, wait_seconds, send, send_again)


@flow(name="report-weekly", flow_run_name=_named("report-weekly"))
async def report_weekly(
    date: Day | None = None,
    language: Language | None = None,
    wait_seconds: Wait = None,
    send: bool = True,
    send_again: bool = False,
) -> None:
    """The report of a week, Monday to Sunday.

    Args:
        date: Any day of it, dd.mm.yyyy; last week if empty.
        language: ru or en; the setting SMARTCONNECT_REPORT_LANGUAGE if empty.
        wait_seconds: How long its days are waited for; SMARTCONNECT_REPORT_WAIT_SECONDS if empty.
        send: By e-mail and into the chat, if the settings name them.
        send_again: Though it may have been sent: somebody looked.
    """
    await _scheduled("week", date, language, wait_seconds, send, send_again)


@flow(name="report-monthly", flow_run_name=_named("report-monthly"))
async def report_monthly(
    date: Day | None = None,
    language: Language | None = None,
    wait_seconds: Wait = None,
    send: bool = True,
    send_again: bool = False,
) -> None:
    """The report of a calendar month.

    Args:
        date: Any day of it, dd.mm.yyyy; last month if empty.
        language: ru or en; the setting SMARTCONNECT_REPORT_LANGUAGE if empty.
        wait_seconds: How long its days are waited for; SMARTCONNECT_REPORT_WAIT_SECONDS if empty.
        send: By e-mail and into the chat, if the settings name them.
        send_again: Though it may have been sent: somebody looked.
    """
    await _scheduled("month", date, language, wait_seconds, send, send_again)


@flow(name="report", flow_run_name=run_name("report"))
async def report(
    date_from: Day,
    date_to: Day | None = None,
    language: Language | None = None,
    wait_seconds: Wait = 0,
    send: bool = False,
    send_again: bool = False,
) -> None:
    """The report of any days, by hand.

    Args:
        date_from: First day, dd.mm.yyyy.
        date_to: Last day, dd.mm.yyyy; yesterday if empty.
        language: ru or en; the setting SMARTCONNECT_REPORT_LANGUAGE if empty.
        wait_seconds: How long its days are waited for.
        send: By e-mail and into the chat, if the settings name them.
        send_again: Though it may have been sent: somebody looked.
    """
    settings = load_settings()
    period = period_between(date_from, date_to, settings.today().date())
    await run_report(settings, period, language, wait_seconds, send, send_again)


async def _scheduled(
    kind: Kind, day: dt.date | None, language: Language | None, wait_seconds: float | None,
    send: bool, send_again: bool,
) -> None:  # fmt: skip
    settings = load_settings()
    period = period_of(kind, day, settings.today().date())
    await run_report(settings, period, language, wait_seconds, send, send_again)


async def run_report(
    settings: Settings,
    period: Period,
    language: Language | None = None,
    wait_seconds: float | None = None,
    send: bool = True,
    send_again: bool = False,
) -> None:
    """Wait for the period's days, make its report, leave artifacts, and deliver it.

    Raises:
        warehouse.errors.NoSuchRelease: nothing was ever published.
        extract.errors.SendUncertain, flows.errors.NotDelivered: somebody didn't get it.
    """
    logger, run_id = get_run_logger(), flow_run.id or ""
    async with alerting(settings, RunReport(flow_run.name or "report"), run_id):
        deliveries = Deliveries(settings) if send or send_again else None
        wait = settings.report_wait_seconds if wait_seconds is None else wait_seconds
        unready = await wait_for_days(settings, period, wait, logger.info)
        if unready:
            logger.warning("Made without waiting for longer. %s.", unready)
        spoken = language or settings.report_language
        made = await in_thread(make_report, settings, period, spoken, tell=logger.info)
        logger.info("%s is in %s.", about(period), made.files.folder)
        await tell_report(settings, made, unready)
        if deliveries is None:
            return
        if not deliveries.anywhere:
            logger.info("Nobody is named to send it to (SMARTCONNECT_REPORT_EMAIL_TO, …_THREAD).")
            return
        parcel = parcel_of(settings, made)
        found = await deliveries.deliver(parcel, again=send_again)
        for delivered in found:
            logger.info("%s: %s", about(period), delivered)
        require_delivered(parcel, found)


async def tell_report(settings: Settings, made: Report, unready: Unready) -> None:
    """The report in Prefect's UI: counts and a picture, nobody's name; and a link to the rest."""
    await leave_artifact("report", report_markdown(settings, made, unready))
    if link := page_link(settings, made):
        text = f"Report {made.files.folder.name}"
        key = artifact_key("report-link")
        await tell(acreate_link_artifact(link=link, link_text=text, key=key))


def page_link(settings: Settings, made: Report) -> str | None:
    """The report's page as the dashboard serves it; None without a dashboard."""
    base = dashboard_of(settings)
    folder = made.files.folder
    there = f"{folder.parent.name}/{folder.name}/{made.files.page.name}"
    return f"{base.rstrip('/')}/reports/{there}" if base else None


def dashboard_of(settings: Settings) -> str | None:
    """Where whoever looks at Prefect's UI opens the dashboard: on this machine by default."""
    if settings.dashboard_url:
        return settings.dashboard_url
    return f"http://127.0.0.1:{settings.dashboard_port}" if settings.dashboard_port else None


def report_markdown(settings: Settings, made: Report, unready: Unready) -> str:
    """The artifact's text."""
    title, *lines = made.text.strip().splitlines()
    parts = [f"## {_plain(title)}"]
    parts.append("\n".join(f"- {_plain(line)}" for line in lines if line.strip()))
    if unready:
        parts.append(f"**{_plain(str(unready))}**")
    card = made.files.folder / "card.png"
    if card.exists():
        parts.append(f"![{_plain(title)}]({data_uri(card)})")
    dashboard = dashboard_link(dashboard_of(settings), made.period)
    named = (("Report", page_link(settings, made)), ("Dashboard", dashboard))
    parts += [" · ".join(f"[{name}]({link})" for name, link in named if link)]
    parts.append(f"`{made.files.page}`")
    return "\n\n".join(part for part in parts if part) + "\n"


def data_uri(picture: Path) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#<>|!" else c for c in text)
