"""`smartconnect rebuild`: everything from raw/ again, with the same content, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flows.company import load_company
from flows.errors import FlowError, RebuildRefused
from flows.handing import in_turn
from flows.lists import load_list, normalise_list
from flows.mapping import load_mapping
from flows.mirroring import follow
from flows.personal import data_directory, load_privacy
from flows.reading import (
    NormalisedDay,
    Reading,
    drift_of,
    kept_day,
    loaded_file,
    new_load_id,
    normalise_file,
    observation,
)
from flows.segments import Loading, load_segments
from flows.settings import Selection, Settings, load_settings
from flows.summary import FAILED, DayOutcome, RunReport
from flows.suppressing import refuse_unfinished
from flows.windows import ddmmyyyy
from transform.datasets import DATASETS, INCOMING
from transform.drift import refuse_drift
from transform.errors import TransformError
from warehouse.database import Writer
from warehouse.erasinglist import read_list
from warehouse.errors import NothingKept, WarehouseError
from warehouse.keptdays import take_over
from warehouse.layout import DataDirectory
from warehouse.ledger import get_fact
from warehouse.loading import DayConfirmation, DayLoad, DayResult, confirm_day, load_day
from warehouse.privatefiles import private_files
from warehouse.raw import prove_raw, raw_observations
from warehouse.rebuilding import Rebuild, rebuilding
from warehouse.replay import Step, rebuild_list_steps, rebuild_steps

HOLDER = "a rebuild"
HELD = "far fewer rows than an earlier file of that day; the earlier ones are shown."
DayKey = tuple[str, date]
Tell = Callable[[int, int], None]


def run_rebuild(console: Console) -> int:
    """Rebuild with a bar in a terminal; 1 where it was refused and everything is as it was."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    try:
        with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
            task = bar.add_task("rebuild from raw/", total=None)
            settings = load_settings()
            report = rebuild_everything(
                settings, lambda done, total: bar.update(task, completed=done, total=total)
            )
    except (FlowError, TransformError, WarehouseError) as error:
        console.print(f"Nothing was changed. {error}", style="red", markup=False)
        return 1
    console.print(report.table())
    for line in [*report.lines(), report.place()]:
        console.print(line, markup=False, highlight=False)
    mirrored = follow(console, settings, data_directory(settings))
    return 0 if mirrored and not report.failures else 1


def rebuild_everything(settings: Settings, tell: Tell) -> RunReport:
    """Make lake, database and release anew from the files in raw/.

    Files that were loaded must load again, or nothing is changed. Files that never could be loaded
    are tried: one that still can't be is listed as failed, and the rest counts.

    Raises:
        warehouse.errors.NothingKept: raw/ holds nothing to rebuild from.
        warehouse.errors.RawMissing, HashMismatch: a file that is needed is gone or damaged.
        warehouse.errors.WriterBusy: another run loads.
        RebuildRefused: a file that was loaded can't be read any more.
        EraseRefused: a person is half erased.
    """
    began = time.monotonic()
    mapping, privacy = load_mapping(settings), load_privacy(settings)
    company = load_company(settings)
    layout = data_directory(settings)
    layout.initialise(settings.origin)
    refuse_unfinished(read_list(layout), privacy.keys)
    report = RunReport("rebuild")
    with (
        private_files(),
        in_turn(settings, layout, HOLDER),
        rebuilding(
            layout,
            holder=HOLDER,
            wait_seconds=settings.writer_wait_seconds,
            schemas=[dataset.arrow_schema() for dataset in DATASETS.values()],
            memory_limit_mb=settings.memory_limit_mb,
        ) as rebuild,
    ):
        steps = _steps(rebuild)
        for step in steps:
            if step.kept is None:
                prove_raw(layout, step.raw)
        with rebuild.staged(company) as writer:
            selection = _selection(writer, settings)
            reading = Reading(settings.time_zone, selection, mapping, privacy)
            report.outcomes += _Replay(writer, layout, settings, reading).run(steps, tell)
            load_segments(
                writer, Loading(layout, reading, "", source="raw"), needed=rebuild.segments
            )
            report.notes += _kept_lines(steps)
        rebuild.swap()
        rebuild.forget_rejected([n for n, dataset in DATASETS.items() if privacy.of(dataset)])
        release = rebuild.publish(keep=settings.keep_releases)
    report.release = release.number if release else None
    report.seconds = time.monotonic() - began
    return report


def _steps(rebuild: Rebuild) -> list[Step]:
    steps: list[Step] = []
    for name in [name for name in DATASETS if name != INCOMING.name]:
        find = rebuild_list_steps if DATASETS[name].key else rebuild_steps
        steps += find(rebuild.layout, rebuild.ledger(name), name)
    if not steps and not raw_observations(rebuild.layout, INCOMING.name):
        raise NothingKept(
            f"{rebuild.layout.raw} holds no file to rebuild from: run a nightly or a backfill."
        )
    return steps


