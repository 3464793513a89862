"""`smartconnect report`: a report made in a terminal, and sent if asked to; no server is needed."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import cast, get_args

from rich.console import Console

from extract.errors import ExtractError
from flows.deliveries import Deliveries
from flows.errors import FlowError, InvalidWindow, NotConfigured
from flows.parcels import require_delivered
from flows.personal import data_directory
from flows.reportdays import Kind, period_between, period_of, unready_days
from flows.reportmaking import Report, about, make_report, parcel_of
from flows.settings import Settings, load_settings
from flows.showing import shown_directory
from flows.windows import parse_ddmmyyyy
from reports.words import Language
from warehouse.errors import WarehouseError
from warehouse.figures import Period

PATIENCE_SECONDS = 60.0  # of whoever waits in a terminal


def run_report_command(
    console: Console,
    *,
    days: dict[Kind, str | None],
    date_from: str | None,
    date_to: str | None,
    language: str | None,
    send: bool,
    again: bool,
    out: Path | None,
) -> int:
    """Make it, say where it is, and send it if asked to; 1 where something of this can't be."""
    try:
        settings = load_settings()
        period = _period(settings, days, date_from, date_to)
        spoken = language or settings.report_language
        if spoken not in get_args(Language):
            raise InvalidWindow(f"--language is one of {', '.join(get_args(Language))}.")
        deliveries = _deliveries(settings) if send or again else None
        shown = shown_directory(settings, data_directory(settings), tell=partial(_say, console))
        unready = unready_days(shown, period, settings.zone)
        made = make_report(
            settings, period, cast("Language", spoken), out.absolute() if out else None
        )
        _say(
            console, f"{about(period)[:1].upper()}{about(period)[1:]}, from release {made.release}:"
        )
        for path in made.files.all:
            _say(console, f"  {path}")
        if unready:
            console.print(f"Not whole. {unready}.", style="yellow", markup=False, highlight=False)
        if deliveries is not None:
            asyncio.run(_send(console, settings, deliveries, made, again=again))
    except (ExtractError, FlowError, WarehouseError) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    return 0


def _period(
    settings: Settings, days: dict[Kind, str | None], date_from: str | None, date_to: str | None
) -> Period:
    today = settings.today().date()
    named = [(kind, given) for kind, given in days.items() if given is not None]
    if len(named) + (date_from is not None or date_to is not None) > 1:
        raise InvalidWindow("Name one period: --day, --week, --month, or --from with --to.")
    if date_from is not None:
        last = parse_ddmmyyyy(date_to) if date_to else None
        return period_between(parse_ddmmyyyy(date_from), last, today)
    if date_to is not None:
        raise InvalidWindow("--to needs --from.")
    if not named:
        return period_of("day", None, today)
    kind, given = named[0]
    return period_of(kind, parse_ddmmyyyy(given), today)


def _deliveries(settings: Settings) -> Deliveries:
    deliveries = Deliveries(settings, min(PATIENCE_SECONDS, settings.smtp_deadline_seconds))
    if not deliveries.anywhere:
        raise NotConfigured(
            "Nobody is named to send it to: set SMARTCONNECT_REPORT_EMAIL_TO (with "
            "SMARTCONNECT_SMTP_HOST), or SMARTCONNECT_REPORT_CHANNEL_ACCOUNT and "
            "SMARTCONNECT_REPORT_THREAD. Nothing was made."
        )
    return deliveries


async def _send(
    console: Console, settings: Settings, deliveries: Deliveries, made: Report, *, again: bool
) -> None:
    parcel = parcel_of(settings, made)
    found = await deliveries.deliver(parcel, again=again)
    for delivered in found:
        _say(console, str(delivered))
    require_delivered(parcel, found)


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
