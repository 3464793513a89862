"""`snapshot-users`: the company's users as they are today, and their history."""

from __future__ import annotations

from prefect import flow
from prefect.runtime import flow_run

from flows.ingest import Stopwatch, read_ledger
from flows.loader import publish_release
from flows.reporting import finish, run_name
from flows.run import open_run
from flows.settings import load_settings
from flows.snapshot import users_outcome
from flows.summary import RunReport


@flow(name="snapshot-users", flow_run_name=run_name("snapshot-users"))
async def snapshot_users_flow(accept_smaller: bool = False) -> None:
    """Keep today's users list, and what changed in it since yesterday.

    Args:
        accept_smaller: Load the list even if it has far fewer users than the last one.
    """
    report = RunReport(flow_run.name or "snapshot-users")
    async with open_run(load_settings(), report.title, flow_run.id or "") as run:
        with Stopwatch(report):
            await read_ledger(run, [])
            report.outcomes.append(await users_outcome(run, accept_smaller=accept_smaller))
            report.release = await publish_release()
            report.notes += run.notes
        await finish(report, "users-summary")
