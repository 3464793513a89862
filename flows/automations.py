"""What Prefect's server does by itself: the automations that `smartconnect up` installs, and
`smartconnect automations` on any server.

- A run whose heartbeats stop (its process was killed, the machine went down) is marked Crashed
  within two minutes, which also gives back its deployment's slot.
- A run that a worker took and never began is marked Crashed after five.
- Without a successful nightly for 26 hours the flow `nightly-overdue` is run, which fails and says
  so.
- Runs that failed, crashed or are late are told of (`flows.alarms`).

Installing them again changes nothing, and never enables one that somebody disabled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events import Event, RelatedResource, Resource
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.clients import get_events_client
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from flows.alarms import ENDED, FREQUENT, LATE_AFTER, RUN, TAKEN, UP, alarms, notifying, overdue
from flows.alerts import NAME as TELL
from flows.errors import NotConfigured
from flows.overdue import NAME as OVERDUE
from flows.settings import Settings

SILENT_AFTER = timedelta(seconds=90)
NEVER_BEGAN_AFTER = timedelta(minutes=5)
OVERDUE_AFTER = timedelta(hours=26)
WEBHOOK = "smartconnect-alerts"
_PUT_BACK = {RUN + name for name in ("Scheduled", "Late", "AwaitingConcurrencySlot")}
_HEARTBEAT = RUN + "heartbeat"


def installed(
    deployment_id: UUID,
    tell_id: UUID,
    block_ids: Sequence[UUID] = (),
    *,
    late_after: timedelta = LATE_AFTER,
) -> list[AutomationCore]:
    """All automations, as they should be.

    Args:
        deployment_id: of `nightly-overdue`.
        tell_id: of `tell`.
        block_ids: notification blocks to tell.
        late_after: how long a run that should have begun is given.
    """
    return [
        AutomationCore(
            name="smartconnect: a run died",
            description="Its heartbeats stopped: the process was killed, or the machine went down.",
            trigger=_silence({_HEARTBEAT}, {_HEARTBEAT, *ENDED}, SILENT_AFTER),
            actions=[_crashed("No heartbeat any more: the run's process is gone. Run it again.")],
        ),
        AutomationCore(
            name="smartconnect: a run never began",
            description="A worker took it and was gone before the run began.",
            trigger=_silence(
                TAKEN, {RUN + "Running", _HEARTBEAT, *_PUT_BACK, *ENDED}, NEVER_BEGAN_AFTER
            ),
            actions=[_crashed("A worker took the run and never began it. Run it again.")],
        ),
        _overdue(deployment_id, block_ids),
        *alarms(tell_id, block_ids, late_after=late_after),
    ]


def _silence(after: set[str], expect: set[str], within: timedelta) -> EventTrigger:
    """Fires for a run of which nothing expected is heard in time."""
    return EventTrigger(
        after=after,
        expect=expect,
        match={"prefect.resource.id": f"{RUN}*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )


def _crashed(message: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=StateType.CRASHED, message=message, force=True)


def _overdue(deployment_id: UUID, block_ids: Sequence[UUID]) -> AutomationCore:
    """Counts from the last success, or from an `up` where there was none since it last fired."""
    run = RunDeployment(source="selected", deployment_id=deployment_id)
    return AutomationCore(
        name="smartconnect: no nightly for 26 hours",
        description="A dead-man's switch: fires once, and again after the next success or `up`.",
        trigger=overdue("nightly", OVERDUE_AFTER),
        actions=[run, *notifying("nightly-overdue", block_ids)],
    )


def install(
    alert_block: str | None,
    *,
    webhook_url: str | None = None,
    late_after: timedelta = LATE_AFTER,
) -> list[str]:
    """Make or correct all automations, then begin the dead-man's counts; which were changed.

    Args:
        alert_block: a notification block to tell, as type/name.
        webhook_url: an address to tell, kept in a block of its own.
        late_after: how long a run that should have begun is given.

    Raises:
        NotConfigured: there is no such notification block.
    """
    changed = []
    with get_client(sync_client=True) as client:
        overdue_id, tell_id = (
            client.read_deployment_by_name(f"{name}/{name}").id for name in (OVERDUE, TELL)
        )
        blocks = [_block_id(client, alert_block), _webhook_id(webhook_url)]
        block_ids = [found for found in blocks if found is not None]
        wanted = installed(overdue_id, tell_id, block_ids, late_after=late_after)
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


def install_by(settings: Settings) -> list[str]:
    """`install`, by the settings."""
    url = settings.alert_webhook_url
    return install(
        settings.alert_block,
        webhook_url=url.get_secret_value() if url else None,
        late_after=timedelta(seconds=settings.alert_late_after_seconds),
    )


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


def _webhook_id(url: str | None) -> UUID | None:
    """The block that holds the address: written where it isn't so already."""
    if url is None:
        return None
    wanted = CustomWebhookNotificationBlock(
        name=WEBHOOK,
        url="{{address}}",
        json_data={"subject": "{{subject}}", "text": "{{subject}}\n\n{{body}}"},
        secrets={"address": url},
    )
    saved = wanted.save(WEBHOOK, overwrite=True)
    return UUID(str(saved))


async def _say_up() -> None:
    """Tell the server that nightlies and callbacks are to be expected from now on."""
    expected = [
        RelatedResource.model_validate(
            {
                "prefect.resource.id": f"prefect.flow.{name}",
                "prefect.resource.role": "flow",
                "prefect.resource.name": name,
            }
        )
        for name in ("nightly", FREQUENT)
    ]
    resource = Resource.model_validate({"prefect.resource.id": "smartconnect"})
    async with get_events_client() as client:
        await client.emit(Event(event=UP, resource=resource, related=expected))
