"""The tasks: the only place where extract, transform and warehouse meet.

Each takes a dataset and a day and hands on small plain values and paths. Blocking work runs in a
thread, so that exports go on being waited for.
"""

from __future__ import annotations

from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from extract.claims import Claim
from flows.fetching import fetch
from flows.reading import ExportedDay, NormalisedDay, kept_day, normalise_file
from flows.run import Run, current_run
from flows.suppressing import Incoming, keep_export
from flows.threads import KNOWN, StageFailed, in_thread
from warehouse.erasinglist import read_list
from warehouse.raw import prove_raw, raw_missing

__all__ = ["KNOWN", "StageFailed", "export_day", "in_thread", "normalise_day", "replay_day"]


@task(name="export", task_run_name="export {dataset} {day}", cache_policy=NO_CACHE)
async def export_day(dataset: str, day: date) -> ExportedDay:
    """Start or resume the day's export, wait for it, download it into raw/, without who was erased.

    Raises:
        extract.errors.ExtractError: by how to recover.
        flows.errors.ErasedMeanwhile: read the day again.
    """
    run = current_run()
    return await exported_by(run, run.claims[dataset, day], dataset, day)


async def exported_by(run: Run, claim: Claim, dataset: str, day: date) -> ExportedDay:
    """What `export_day` does, by the claim that is held for it."""
    fetched = await fetch(run, claim, dataset)
    ready, file = fetched.ready, fetched.file
    incoming = Incoming(
        path=file.path,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        suffix=file.suffix,
        dataset=dataset,
        day=day,
        date_from=ready.request.date_from,
        date_to=ready.request.date_to,
        task_id=ready.task_id,
        observed_at=ready.started_at,
        export_seconds=ready.waited_seconds,
    )
    return await in_thread(keep_export, run.layout, run.privacy.keys, run.mapping, incoming)


@task(name="replay", task_run_name="replay {dataset} {day}", cache_policy=NO_CACHE)
async def replay_day(dataset: str, day: date) -> list[ExportedDay]:
    """The day's files in raw/ in place of an export, each proven to be what came.

    Raises:
        warehouse.errors.RawMissing: none is kept.
        warehouse.errors.HashMismatch: one was damaged; nothing of the day is loaded.
    """
    run = current_run()
    steps, erasures = run.replays.get((dataset, day), []), read_list(run.layout).generation
    if not steps:
        raise raw_missing(dataset, day)
    for step in steps:
        await in_thread(prove_raw, run.layout, step.raw)
    return [kept_day(step.raw, erasures) for step in steps]


@task(
    name="normalise",
    task_run_name="normalise {exported.dataset} {exported.day}",
    cache_policy=NO_CACHE,
)
async def normalise_day(exported: ExportedDay) -> NormalisedDay:
    """Read the day's export file and write its typed rows into the lake.

    Raises:
        transform.errors.TransformError: the file can't be read truthfully.
    """
    return await in_thread(_normalise, exported, current_run())


def _normalise(exported: ExportedDay, run: Run) -> NormalisedDay:
    return normalise_file(run.layout, exported, run.reading)
