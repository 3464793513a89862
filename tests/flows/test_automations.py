"""What `smartconnect up` installs on Prefect's server, on a real API of Prefect."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Completed, Failed
from rich.console import Console

from flows.alerts import tell
from flows.automationcommand import run_automations
from flows.automations import install
from flows.errors import NightlyOverdue, NotConfigured
from flows.overdue import nightly_overdue, overdue_lines
from flows.servers import HEARTBEAT_SECONDS, PREFECT_ENVIRONMENT, free_port

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.filterwarnings("default")]
NAMES = [
    "smartconnect: a run died",
    "smartconnect: a run never began",
    "smartconnect: no nightly for 26 hours",
    "smartconnect: tell of a failed run",
    "smartconnect: tell of a crashed run",
    "smartconnect: tell of a late run",
    "smartconnect: no callbacks loaded for 2 hours",
]


@pytest.fixture
def client(prefect_api: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        flow_id = found.create_flow(nightly_overdue)
        found.create_deployment(flow_id, "nightly-overdue")
        found.create_deployment(found.create_flow(tell), "tell")
        yield found
        for automation in found.read_automations():
            found.delete_automation(automation.id)


@pytest.mark.promise("process-worker-killed", "operations-installed")
def test_they_are_installed_once_and_a_run_without_heartbeats_is_crashed_in_two_minutes(
    client: SyncPrefectClient,
) -> None:
    assert install(None) == NAMES
    assert install(None) == []
    died = next(a for a in client.read_automations() if a.name == NAMES[0])
    trigger = died.trigger.model_dump(mode="json")
    assert trigger["posture"] == "Proactive"
    assert trigger["after"] == ["prefect.flow-run.heartbeat"]
    assert {"prefect.flow-run.heartbeat", "prefect.flow-run.Completed"} <= set(trigger["expect"])
    assert trigger["for_each"] == ["prefect.resource.id"]
    assert trigger["within"] + 3 * 5 <= 120  # the server looks every five seconds
    assert trigger["within"] >= 2.5 * HEARTBEAT_SECONDS  # a lost heartbeat kills nobody
    assert PREFECT_ENVIRONMENT["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == str(HEARTBEAT_SECONDS)
    (action,) = (a.model_dump(mode="json") for a in died.actions)
    assert (action["type"], action["state"]) == ("change-flow-run-state", "CRASHED")


@pytest.mark.promise("process-nightly-overdue")
def test_without_a_successful_nightly_for_26_hours_a_flow_is_run_that_fails(
    client: SyncPrefectClient,
) -> None:
    install(None)
    overdue = next(a for a in client.read_automations() if a.name == NAMES[2])
    trigger = overdue.trigger.model_dump(mode="json")
    assert trigger["within"] == timedelta(hours=26).total_seconds()
    assert trigger["expect"] == ["prefect.flow-run.Completed"]
    assert set(trigger["after"]) == {"prefect.flow-run.Completed", "smartconnect.up"}
    assert "nightly" in str(trigger["match_related"])
    (action,) = (a.model_dump(mode="json") for a in overdue.actions)
    deployment = client.read_deployment_by_name("nightly-overdue/nightly-overdue")
    assert (action["type"], action["deployment_id"]) == ("run-deployment", str(deployment.id))
    with pytest.raises(NightlyOverdue, match=r"docs/runbooks/nightly-overdue\.md"):
        asyncio.run(nightly_overdue())


@pytest.mark.promise("operations-installed")
def test_one_that_was_changed_is_mended_and_one_that_was_disabled_stays_so(
    client: SyncPrefectClient,
) -> None:
    install(None)
    found = next(a for a in client.read_automations() if a.name == NAMES[0])
    changed = found.model_dump(exclude={"id", "owner_resource"}) | {
        "description": "other",
        "enabled": False,
    }
    client.update_automation(found.id, AutomationCore(**changed))
    assert install(None) == [NAMES[0]]
    mended = next(a for a in client.read_automations() if a.name == NAMES[0])
    assert (mended.description, mended.enabled) == (found.description, False)


def test_a_notification_block_that_is_not_there_is_named(client: SyncPrefectClient) -> None:
    with pytest.raises(NotConfigured, match="SMARTCONNECT_ALERT_BLOCK names 'slack-webhook/ops'"):
        install("slack-webhook/ops")


def test_a_webhook_is_told_by_the_server_and_its_address_is_in_no_automation(
    client: SyncPrefectClient,
) -> None:
    address = "http://127.0.0.1:1/canary-address"
    assert install(None, webhook_url=address) == NAMES
    assert install(None, webhook_url=address) == []
    told = [a for a in client.read_automations() if "send-notification" in a.model_dump_json()]
    assert sorted(a.name for a in told) == sorted(NAMES[2:])
    assert "canary-address" not in "".join(a.model_dump_json() for a in client.read_automations())
    block = client.read_block_document_by_name(
        "smartconnect-alerts", "custom-webhook", include_secrets=False
    )
    assert "canary-address" not in block.model_dump_json()
    assert install(None) == NAMES[2:]  # nobody is told any more


def test_what_is_said_names_the_last_success_and_the_last_failure() -> None:
    flow, began = uuid4(), datetime(2026, 2, 3, 0, 15, tzinfo=UTC)
    done = FlowRun(flow_id=flow, state=Completed(), start_time=began)
    failed = FlowRun(flow_id=flow, state=Failed(), start_time=began + timedelta(days=1))
    for run in (done, failed):
        run.state_name = run.state.name if run.state else None
    said = " ".join(overdue_lines([failed, done]))
    assert "began 03.02.2026 00:15 UTC" in said
    assert "began 04.02.2026 00:15 UTC and is Failed" in said
    assert "smartconnect up" in " ".join(overdue_lines([]))


def test_a_server_that_is_not_there_or_not_named_is_told_in_a_sentence() -> None:
    nowhere = {
        PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api",
        PREFECT_CLIENT_MAX_RETRIES: 0,
    }
    with temporary_settings(nowhere):
        assert run_automations(Console(file=(said := io.StringIO()))) == 1
    assert "doesn't answer (ConnectError)" in said.getvalue()
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert run_automations(Console(file=(said := io.StringIO()))) == 1
    assert "set PREFECT_API_URL" in said.getvalue()
