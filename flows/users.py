"""`snapshot-users`: users, each of them in detail, and channel accounts, as they are today."""

from __future__ import annotations

from prefect import flow
from prefect.runtime import flow_run

from flows.ingest import Stopwatch, read_ledger
from flows.publishing import publish_release, publishing
from flows.reporting import finish, run_name
from flows.run import open_run
from flows.settings import load_settings
from flows.snapshot import list_outcome
from flows.summary import RunReport
from flows.uploading import mirror_release

LISTS = ("users", "user_details", "channel_accounts")
WITHOUT_DETAILS = ("users", "channel_accounts")


@flow(name="snapshot-users", flow_run_name=run_name("snapshot-users"))
async def snapshot_users_flow(accept_smaller: bool = False) -> None:
    """Keep today's users, their details and the channel accounts, and what changed since yesterday.

    Args:
        accept_smaller: Load a list even if it is far shorter than the last one.
    """
    report = RunReport(flow_run.name or "snapshot-users")
    async with open_run(load_settings(), report.title, flow_run.id or "") as run:
        with Stopwatch(report):
            await read_ledger(run, [])
            for name in LISTS if run.settings.user_details else WITHOUT_DETAILS:
                report.outcomes.append(await list_outcome(run, name, accept_smaller=accept_smaller))
            async with publishing(run):
                report.release = await publish_release()
            report.notes += run.notes
            await mirror_release(run, report)
        await finish(report, "users-summary")
