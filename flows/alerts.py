"""`tell`: the flow that an automation runs when something is wrong; it tells people, once each.

It is given a kind of alert and a run's id, and nothing else: what is told is the flow's name, its
times and where to read on. A webhook or a notification block is told by Prefect's server itself,
without this flow, and so without a worker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.utilities.urls import url_for

from flows.deliveries import Deliveries
from flows.errors import NotConfigured
from flows.mail import Message
from flows.parcels import Outcome, Parcel, require_delivered
from flows.sending import tell_chat
from flows.settings import Settings, load_settings

NAME = "tell"
Kind = Literal["failed", "crashed", "late", "nightly-overdue", "callbacks-overdue"]
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Alert:
    """What an alert says, and the page that says what to do."""

    said: str
    runbook: str


ALERTS: Mapping[Kind, Alert] = {
    "failed": Alert("a run failed", "docs/runbooks/run-failed.md"),
    "crashed": Alert("a run crashed", "docs/runbooks/run-crashed.md"),
    "late": Alert("a run is late", "docs/runbooks/run-late.md"),
    "nightly-overdue": Alert("no nightly for 26 hours", "docs/runbooks/nightly-overdue.md"),
    "callbacks-overdue": Alert(
        "no callbacks loaded for 2 hours", "docs/runbooks/callbacks-overdue.md"
    ),
}


@flow(name=NAME)
async def tell(kind: Kind, about: str) -> None:
    """Tell whoever the settings name: by e-mail, and in the chat.

    Args:
        kind: what is wrong.
        about: the run's id, as in an event: `prefect.flow-run.…`; or another id that names the
            occasion.

    Raises:
        flows.errors.NotDelivered: somebody was not told.
    """
    found = _ID.search(about)
    if found is None:
        raise NotConfigured(f"{about[:80]!r} names no run: an automation gives a run's id.")
    run, flow_name = await _run_of(found[0])
    await tell_people(load_settings(), kind, found[0], run, flow_name)


async def tell_people(
    settings: Settings, kind: Kind, occasion: str, run: FlowRun | None = None, flow_name: str = ""
) -> None:
    """Tell whoever the settings name, once for a kind and an occasion.

    Raises:
        flows.errors.NotDelivered: somebody was not told.
        extract.errors.SendUncertain: nobody knows whether somebody was.
    """
    message = said(kind, run, flow_name, sandbox=settings.sandbox, company=settings.company)
    deliveries = Deliveries(settings, alerts=True)
    if not deliveries.anywhere and settings.alert_thread is None:
        get_run_logger().warning(
            "Nobody is told of this: set SMARTCONNECT_ALERT_EMAIL_TO, SMARTCONNECT_ALERT_THREAD, "
            "SMARTCONNECT_ALERT_WEBHOOK_URL or SMARTCONNECT_ALERT_BLOCK (docs/alerts.md)."
        )
        return
    # A run that told the chat of its own failure, in more words, isn't told of again.
    key = f"alert-{occasion}" if kind in ("failed", "crashed") else f"alert-{kind}-{occasion}"
    await tell_chat(settings, message.text, key)
    parcel = Parcel(f"alert-{kind}-{occasion}", f"The alert ({kind})", "", message)
    outcomes = await deliveries.deliver(parcel)
    doubtful = [str(o) for o in outcomes if o.outcome is Outcome.UNCERTAIN]
    if doubtful:
        get_run_logger().warning("An alert is not repeated: %s.", "; ".join(doubtful))
    require_delivered(parcel, [o for o in outcomes if o.outcome is not Outcome.UNCERTAIN])


def said(
    kind: Kind,
    run: FlowRun | None,
    flow_name: str,
    *,
    sandbox: bool = False,
    company: str | None = None,
) -> Message:
    """The message: whose it is, the flow's name, times, and where to read on; nobody's data."""
    alert, whose = ALERTS[kind], f" ({company})" if company else ""
    title = f"SmartConnect{whose}{' (sandbox)' if sandbox else ''}: {alert.said}"
    title += f": {flow_name}" if flow_name else ""
    lines = [title, ""]
    if run is not None:
        due, began = _when(run.expected_start_time), _when(run.start_time)
        lines += [f"It was due {due}, and began {began}."]
        lines += [f"Its log tells more: {url_for(run) or f'run {run.id}'}"]
    lines += ["Readers go on seeing the last release.", f"What to do: {alert.runbook}"]
    return Message(title, "\n".join(lines))


def _when(moment: datetime | None) -> str:
    return f"{moment:%d.%m.%Y %H:%M} UTC" if moment else "never"


async def _run_of(run_id: str) -> tuple[FlowRun | None, str]:
    """The run of that id and its flow's name; None where there is no such run."""
    async with get_client() as client:
        try:
            run = await client.read_flow_run(UUID(run_id))
            return run, (await client.read_flow(run.flow_id)).name
        except ObjectNotFound:
            return None, ""
