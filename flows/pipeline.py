"""Many days at once: each is exported, read and loaded on its own; one loader serves them all.

A day that fails leaves the others alone; what stops the run (a refused token, a full disk) stops
all of them. Days are started oldest first and at most so many are under way that files waiting to
be loaded don't pile up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial

from extract.errors import DownloadFailed, StopRun
from flows.cluster import READING_DAYS, Cluster
from flows.errors import MachinesDiffer
from flows.loader import Loader
from flows.preparing import NORMALISE_AT_ONCE, Known
from flows.reading import ExportedDay
from flows.run import Run
from flows.stages import KNOWN, export_day, normalise_day, replay_day
from flows.summary import FAILED, DayOutcome
from flows.suppressing import TIMES
from flows.writersession import writer_session
from transform.errors import TransformError
from warehouse.erasinglist import read_list
from warehouse.errors import DirectoryUnusable

DayKey = tuple[str, date]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """What a caller may ask of a run.

    Args:
        force: load a day anew though its content is the same.
        accept_smaller: let a day lose most of its rows instead of holding it.
        from_raw: read the files that are kept, and ask the vendor for nothing.
        fit_budget: leave days out that would cost too many calls, instead of refusing the run.
    """

    force: bool = False
    accept_smaller: bool = False
    from_raw: bool = False
    fit_budget: bool = False


async def run_days(
    run: Run,
    days: Iterable[DayKey],
    loader: Loader,
    options: Options,
    progress: Progress,
    cluster: Cluster | None = None,
) -> list[DayOutcome]:
    """Bring every (dataset, day) of `days` into the warehouse; never raises for a single day.

    Args:
        run: the current run.
        days: what to bring.
        loader: serves them all.
        options: as they were asked for.
        progress: told of each day that is done.
        cluster: prepares the days, where there is one.

    Raises:
        extract.errors.StopRun: no day can do better; days that were done stay done.
        MachinesDiffer: nor here: a machine of the cluster is set up otherwise.
    """
    keys = list(days)
    at_once = cluster.days_at_once if cluster else run.settings.export_jobs + READING_DAYS
    doors = _Doors(asyncio.Semaphore(at_once), asyncio.Semaphore(NORMALISE_AT_ONCE), cluster)
    tasks = [asyncio.create_task(_one_day(run, key, loader, options, doors)) for key in keys]
    progress(0, len(tasks))
    try:
        for done, finished in enumerate(asyncio.as_completed(tasks), start=1):
            await finished
            progress(done, len(tasks))
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]


@dataclass(frozen=True)
class _Doors:
    days: asyncio.Semaphore
    normalise: asyncio.Semaphore
    cluster: Cluster | None


async def _one_day(
    run: Run, key: DayKey, loader: Loader, options: Options, doors: _Doors
) -> DayOutcome:
    dataset, day = key
    async with doors.days:
        began = time.monotonic()
        try:
            here = _prepared_day if doors.cluster else _claimed_day
            work = _replayed_day if options.from_raw else here
            outcome = await work(run, key, loader, options, doors)
        except (StopRun, DirectoryUnusable, MachinesDiffer):
            raise
        except KNOWN as error:
            outcome = DayOutcome(dataset, day, FAILED, problem=str(error))
        return _timed(outcome, time.monotonic() - began)


async def _claimed_day(
    run: Run, key: DayKey, loader: Loader, options: Options, doors: _Doors
) -> DayOutcome:
    """One day under its claim, which is given back only when its rows are in the warehouse."""
    dataset, day = key
    async with run.jobs.claim(
        run.request(dataset, day),
        started_after=run.resumable_after(day),
        not_before=run.newest,
    ) as claim:
        run.claims[key] = claim
        try:
            outcome = await _unless_erased(run, partial(_exported, key, loader, options, doors))
        except (TransformError, DownloadFailed):
            claim.finish()  # this file is no use: the next run asks for a new one
            raise
        finally:
            del run.claims[key]
        run.finish(claim)
    return outcome


async def _prepared_day(
    run: Run, key: DayKey, loader: Loader, options: Options, doors: _Doors
) -> DayOutcome:
    """One day that another machine prepares."""
    assert doors.cluster is not None
    known = None if options.force else loader.known(key)
    return await _unless_erased(run, partial(_from, doors.cluster, run, key, known, loader))


async def _from(
    cluster: Cluster, run: Run, key: DayKey, known: Known | None, loader: Loader
) -> DayOutcome:
    """Its export is used up once its rows are in the warehouse."""
    ready = await cluster.prepare(run, key, known)
    loading = loader.load(ready.normalised) if ready.normalised else loader.confirm(ready.exported)
    outcome = await loading
    if ready.used is not None:
        run.used.append(ready.used)
    return outcome


async def _exported(key: DayKey, loader: Loader, options: Options, doors: _Doors) -> DayOutcome:
    return await _load(await export_day(*key), loader, options, doors)


async def _unless_erased(run: Run, work: Callable[[], Awaitable[DayOutcome]]) -> DayOutcome:
    """The day's export, kept and loaded; again where a person was erased meanwhile.

    An erasure takes away what was downloaded or read before its end, so that a file may be missing.
    It holds the writer's database all the while.
    """
    for _ in range(TIMES):
        before = read_list(run.layout)
        try:
            return await work()
        except (OSError, *KNOWN):
            same = read_list(run.layout).generation == before.generation
            if same and not before.unfinished:
                raise
        async with writer_session(run):
            pass
    return await work()


async def _replayed_day(
    _: Run, key: DayKey, loader: Loader, options: Options, doors: _Doors
) -> DayOutcome:
    """One day from its kept files, the one it holds first; what becomes of the last one counts.

    A later file that never could be loaded doesn't keep the day from being read anew.
    """
    *earlier, last = await replay_day(*key)
    for exported in earlier:
        await _load(exported, loader, options, doors)
    return await _load(last, loader, options, doors)


async def _load(
    exported: ExportedDay, loader: Loader, options: Options, doors: _Doors
) -> DayOutcome:
    if not options.force and loader.is_known(exported):
        return await loader.confirm(exported)
    async with doors.normalise:
        normalised = await normalise_day(exported)
    return await loader.load(normalised)


def _timed(outcome: DayOutcome, seconds: float) -> DayOutcome:
    return DayOutcome(**{**outcome.__dict__, "seconds": seconds})
