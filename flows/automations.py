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
import re
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import Event, RelatedResource, Resource
from prefect.events.actions import RunDeployment
from prefect.events.clients import get_events_client
from prefect.events.schemas.automations import Automation, AutomationCore

from flows.alarms import (
    FREQUENT,
    LATE_AFTER,
    NO_CALLBACKS,
    UP,
    alarms,
    company_tag,
    notifying,
    overdue,
    whose,
)
from flows.alertblocks import block_id, webhook_id
from flows.alerts import NAME as TELL
from flows.companydeployments import working_for
from flows.overdue import NAME as OVERDUE
from flows.runwatch import of_every_run
from flows.settings import companies, load_settings, selected_company

OVERDUE_AFTER = timedelta(hours=26)
PAGE = 200
_OURS = re.compile(r"smartconnect( \([a-z0-9-]+\))?")


def installed(
    deployment_id: UUID,
    tell_id: UUID,
    block_ids: Sequence[UUID] = (),
    *,
    late_after: timedelta = LATE_AFTER,
    company: str | None = None,
) -> list[AutomationCore]:
    """All automations, as they should be; of a company, all but those for every run.

    Args:
        deployment_id: of `nightly-overdue`.
        tell_id: of `tell`.
        block_ids: notification blocks to tell.
        late_after: how long a run that should have begun is given.
        company: the key of one of several companies.
    """
    return [
        *([] if company else of_every_run()),
        _overdue(deployment_id, block_ids, company),
        *alarms(tell_id, block_ids, late_after=late_after, company=company),
    ]


def _overdue(deployment_id: UUID, block_ids: Sequence[UUID], company: str | None) -> AutomationCore:
    """Counts from the last success, or from an `up` where there was none since it last fired."""
    run = RunDeployment(source="selected", deployment_id=deployment_id)
    return AutomationCore(
        name=f"{whose(company)}: no nightly for 26 hours",
        description="A dead-man's switch: fires once, and again after the next success or `up`.",
        trigger=overdue("nightly", OVERDUE_AFTER, company),
        actions=[run, *notifying("nightly-overdue", block_ids, company)],
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
    with get_client(sync_client=True) as client:
        changed = _put(
            client, _wanted(client, alert_block, webhook_url=webhook_url, late_after=late_after)
        )
    asyncio.run(_say_up([None]))
    return changed


def install_by() -> list[str]:
    """`install`, by the settings: those of all companies, of the chosen one alone if one is.

    What belongs to companies that are no more, or to none in particular where there are several, is
    removed: it would tell for ever that nothing runs; so it would of callbacks that a company
    doesn't receive. What was done is told in sentences.
    """
    keys = working_for()
    with get_client(sync_client=True) as client:
        wanted = [] if keys == [None] else of_every_run()
        for key in keys:
            found = load_settings(key)
            url = found.alert_webhook_url
            wanted += _wanted(
                client,
                found.alert_block,
                webhook_url=url.get_secret_value() if url else None,
                late_after=timedelta(seconds=found.alert_late_after_seconds),
                company=key,
                callbacks=key is None or found.callback_secret is not None,
            )
        said = [f"Installed: {name}" for name in _put(client, wanted)]
        if selected_company() is None:
            left_out = {whose(key) for key in companies() if key not in keys}
            names = {automation.name for automation in wanted}
            said += [f"Removed: {name}" for name in _remove_others(client, names, left_out)]
    asyncio.run(_say_up(keys))
    return said


def _wanted(
    client: SyncPrefectClient,
    alert_block: str | None,
    *,
    webhook_url: str | None,
    late_after: timedelta,
    company: str | None = None,
    callbacks: bool = True,
) -> list[AutomationCore]:
    suffix = f"-{company}" if company else ""
    overdue_id, tell_id = (
        client.read_deployment_by_name(f"{name}/{name}{suffix}").id for name in (OVERDUE, TELL)
    )
    blocks = [block_id(client, alert_block), webhook_id(webhook_url, suffix)]
    block_ids = [found for found in blocks if found is not None]
    no_callbacks = f"{whose(company)}: {NO_CALLBACKS}"
    every = installed(overdue_id, tell_id, block_ids, late_after=late_after, company=company)
    return [found for found in every if callbacks or found.name != no_callbacks]


def _all(client: SyncPrefectClient) -> list[Automation]:
    """Every automation: the server tells 200 at once, and forty companies have more."""
    found: list[Automation] = []
    while page := client.read_automations(limit=PAGE, offset=len(found)):
        found += page
    return found


def _put(client: SyncPrefectClient, wanted: list[AutomationCore]) -> list[str]:
    changed = []
    there = {found.name: found for found in _all(client)}
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
    return changed


def _same(found: Automation, wanted: AutomationCore) -> bool:
    """An update would begin every count anew, so it is made only where something differs."""
    fields = {"description", "trigger", "actions"}
    return found.model_dump(include=fields) == wanted.model_dump(include=fields)


def _remove_others(client: SyncPrefectClient, wanted: set[str], left_out: set[str]) -> list[str]:
    """Remove what was installed and isn't wanted; of the companies that are left out it stays."""
    titles = {found.name.partition(": ")[2] for found in installed(UUID(int=0), UUID(int=0))}
    removed = []
    for found in _all(client):
        who, _, title = found.name.partition(": ")
        ours = title in titles and who not in left_out and _OURS.fullmatch(who)
        if ours and found.name not in wanted:
            client.delete_automation(found.id)
            removed.append(found.name)
    return removed


async def _say_up(keys: Sequence[str | None]) -> None:
    """Tell the server that nightlies and callbacks are to be expected from now on."""
    flows = [
        {
            "prefect.resource.id": f"prefect.flow.{name}",
            "prefect.resource.role": "flow",
            "prefect.resource.name": name,
        }
        for name in ("nightly", FREQUENT)
    ]
    resource = Resource.model_validate({"prefect.resource.id": "smartconnect"})
    async with get_events_client() as client:
        for key in keys:
            related = [*flows, *([company_tag(key)] if key else [])]
            expected = [RelatedResource.model_validate(one) for one in related]
            await client.emit(Event(event=UP, resource=resource, related=expected))