def _kept_lines(steps: Sequence[Step]) -> list[str]:
    kept = sum(step.kept is not None for step in steps)
    if not kept:
        return []
    return [
        f"{kept} days were taken over as they were: their export files are gone by "
        "SMARTCONNECT_KEEP_RAW_DAYS, so nothing that changed since is in them."
    ]


def _selection(writer: Writer, settings: Settings) -> Selection:
    if settings.selection != "unknown":
        return settings.selection
    found = get_fact(writer, "vendor.selection")
    return "unknown" if found is None else "message" if found == "message" else "thread"


class _Replay:
    """Loads steps into a staged database, each dataset's in the order of observation."""

    def __init__(
        self, writer: Writer, old: DataDirectory, settings: Settings, reading: Reading
    ) -> None:
        self._writer = writer
        self._old = old
        self._settings = settings
        self._reading = reading
        self._held_by: dict[DayKey, str] = {}  # the file that each day was loaded from last

    def run(self, steps: Sequence[Step], tell: Tell) -> list[DayOutcome]:
        """What became of each day.

        Raises:
            RebuildRefused: a file that was loaded before can't be read now.
        """
        outcomes: dict[DayKey, DayOutcome] = {}
        for number, step in enumerate(steps):
            tell(number, len(steps))
            key, began = (step.raw.dataset, step.raw.window_day), time.monotonic()
            outcome = self._settled(step)
            if key not in outcomes or outcome.outcome != "unchanged":
                outcomes[key] = replace(outcome, seconds=time.monotonic() - began)
        tell(len(steps), len(steps))
        return list(outcomes.values())

    def _settled(self, step: Step) -> DayOutcome:
        raw = step.raw
        try:
            return self._list(step) if DATASETS[raw.dataset].key else self._day(step)
        except TransformError as error:
            if step.accepted:
                raise RebuildRefused(
                    f"{raw.dataset} of {ddmmyyyy(raw.window_day)} was loaded before and can't be "
                    f"read now: {error}"
                ) from None
            return DayOutcome(raw.dataset, raw.window_day, FAILED, problem=str(error))

    def _day(self, step: Step) -> DayOutcome:
        if step.kept is not None:
            return _day_outcome(step, take_over(self._writer, self._old, step.raw, step.kept))
        exported = kept_day(step.raw)
        key = (exported.dataset, exported.day)
        if self._held_by.get(key) == exported.sha256:
            told = observation(exported, self._reading, "")
            seen = DayConfirmation(**told, load_id=new_load_id(exported.observed_at))
            return _day_outcome(step, confirm_day(self._writer, seen))
        result = self._load(step, normalise_file(self._writer.layout, exported, self._reading))
        if result.outcome in ("loaded", "unchanged"):
            self._held_by[key] = exported.sha256
        return _day_outcome(step, result)

    def _load(self, step: Step, day: NormalisedDay) -> DayResult:
        exported, dataset = day.exported, DATASETS[day.exported.dataset]
        drift = drift_of(self._writer, dataset.name, day.report.columns, exported.observed_at)
        if not step.accepted:
            refuse_drift(drift, dataset, self._reading.mapping.of(dataset.name))
        load = DayLoad(
            **observation(exported, self._reading, ""),
            **loaded_file(day, drift),
            accept_smaller=step.accepted,
            hold_below_share=self._settings.hold_below_share,
        )
        return load_day(self._writer, dataset.arrow_schema(), load)

    def _list(self, step: Step) -> DayOutcome:
        done = normalise_list(self._writer.layout, step.raw, self._reading, source="raw")
        result, _ = load_list(
            self._writer,
            done,
            self._reading,
            flow_run_id="",
            accept_smaller=step.accepted,
            hold_below_share=self._settings.hold_below_share,
            stop_at_drift=not step.accepted,
        )
        return DayOutcome(
            step.raw.dataset,
            step.raw.window_day,
            result.outcome,
            rows_read=done.rows.report.rows_read,
            rows_loaded=result.rows,
            rows_quarantined=done.rows.report.rows_quarantined,
        )


def _day_outcome(step: Step, result: DayResult) -> DayOutcome:
    return DayOutcome(
        step.raw.dataset,
        step.raw.window_day,
        result.outcome,
        rows_read=result.rows_read,
        rows_loaded=result.rows_loaded,
        rows_duplicate=result.rows_duplicate,
        rows_quarantined=result.rows_quarantined,
        problem=HELD if result.outcome == "held" else None,
    )
