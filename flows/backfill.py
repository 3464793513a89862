"""`backfill`: any past window, on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from flows.budget import budget_line
from flows.completeness import ranges
from flows.ingest import EXPORTED, Known, Stopwatch, find_kept, ingest, read_ledger
from flows.pipeline import Options
from flows.reporting import finish, run_name
from flows.run import Run, open_run
from flows.settings import Settings, load_settings
from flows.summary import RunReport
from flows.telling import artifact_key
from flows.windows import Day, Window, checked_window, ddmmyyyy, is_gap
from warehouse.ledger import DayState

UNKNOWN_SECONDS = "unknown: nothing was exported yet"


class Exported(StrEnum):
    """What the vendor exports for a window."""

    chats = "chats"
    statistics = "statistics"


@flow(name="backfill", flow_run_name=run_name("backfill"))
async def backfill(
    date_from: Day,
    date_to: Day | None = None,
    datasets: list[Exported] = [Exported.chats, Exported.statistics],  # noqa: B006
    concurrency: Annotated[int | None, Field(ge=1, le=64)] = None,
    force: bool = False,
    accept_smaller: bool = False,
    dry_run: bool = False,
    from_raw: bool = False,
    only_missing: bool = False,
) -> None:
    """Load a past window of days again or for the first time, and publish it.

    Args:
        date_from: The first day, written dd.mm.yyyy, such as 01.02.2026.
        date_to: The last day, included, written dd.mm.yyyy; yesterday if empty.
        datasets: Which exports: chats, statistics or both.
        concurrency: How many exports may run at once; at most SMARTCONNECT_EXPORT_JOBS.
        force: Load days anew even if their content is the same as before.
        accept_smaller: Load days that come back with far fewer rows than they had.
        dry_run: Only say which days and how many exports, and how long they may take.
        from_raw: Read the files that are kept in raw/ again, such as after a change of the mapping
            file, instead of asking SmartConnect for new exports. No token is needed.
        only_missing: Only the gaps: days that were never loaded, or before they had ended. A held
            day is no gap: its earlier rows are there.
    """
    settings = load_settings()
    window = checked_window(date_from, date_to, settings.today().date())
    names = [Exported(name).value for name in datasets] or list(EXPORTED)
    name = flow_run.name or "backfill"
    async with open_run(
        settings, name, flow_run.id or "", export_jobs=concurrency, offline=from_raw
    ) as run:
        if dry_run:
            known = await read_ledger(run, names)
            if from_raw:
                return await tell_plan(await kept_lines(run, window, names))
            wanted = {
                name: wanted_days(window, known.states[name], run.zone, only_missing=only_missing)
                for name in names
            }
            keys = [(name, day) for name in names for day in wanted[name]]
            lines = plan_lines(window, wanted, known, settings, concurrency)
            return await tell_plan([*lines, budget_line(run, keys, known.export_seconds)])
        report = RunReport(name)
        with Stopwatch(report):
            options = Options(force=force, accept_smaller=accept_smaller, from_raw=from_raw)

            def plan(_: str, states: Mapping[date, DayState]) -> Sequence[date]:
                return wanted_days(window, states, run.zone, only_missing=only_missing)

            await ingest(run, report, names, plan, options)
        return await finish(report, "backfill-summary")


def wanted_days(
    window: Window, states: Mapping[date, DayState], zone: ZoneInfo, *, only_missing: bool
) -> list[date]:
    """The days of the window, or only its gaps."""
    observed = {day: state.observed_at for day, state in states.items()}
    return [day for day in window.days() if not only_missing or is_gap(day, observed, zone)]


def plan_lines(
    window: Window,
    wanted: Mapping[str, Sequence[date]],
    known: Known,
    settings: Settings,
    concurrency: int | None,
) -> list[str]:
    """What a backfill would do, in sentences: days, exports, how long from past ones."""
    exports = sum(len(days) for days in wanted.values())
    at_once = min(concurrency or settings.export_jobs, settings.export_jobs)
    lines = [f"Days: {window} ({len(window.days())}).", f"Exports: {exports}."]
    for name, days in wanted.items():
        missing = [day for day in days if day not in known.states[name]]
        listed = ", ".join(ranges(missing)[:31])
        lines.append(f"{name}: {len(missing)} not loaded yet{': ' + listed if listed else ''}.")
        unripe = [day for day in days if day in known.states[name]]
        if len(days) < len(window.days()) and unripe:
            lines.append(f"{name}: {len(unripe)} loaded too early: {', '.join(ranges(unripe))}.")
    took = [(known.export_seconds[name], len(days)) for name, days in wanted.items()]
    seconds = [(each, count) for each, count in took if each is not None]
    if not seconds:
        return [*lines, f"Time for the exports: {UNKNOWN_SECONDS}."]
    mean = sum(each for each, _ in seconds) / len(seconds)
    told = f"about {mean * exports / at_once:.0f} seconds, {at_once} at once"
    return [*lines, f"Time for the exports: {told}."]


async def kept_lines(run: Run, window: Window, names: Sequence[str]) -> list[str]:
    """What a backfill from kept files would do, in sentences."""
    await find_kept(run, [(name, day) for name in names for day in window.days()])
    lines = [f"Days: {window} ({len(window.days())}).", "Exports: none, kept files are read again."]
    for name in names:
        missing = [day for day in window.days() if not run.replays[name, day]]
        listed = ", ".join(ddmmyyyy(day) for day in missing[:31])
        lines.append(
            f"{name}: {len(missing)} days without a kept file{': ' if listed else ''}{listed}."
        )
    return lines


async def tell_plan(lines: Sequence[str]) -> None:
    """Leave the plan as an artifact and in the log; nothing was started."""
    said = "\n".join(f"- {line}" for line in lines)
    await acreate_markdown_artifact(
        markdown=f"## Dry run: nothing was started\n\n{said}\n", key=artifact_key("backfill-plan")
    )
    for line in lines:
        get_run_logger().info(line)
