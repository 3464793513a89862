"""The automations that tell people: of runs that failed, crashed or are late, of what is overdue.

Each runs the flow `tell` (e-mail and chat) and has the notification blocks told, which Prefect's
server does by itself. Nothing of a run but its flow's name and its id is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.events.actions import RunDeployment, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.alerts import ALERTS, Kind
from flows.companydeployments import TAG

LATE_AFTER = timedelta(minutes=15)
CALLBACKS_AFTER = timedelta(hours=2)
UP = "smartconnect.up"
RUN = "prefect.flow-run."
ENDED = {RUN + name for name in ("Completed", "Failed", "Cancelled", "Crashed", "TimedOut")}
TAKEN = {RUN + name for name in ("Pending", "Submitting", "InfrastructurePending")}
# Flows whose runs are told of one by one.
TOLD = (
    "nightly",
    "backfill",
    "snapshot-users",
    "report-daily",
    "report-weekly",
    "report-monthly",
    "report",
    "bulk-message",
    "extract-chats",
)
# Every five minutes: told of once, when it hasn't succeeded for long.
FREQUENT = "ingest-callbacks"
NO_CALLBACKS = "no callbacks loaded for 2 hours"
Actions = list[RunDeployment | SendNotification]


def alarms(
    tell_id: UUID,
    block_ids: Sequence[UUID],
    *,
    late_after: timedelta = LATE_AFTER,
    company: str | None = None,
) -> list[AutomationCore]:
    """The automations that tell people.

    Args:
        tell_id: of the deployment `tell`.
        block_ids: notification blocks that Prefect's server tells.
        late_after: how long a run that should have begun is given.
        company: the key of one of several companies, whose runs alone are meant.
    """
    who = whose(company)
    return [
        AutomationCore(
            name=f"{who}: tell of a failed run",
            description="Once for each run, when it has failed for good.",
            trigger=_of_runs({RUN + "Failed", RUN + "TimedOut"}, company),
            actions=list(_telling("failed", tell_id, block_ids, company)),
        ),
        AutomationCore(
            name=f"{who}: tell of a crashed run",
            description="Once for each run: its process ended, or it never began.",
            trigger=_of_runs({RUN + "Crashed"}, company),
            actions=list(_telling("crashed", tell_id, block_ids, company)),
        ),
        AutomationCore(
            name=f"{who}: tell of a late run",
            description="Once for each run that should have begun, and that no worker takes.",
            trigger=EventTrigger(
                after={RUN + "Late"},
                # What waits for its turn isn't late.
                expect={RUN + "Running", RUN + "AwaitingConcurrencySlot", *TAKEN, *ENDED},
                match={"prefect.resource.id": f"{RUN}*"},
                match_related=_flows(TOLD, company),
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=late_after,
            ),
            actions=list(_telling("late", tell_id, block_ids, company)),
        ),
        AutomationCore(
            name=f"{who}: {NO_CALLBACKS}",
            description="Fires once, and again after the next success or `up`.",
            trigger=overdue(FREQUENT, CALLBACKS_AFTER, company),
            actions=list(_telling("callbacks-overdue", tell_id, block_ids, company)),
        ),
    ]


def whose(company: str | None) -> str:
    """What names of automations begin with."""
    return f"smartconnect ({company})" if company else "smartconnect"


def overdue(flow: str, within: timedelta, company: str | None = None) -> EventTrigger:
    """Fires when a flow has had no success for so long, since the last one or an `up`."""
    return EventTrigger(
        after={RUN + "Completed", UP},
        expect={RUN + "Completed"},
        match={"prefect.resource.id": [f"{RUN}*", "smartconnect"]},
        match_related=_flows(flow, company),
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )


def notifying(
    kind: Kind, block_ids: Sequence[UUID], company: str | None = None
) -> list[SendNotification]:
    """What Prefect's server itself tells the blocks."""
    alert = ALERTS[kind]
    lines = ["Readers go on seeing the last release.", f"What to do: {alert.runbook}"]
    subject = f"SmartConnect{f' ({company})' if company else ''}: {alert.said}"
    if not kind.endswith("overdue"):
        subject += ": {{ flow.name }}"
        lines.insert(0, "{{ flow.name }}, run {{ flow_run.id }}.")
    body = "\n".join(lines)
    return [SendNotification(block_document_id=b, subject=subject, body=body) for b in block_ids]


def _telling(kind: Kind, tell_id: UUID, block_ids: Sequence[UUID], company: str | None) -> Actions:
    named = "{{ event.id }}" if kind.endswith("overdue") else "{{ event.resource.id }}"
    parameters: dict[str, Any] = {
        "kind": kind,
        "about": {"__prefect_kind": "jinja", "template": named},
    }
    told = RunDeployment(source="selected", deployment_id=tell_id, parameters=parameters)
    return [*notifying(kind, block_ids, company), told]


def _of_runs(events: set[str], company: str | None) -> EventTrigger:
    """Fires at each of these events, of a run of a flow that is told of."""
    return EventTrigger(
        expect=events,
        match={"prefect.resource.id": f"{RUN}*"},
        match_related=_flows(TOLD, company),
        posture=Posture.Reactive,
        threshold=1,
    )


def _flows(
    names: str | Sequence[str], company: str | None
) -> dict[str, Any] | list[dict[str, Any]]:
    """Of runs of these flows; of the company's alone, which its tag tells."""
    named = names if isinstance(names, str) else list(names)
    flows = {"prefect.resource.role": "flow", "prefect.resource.name": named}
    return [flows, company_tag(company)] if company else flows


def company_tag(company: str) -> dict[str, str]:
    """What events of a company's runs are related to."""
    return {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}{company}"}
