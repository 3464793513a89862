"""`ingest-callbacks`: what SmartConnect called us with becomes rows of `incoming_messages`."""

from __future__ import annotations

import time

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from extract.inbox import request_seal
from flows.ingest import Stopwatch, read_ledger
from flows.publishing import publish_now
from flows.reporting import finish, run_name
from flows.run import Run, current_run, open_run
from flows.segments import Loading, load_segments, take_inbox
from flows.settings import load_settings
from flows.stages import in_thread
from flows.summary import DayOutcome, RunReport
from flows.suppressing import suppression_of
from flows.writersession import writer_session
from transform.datasets import INCOMING
from warehouse.claims import ClaimsResult
from warehouse.database import Writer
from warehouse.erasinglist import read_list

SEAL_WAIT_SECONDS = 3.0


@flow(name="ingest-callbacks", flow_run_name=run_name("ingest-callbacks"))
async def ingest_callbacks_flow() -> None:
    """Load the callbacks that were received, and publish them."""
    report = RunReport(flow_run.name or "ingest-callbacks")
    async with open_run(load_settings(), report.title, flow_run.id or "", offline=True) as run:
        with Stopwatch(report):
            await read_ledger(run, [])
            report.outcomes.append(await ingest_callbacks())
            async with writer_session(run) as writer:
                release = await publish_now(writer, run)
            report.release = release.number if release else None
            report.notes += run.notes
        await finish(report, "callbacks-summary")


@task(name="ingest callbacks", cache_policy=NO_CACHE)
async def ingest_callbacks() -> DayOutcome:
    """Take the inbox into raw/ and from there into the table, under the writer's lock.

    Raises:
        warehouse.errors.WarehouseError: nothing was changed; the segments stay where they are.
    """
    run, began = current_run(), time.monotonic()
    async with writer_session(run) as writer:
        results = await in_thread(take_and_load, writer, run)
    total = ClaimsResult(
        *(
            sum(getattr(result, name) for result in results)
            for name in ("records", "loaded", "duplicates", "quarantined", "days")
        )
    )
    return DayOutcome(
        INCOMING.name,
        run.settings.today().date(),
        "loaded" if total.records else "unchanged",
        seconds=time.monotonic() - began,
        rows_read=total.records,
        rows_loaded=total.loaded,
        rows_duplicate=total.duplicates,
        rows_quarantined=total.quarantined,
    )


def take_and_load(writer: Writer, run: Run) -> list[ClaimsResult]:
    """Both steps, for whoever holds the writer's lock."""
    request_seal(run.layout.inbox, SEAL_WAIT_SECONDS)  # what can't be sealed now comes next time
    suppression = suppression_of(read_list(run.layout), run.privacy.keys)
    take_inbox(run.layout, suppression, run.zone)
    return load_segments(writer, Loading(run.layout, run.reading, run.flow_run_id))
