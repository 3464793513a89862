"""The tasks: the only place where extract, transform and warehouse meet.

Each takes a dataset and a day and hands on small plain values and paths. Blocking work runs in a
thread, so that exports go on being waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from extract.claims import Claim
from extract.errors import ExtractError
from flows.errors import FlowError
from flows.fetching import fetch
from flows.reading import ExportedDay, NormalisedDay, kept_day, normalise_file
from flows.run import Run, current_run
from flows.suppressing import Incoming, keep_export
from transform.errors import TransformError
from warehouse.erasinglist import read_list
from warehouse.errors import WarehouseError
from warehouse.raw import prove_raw, raw_missing

T = TypeVar("T")
KNOWN = (ExtractError, TransformError, WarehouseError, FlowError)


class StageFailed(FlowError):
    """Something nobody foresaw; its own words are left out, since they may quote the data."""


async def in_thread(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run blocking `work` in a thread; an unforeseen error keeps its place and loses its words.

    A thread can't be stopped. Whoever is cancelled waits for its end: what it works with (the
    database, the writer's lock) may not be taken from it before.
    """
    working = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        while not working.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([working])
        raise
    except KNOWN:
        raise
    except Exception as error:  # noqa: BLE001  (its words may quote the data: they end here)
        raise unforeseen(error) from None


def unforeseen(error: Exception) -> StageFailed:
    """The error's kind and place, without its words."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    return StageFailed(
        f"{type(error).__name__} in {Path(where).parent.name}/{Path(where).name}: "
        "this is a fault of the pipeline; the day keeps its earlier data."
    )


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
