"""`nightly-overdue`: run by an automation when no nightly succeeded for 26 hours; it always fails.

A failed run is what people and notification rules look for, and its message says what to do.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from extract.errors import ExtractError
from flows.alerts import tell_people
from flows.companydeployments import TAG
from flows.errors import FlowError, NightlyOverdue
from flows.settings import load_settings, selected_company
from flows.telling import leave_artifact
from warehouse.errors import WarehouseError

NAME = "nightly-overdue"
LAST_RUNS = 20


@flow(name=NAME)
async def nightly_overdue() -> None:
    """Say that no nightly succeeded for too long, and what became of the last ones."""
    company = selected_company()
    tags = FlowRunFilterTags(all_=[f"{TAG}{company}"]) if company else None
    async with get_client() as client:
        runs = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["nightly"])),
            flow_run_filter=FlowRunFilter(tags=tags),
            sort=FlowRunSort.START_TIME_DESC,
            limit=LAST_RUNS,
        )
    told = overdue_lines(runs)
    await leave_artifact(NAME, "## No nightly for 26 hours\n\n" + "".join(f"- {t}\n" for t in told))
    occasion = flow_run.id or ""
    try:
        await tell_people(load_settings(), "nightly-overdue", occasion)
    except (ExtractError, FlowError, WarehouseError) as error:
        get_run_logger().warning("Not everybody was told: %s", error)
    raise NightlyOverdue("No nightly has succeeded for 26 hours. " + " ".join(told))


def overdue_lines(runs: list[FlowRun]) -> list[str]:
    """The last success, how the last run ended, and what to do; the newest run comes first."""
    begun = [run for run in runs if run.start_time is not None]
    success = next((run for run in begun if run.state_name == "Completed"), None)
    lines = [
        f"The last one that did began {_when(success)}."
        if success
        else f"None of the last {LAST_RUNS} did."
    ]
    if begun and begun[0] is not success:
        lines.append(f"The last one began {_when(begun[0])} and is {begun[0].state_name}.")
    if not begun:
        lines.append("None was ever begun: see that the worker runs (smartconnect up).")
    return [
        *lines,
        "Readers go on seeing the last release. See docs/runbooks/nightly-overdue.md; once the "
        "cause is gone, the next nightly catches up by itself.",
    ]


def _when(run: FlowRun) -> str:
    return f"{run.start_time:%d.%m.%Y %H:%M} UTC"
