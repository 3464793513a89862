"""The notification blocks that Prefect's server tells of alerts."""

from __future__ import annotations

from uuid import UUID

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound

from flows.errors import NotConfigured

WEBHOOK = "smartconnect-alerts"


def block_id(client: SyncPrefectClient, alert_block: str | None) -> UUID | None:
    """The notification block that the settings name; None if they name none.

    Raises:
        NotConfigured: there is no such block.
    """
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


def webhook_id(url: str | None, suffix: str) -> UUID | None:
    """The block that holds the address: written where it isn't so already."""
    if url is None:
        return None
    wanted = CustomWebhookNotificationBlock(
        name=WEBHOOK + suffix,
        url="{{address}}",
        json_data={"subject": "{{subject}}", "text": "{{subject}}\n\n{{body}}"},
        secrets={"address": url},
    )
    saved = wanted.save(WEBHOOK + suffix, overwrite=True)
    return UUID(str(saved))
