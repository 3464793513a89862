"""The users list as a stage: asked for, typed, loaded with its history."""

from __future__ import annotations

import time
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.errors import FlowError
from flows.loader import writer_session
from flows.run import Run, current_run
from flows.stages import KNOWN, in_thread
from flows.summary import FAILED, DayOutcome
from flows.userlist import keep_list, load_list, normalise_list
from warehouse.errors import DirectoryUnusable


@task(name="snapshot users", task_run_name="snapshot users {day}", cache_policy=NO_CACHE)
async def snapshot_users(day: str, accept_smaller: bool = False) -> DayOutcome:
    """Ask for the users list and load it: `users`, `user_snapshots`, `users_history`.

    Raises:
        extract.errors.ExtractError: by how to recover; the earlier list stays.
    """
    run = current_run()
    began = time.monotonic()
    observed_at = await run.jobs.observed_now(run.newest)
    del day  # names the task run
    today = run.settings.today().date()
    reply = await run.client.list_users()
    raw = await in_thread(keep_list, run.layout, reply.users, today, observed_at)
    done = await in_thread(normalise_list, run.layout, raw, run.reading)
    async with writer_session(run) as writer:
        result, drift = await in_thread(
            load_list,
            writer,
            done,
            run.reading,
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
        rows_quarantined=done.users.report.rows_quarantined,
        problem=problem,
        drift=drift.sentence() or None,
    )


async def users_outcome(run: Run, *, accept_smaller: bool = False) -> DayOutcome:
    """The snapshot's outcome, a failure told as one."""
    today = datetime.now(run.zone).date()
    try:
        return await snapshot_users(today.isoformat(), accept_smaller)
    except KNOWN as error:
        if isinstance(error, FlowError | DirectoryUnusable):
            raise
        return DayOutcome("users", today, FAILED, problem=str(error))
