"""`smartconnect automations`: what tells of trouble, on any Prefect server."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from rich.console import Console

from flows.alerts import NAME as TELL
from flows.automations import install_by
from flows.companydeployments import working_for
from flows.deploycommand import refused, require_server
from flows.deploying import deploy_only
from flows.errors import FlowError
from flows.overdue import NAME as OVERDUE


def run_automations(console: Console) -> int:
    """Install them on the server of PREFECT_API_URL; says which were changed. 0 if all is well."""
    try:
        changed = install_anywhere()
    except FlowError as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    for line in changed:
        console.print(line, markup=False, highlight=False)
    if not changed:
        console.print("All automations are as they should be.")
    return 0


def install_anywhere() -> list[str]:
    """Install them, with the two flows that they run where these are not deployed; what changed, in
    sentences.

    Raises:
        FlowError: Prefect's server doesn't answer, or did not take them.
        NotConfigured: no server is named, or a notification block that isn't there.
    """
    require_server()
    try:
        with get_client(sync_client=True) as client:
            missing = [
                name
                for name in (OVERDUE, TELL)
                if not all(_deployed(client, name, key) for key in working_for())
            ]
        if missing:
            deploy_only(missing)
        return install_by()
    except PrefectHTTPStatusError as error:
        raise refused(error) from None


def _deployed(client: SyncPrefectClient, name: str, company: str | None) -> bool:
    try:
        client.read_deployment_by_name(f"{name}/{name}-{company}" if company else f"{name}/{name}")
    except ObjectNotFound:
        return False
    return True
