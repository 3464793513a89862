"""What Prefect's server does by itself: the automations that `smartconnect up` installs.

- A run whose heartbeats stop (its process was killed, the machine went down) is marked Crashed
  within two minutes, which also gives back its deployment's slot.
- A run that a worker took and never began is marked Crashed after five.
- Without a successful nightly for 26 hours the flow `nightly-overdue` is run, which fails and says
  so; a notification block (`SMARTCONNECT_ALERT_BLOCK`) is told besides.

Installing them again changes nothing, and never enables one that somebody disabled.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events import Event, RelatedResource, Resource
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.clients import get_events_client
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from flows.errors import NotConfigured
from flows.overdue import NAME as OVERDUE

SILENT_AFTER = timedelta(seconds=90)
NEVER_BEGAN_AFTER = timedelta(minutes=5)
OVERDUE_AFTER = timedelta(hours=26)
UP = "smartconnect.up"
_RUN = "prefect.flow-run."
_ENDED = {_RUN + name for name in ("Completed", "Failed", "Cancelled", "Crashed", "TimedOut")}
_TAKEN = {_RUN + name for name in ("Pending", "Submitting", "InfrastructurePending")}
_PUT_BACK = {_RUN + name for name in ("Scheduled", "Late", "AwaitingConcurrencySlot")}
_HEARTBEAT = _RUN + "heartbeat"


def installed(deployment_id: UUID, alert_block_id: UUID | None) -> list[AutomationCore]:
    """All automations, as they should be.

    Args:
        deployment_id: of `nightly-overdue`.
        alert_block_id: the notification block to tell, if there is one.
    """
    return [
        AutomationCore(
            name="smartconnect: a run died",
            description="Its heartbeats stopped: the process was killed, or the machine went down.",
            trigger=_silence({_HEARTBEAT}, {_HEARTBEAT, *_ENDED}, SILENT_AFTER),
            actions=[_crashed("No heartbeat any more: the run's process is gone. Run it again.")],
        ),
        AutomationCore(
            name="smartconnect: a run never began",
            description="A worker took it and was gone before the run began.",
            trigger=_silence(
                _TAKEN, {_RUN + "Running", _HEARTBEAT, *_PUT_BACK, *_ENDED}, NEVER_BEGAN_AFTER
            ),
            actions=[_crashed("A worker took the run and never began it. Run it again.")],
        ),
        _overdue(deployment_id, alert_block_id),
    ]


def _silence(after: set[str], expect: set[str], within: timedelta) -> EventTrigger:
    """Fires for a run of which nothing expected is heard in time."""
    return EventTrigger(
        after=after,
        expect=expect,
        match={"prefect.resource.id": f"{_RUN}*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )


def _crashed(message: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=StateType.CRASHED, message=message, force=True)


def _overdue(deployment_id: UUID, alert_block_id: UUID | None) -> AutomationCore:
    """Counts from the last success, or from an `up` where there was none since it last fired."""
    actions: list[RunDeployment | SendNotification] = [
        RunDeployment(source="selected", deployment_id=deployment_id)
    ]
    if alert_block_id is not None:
        actions.append(
            SendNotification(
                block_document_id=alert_block_id,
                subject="SmartConnect: no nightly for 26 hours",
                body="No nightly run has succeeded for 26 hours. The last runs in Prefect's UI say "
                "why; readers go on seeing the last release.",
            )
        )
    return AutomationCore(
        name="smartconnect: no nightly for 26 hours",
        description="A dead-man's switch: fires once, and again after the next success or `up`.",
        trigger=EventTrigger(
            after={_RUN + "Completed", UP},
            expect={_RUN + "Completed"},
            match={"prefect.resource.id": [f"{_RUN}*", "smartconnect"]},
            match_related={
                "prefect.resource.role": "flow",
                "prefect.resource.name": "nightly",
            },
            posture=Posture.Proactive,
            threshold=1,
            within=OVERDUE_AFTER,
        ),
        actions=list(actions),
    )


def install(alert_block: str | None) -> list[str]:
    """Make or correct all automations, then begin the dead-man's count; which were changed.

    Raises:
        NotConfigured: there is no such notification block.
    """
    changed = []
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(f"{OVERDUE}/{OVERDUE}")
        wanted = installed(deployment.id, _block_id(client, alert_block))
        there = {found.name: found for found in client.read_automations()}
        for automation in wanted:
            found = there.get(automation.name)
            if found is None:
                client.create_automation(automation)
            elif not _same(found, automation):
                kept = automation.model_copy(update={"enabled": found.enabled})
                client.update_automation(found.id, kept)
            else:
                continue
            changed.append(automation.name)
    asyncio.run(_say_up())
    return changed


def _same(found: Automation, wanted: AutomationCore) -> bool:
    """An update would begin every count anew, so it is made only where something differs."""
    fields = {"description", "trigger", "actions"}
    return found.model_dump(include=fields) == wanted.model_dump(include=fields)


def _block_id(client: SyncPrefectClient, alert_block: str | None) -> UUID | None:
    if alert_block is None:
        return None
    kind, _, name = alert_block.partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        pass
    raise NotConfigured(
        f"SMARTCONNECT_ALERT_BLOCK names {alert_block!r}, and Prefect has no such block: make it "
        "in the UI (Blocks), and write it as type/name, such as slack-webhook/ops."
    )


async def _say_up() -> None:
    """Tell the server that nightlies are to be expected from now on."""
    nightly = RelatedResource.model_validate(
        {
            "prefect.resource.id": "prefect.flow.nightly",
            "prefect.resource.role": "flow",
            "prefect.resource.name": "nightly",
        }
    )
    resource = Resource.model_validate({"prefect.resource.id": "smartconnect"})
    async with get_events_client() as client:
        await client.emit(Event(event=UP, resource=resource, related=[nightly]))
