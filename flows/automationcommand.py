"""`smartconnect automations`: what tells of trouble, on any Prefect server."""

from __future__ import annotations

import subprocess
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL
from rich.console import Console

from flows.alerts import NAME as TELL
from flows.automations import install_by
from flows.deploying import POOL, PROJECT
from flows.errors import FlowError, NotConfigured
from flows.overdue import NAME as OVERDUE
from flows.servers import program
from flows.settings import load_settings


def run_automations(console: Console) -> int:
    """Install them on the server of PREFECT_API_URL; says which were changed. 0 if all is well."""
    try:
        changed = install_anywhere(PROJECT)
    except FlowError as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    for name in changed:
        console.print(f"Installed: {name}", markup=False, highlight=False)
    if not changed:
        console.print("All automations are as they should be.")
    return 0


def install_anywhere(project: Path) -> list[str]:
    """Install them, with the two flows that they run where these are not deployed; what changed.

    Raises:
        FlowError: Prefect's server doesn't answer, or did not take them.
        NotConfigured: no server is named, or a notification block that isn't there.
    """
    api = PREFECT_API_URL.value()
    if not api:
        raise NotConfigured(
            "No Prefect server is named: set PREFECT_API_URL, such as http://127.0.0.1:4200/api."
        )
    try:
        with get_client(sync_client=True) as client:
            problem = client.api_healthcheck()
            if problem is not None:
                raise FlowError(
                    f"Prefect's server at {api} doesn't answer ({type(problem).__name__}): see "
                    "that it runs, or correct PREFECT_API_URL."
                )
            missing = [name for name in (OVERDUE, TELL) if not _deployed(client, name)]
        if missing:
            _deploy(missing, project)
        return install_by(load_settings())
    except PrefectHTTPStatusError as error:
        raise FlowError(
            f"Prefect's server at {api} refuses it (HTTP {error.response.status_code}): with 401 "
            "set PREFECT_API_AUTH_STRING to its user:password."
        ) from None


def _deploy(names: list[str], project: Path) -> None:
    # Without --overwrite: a pool of that name that is there stays as it is.
    prefect = program("prefect")
    create = [prefect, "work-pool", "create", POOL, "--type", "process"]
    subprocess.run(create, check=False, capture_output=True, cwd=project)  # noqa: S603
    words = [word for name in names for word in ("--name", name)]
    command = [prefect, "--no-prompt", "deploy", *words]
    done = subprocess.run(command, check=False, cwd=project)  # noqa: S603
    if done.returncode != 0:
        raise FlowError(f"`prefect deploy {' '.join(words)}` ended with {done.returncode}.")


def _deployed(client: SyncPrefectClient, name: str) -> bool:
    try:
        client.read_deployment_by_name(f"{name}/{name}")
    except ObjectNotFound:
        return False
    return True
