"""`snapshot-users`: the company's users as they are today, and their history."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows.errors import FlowError
from flows.loader import publish_release, writer_session
from flows.run import Run, current_run, open_run
from flows.settings import load_settings
from flows.stages import in_thread, new_load_id
from flows.summary import DayOutcome, RunReport
from flows.reporting import finish, run_name
from transform.datasets import USERS
from transform.normalise import Origin, normalise_records
from warehouse.lake import write_quarantine
from warehouse.snapshots import load_snapshot


@task(name="snapshot users", task_run_name="snapshot users {day}", cache_policy=NO_CACHE)
async def snapshot_users(day: str, accept_smaller: bool = False) -> DayOutcome:
    """Ask for the users list and load it: `users`, `user_snapshots`, `users_history`.

    Raises:
        extract.errors.ExtractError: by how to recover; the earlier list stays.
    """
    run = current_run()
    began = time.monotonic()
    observed_at = datetime.now(UTC)
    load_id = new_load_id(observed_at)
    today = observed_at.astimezone(run.zone).date()
    reply = await run.client.list_users()
    origin = Origin(today, observed_at, load_id, run.settings.time_zone)
    users = await in_thread(normalise_records, reply.users, USERS, origin)
    await in_thread(
        write_quarantine, run.layout, users.quarantine, dataset="users", load_id=load_id
    )
    async with writer_session(run) as writer:
        result = await in_thread(
            load_snapshot,
            writer,
            USERS.arrow_schema(),
            users.table,
            snapshot_date=today,
            observed_at=observed_at,
            load_id=load_id,
            flow_run_id=run.flow_run_id,
            accept_smaller=accept_smaller,
            hold_below_share=run.settings.hold_below_share,
        )
    problem = None
    if result.outcome == "held":
        problem = f"{result.rows} users came, far fewer than before; the earlier list stays."
    return DayOutcome(
        "users",
        today,
        result.outcome,
        seconds=time.monotonic() - began,
        rows_read=len(reply.users),
        rows_loaded=result.rows,
        rows_quarantined=users.report.rows_quarantined,
        problem=problem,
    )


@flow(name="snapshot-users", flow_run_name=run_name("snapshot-users"))
async def snapshot_users_flow(accept_smaller: bool = False) -> None:
    """Keep today's users list, and what changed in it since yesterday.

    Args:
        accept_smaller: Load the list even if it has far fewer users than the last one.
    """
    settings = load_settings()
    async with open_run(settings, flow_run.name or "snapshot-users", flow_run.id or "") as run:
        began = time.monotonic()
        report = RunReport(run.name)
        report.outcomes.append(await users_outcome(run, accept_smaller=accept_smaller))
        report.release = await publish_release()
        report.seconds = time.monotonic() - began
        await finish(report, "users-summary")


async def users_outcome(run: Run, *, accept_smaller: bool = False) -> DayOutcome:
    """The snapshot's outcome, a failure told as one."""
    from flows.stages import KNOWN  # noqa: PLC0415

    today = datetime.now(run.zone).date()
    try:
        return await snapshot_users(today.isoformat(), accept_smaller)
    except KNOWN as error:
        if isinstance(error, FlowError):
            raise
        return DayOutcome("users", today, "failed", problem=str(error))
