"""The tasks: the only place where extract, transform and warehouse meet.

Each takes a dataset and a day and hands on small plain values and paths. Blocking work runs in a
thread, so that exports go on being waited for.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from extract.download import download
from extract.errors import ExtractError
from flows.errors import FlowError
from flows.run import current_run
from transform.datasets import DATASETS
from transform.errors import TransformError
from transform.normalise import Origin, normalise_export
from transform.readers import open_export
from warehouse.errors import WarehouseError
from warehouse.lake import write_lake_file, write_quarantine
from warehouse.raw import store_raw

T = TypeVar("T")
KNOWN = (ExtractError, TransformError, WarehouseError, FlowError)


@dataclass(frozen=True)
class ExportedDay:
    """An export file in raw/: what was asked, when, and what came."""

    dataset: str
    day: date
    path: Path
    sha256: str
    size_bytes: int
    task_id: int
    observed_at: datetime
    export_seconds: float


@dataclass(frozen=True)
class NormalisedDay:
    """A day's typed rows in the lake, not yet loaded. Rows read = out + quarantined."""

    exported: ExportedDay
    load_id: str
    lake_path: Path
    quarantine_path: Path | None
    rows_read: int
    rows_out: int
    rows_quarantined: int
    rows_outside_day: int


class StageFailed(FlowError):
    """Something nobody foresaw; its own words are left out, since they may quote the data."""


async def in_thread(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run blocking `work` in a thread; an unforeseen error keeps its place and loses its words."""
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except KNOWN:
        raise
    except Exception as error:  # noqa: BLE001  (its words may quote the data: they end here)
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
        raise StageFailed(
            f"{type(error).__name__} in {Path(where).parent.name}/{Path(where).name}: "
            "this is a fault of the pipeline; the day keeps its earlier data."
        ) from None


@task(name="export", task_run_name="export {dataset} {day}", cache_policy=NO_CACHE)
async def export_day(dataset: str, day: date) -> ExportedDay:
    """Start or resume the day's export, wait for it, download it into raw/.

    Raises:
        extract.errors.ExtractError: by how to recover.
    """
    run = current_run()
    claim = run.claims[dataset, day]
    began = time.monotonic()
    ready = await claim.locate()
    seconds = time.monotonic() - began
    file = await download(run.client, ready.location, run.layout.incoming)
    path = await in_thread(
        store_raw,
        run.layout,
        file.path,
        dataset=dataset,
        date_from=ready.request.date_from,
        date_to=ready.request.date_to,
        sha256=file.sha256,
        suffix=file.suffix,
    )
    return ExportedDay(
        dataset, day, path, file.sha256, file.size_bytes, ready.task_id, ready.started_at, seconds
    )


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


def new_load_id(observed_at: datetime) -> str:
    """A load's name: sorted by when its export was started, and never twice the same."""
    return f"{observed_at.astimezone(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"


def _normalise(exported: ExportedDay, run: Any) -> NormalisedDay:
    dataset = DATASETS[exported.dataset]
    load_id = new_load_id(exported.observed_at)
    origin = Origin(exported.day, exported.observed_at, load_id, run.settings.time_zone)
    known = run.vendor.selection
    expect = None if known == "unknown" else known
    normalised = normalise_export(open_export(exported.path), dataset, origin, expect=expect)
    lake = write_lake_file(
        run.layout,
        normalised.schema,
        normalised,
        dataset=exported.dataset,
        window_day=exported.day,
        load_id=load_id,
    )
    quarantine = write_quarantine(
        run.layout, normalised.quarantine, dataset=exported.dataset, load_id=load_id
    )
    report = normalised.report
    return NormalisedDay(
        exported,
        load_id,
        lake.path,
        quarantine,
        report.rows_read,
        report.rows_out,
        report.rows_quarantined,
        report.rows_outside_day,
    )
