"""What `nightly` and `backfill` share: plan from the ledger, run the days, publish, tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from flows.budget import require_budget, within_budget
from flows.callbackcheck import callback_warnings, compare, tell_callbacks
from flows.cluster import Cluster, cluster_of
from flows.completeness import EXPORTED
from flows.discovery import learn_vendor
from flows.errors import NothingFound
from flows.loader import Loader
from flows.pipeline import DayKey, Options, run_days
from flows.publishing import publish_release, publishing
from flows.reconciliation import (
    not_comparable,
    reconcile,
    reconcile_release,
    tell,
    warnings,
)
from flows.reporting import Progress
from flows.run import Run
from flows.snapshot import list_outcome
from flows.stages import in_thread
from flows.summary import DayOutcome, RunReport
from flows.uploading import mirror_release
from flows.writersession import writer_session
from transform.datasets import DATASETS
from warehouse.database import Writer
from warehouse.extracts import describe_extracts
from warehouse.ledger import (
    DayState,
    average_export_seconds,
    day_states,
    newest_observation,
)
from warehouse.replay import read_outcomes, replay_steps
from warehouse.space import require_space
from warehouse.tables import prepare_tables

__all__ = ["EXPORTED", "Known", "Stopwatch", "find_kept", "ingest", "read_ledger"]
PROGRESS_SECONDS = 2.0
Plan = Callable[[str, Mapping[date, DayState]], Sequence[date]]


@dataclass(frozen=True)
class Known:
    """What the ledger says before a run: each dataset's days, and how long exports took."""

    states: Mapping[str, Mapping[date, DayState]]
    export_seconds: Mapping[str, float | None]


async def read_ledger(run: Run, datasets: Sequence[str]) -> Known:
    """Make the tables where there are none, and read what is loaded."""

    def read(writer: Writer) -> Known:
        prepare_tables(writer, run.company)
        describe_extracts(writer)
        run.newest = newest_observation(writer)
        if run.presence is not None:
            run.presence.sweep(writer)
        return Known(
            {name: day_states(writer, name) for name in datasets},
            {name: average_export_seconds(writer, name) for name in datasets},
        )

    async with writer_session(run) as writer:
        return await in_thread(read, writer)


async def ingest(
    run: Run,
    report: RunReport,
    datasets: Sequence[str],
    plan: Plan,
    options: Options,
    *,
    with_users: bool = False,
) -> None:
    """Export, load and publish the days that `plan` names for each dataset.

    Args:
        run: the current run.
        report: takes the outcomes and notes.
        datasets: which exports.
        plan: from a dataset and its loaded days to the days to ask for.
        options: force, accept_smaller, days at once, from_raw.
        with_users: take the users list as well.

    Raises:
        NothingFound: every day came empty, and none was loaded before.
        OverBudget: it would make more calls than it may, and isn't to leave days out.
        warehouse.errors.DirectoryUnusable: the disk has no space for that many days.
        extract.errors.StopRun: no day could do better.
    """
    known = await read_ledger(run, datasets)
    report.notes += await learn_vendor(run, ask=not options.from_raw)
    days = [(name, day) for name in datasets for day in plan(name, known.states[name])]
    days.sort(key=lambda key: (key[1], key[0]))
    report.notes += protected_otherwise(run, known, days)
    if options.from_raw:
        await find_kept(run, days, accept_smaller=options.accept_smaller)
    elif options.fit_budget:
        days, left_out = within_budget(run, days, known.export_seconds, kept_back=with_users)
        report.notes += [left_out] if left_out else []
    else:
        require_budget(run, days, known.export_seconds)
    await in_thread(require_space, run.layout, len({day for _, day in days}), run.keep_free_bytes)
    loader = Loader(run, known.states, force=options.force, accept_smaller=options.accept_smaller)
    async with loader.serving(), cluster_of(run, options.from_raw) as cluster:
        report.outcomes += await _followed(run, days, loader, options, cluster)
    if with_users:
        report.outcomes.append(await list_outcome(run))
    try:
        async with publishing(run) as writer:
            told = await in_thread(reconcile, writer, run)
            called = await in_thread(compare, writer, run)
            report.release = await publish_release() or loader.released
            told += await in_thread(reconcile_release, writer, run)
    except Exception:
        if report.release is not None:  # readers here have it: those of the store are to, as well
            await mirror_release(run, report)
        raise
    report.notes += run.notes
    await mirror_release(run, report)
    report.warnings += [*warnings(told), *callback_warnings(called)]
    report.notes += [said] if (said := not_comparable(told)) else []
    await tell(told)
    await tell_callbacks(called)
    _refuse_all_empty(report.outcomes, known)


def protected_otherwise(run: Run, known: Known, asked: Sequence[DayKey]) -> list[str]:
    """A note for days that were loaded under other policies for personal data than are set now."""
    found = []
    for name, states in known.states.items():
        now = run.privacy.of(DATASETS[name]).version
        days = [
            day
            for day, state in states.items()
            if state.mapping_version.partition("+")[2] != now and (name, day) not in asked
        ]
        if days:
            found.append(
                f"{len(days)} days of {name} were loaded under other policies for personal data: "
                "`smartconnect rebuild` brings them under those that are set now."
            )
    return found


async def find_kept(run: Run, days: Sequence[DayKey], *, accept_smaller: bool = False) -> None:
    """Fill `run.replays`: which files of raw/ make each of the days again."""

    def find(writer: Writer) -> None:
        for name in {name for name, _ in days}:
            wanted = [day for dataset, day in days if dataset == name]
            steps = replay_steps(
                run.layout, read_outcomes(writer, name), name, wanted, accept_smaller=accept_smaller
            )
            run.replays.update({(name, day): found for day, found in steps.items()})

    async with writer_session(run) as writer:
        await in_thread(find, writer)


async def _followed(
    run: Run, days: list[DayKey], loader: Loader, options: Options, cluster: Cluster | None
) -> list[DayOutcome]:
    """Run the days with a progress artifact that is written every few seconds."""
    progress = Progress("progress")
    progress.tick(0, len(days))

    async def show() -> None:
        while True:
            await progress.show()
            await asyncio.sleep(PROGRESS_SECONDS)

    shower = asyncio.create_task(show())
    try:
        return await run_days(run, days, loader, options, progress.tick, cluster)
    finally:
        shower.cancel()
        with suppress(asyncio.CancelledError):
            await shower
        await progress.show()


def _refuse_all_empty(outcomes: Sequence[DayOutcome], known: Known) -> None:
    chats = [outcome for outcome in outcomes if outcome.dataset == "chats"]
    if not chats or any(o.rows_read or o.problem for o in chats):
        return
    if any(state.rows for state in known.states.get("chats", {}).values()):
        return
    raise NothingFound(
        f"Every one of the {len(chats)} days asked for came empty. Either the company had no "
        "messages, or the vendor reads the dates otherwise: check SMARTCONNECT_DATE_TO "
        "(inclusive or exclusive) and SMARTCONNECT_TIME_ZONE."
    )


class Stopwatch:
    """Sets the report's seconds at the end of a block."""

    def __init__(self, report: RunReport) -> None:
        self._report = report

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._report.seconds = time.monotonic() - self._began
