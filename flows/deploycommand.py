"""`smartconnect deploy`: all deployments and automations, on any Prefect server."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL
from rich.console import Console

from flows.deploying import deploy, ensure_pool
from flows.errors import FlowError, NotConfigured


def run_deploy(console: Console) -> int:
    """Deploy to the server of PREFECT_API_URL; says what else was changed. 0 if all is well."""
    try:
        require_server()
        ensure_pool()
        said = deploy()
    except FlowError as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    for line in said:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def require_server() -> None:
    """See that Prefect's server is there and lets us in.

    Raises:
        FlowError: it doesn't answer, or refuses.
        NotConfigured: no server is named.
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
            client.read_work_pools(limit=1)
    except PrefectHTTPStatusError as error:
        raise refused(error) from None


def refused(error: PrefectHTTPStatusError) -> FlowError:
    """What a refusal of Prefect's server means."""
    return FlowError(
        f"Prefect's server at {PREFECT_API_URL.value()} refuses it (HTTP "
        f"{error.response.status_code}): with 401 set PREFECT_API_AUTH_STRING to its user:password."
    )
