"""`nightly`: the last days of every dataset, the days that are missing, and the users list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.completeness import DatasetDays, State, as_markdown, ranges, told_by
from flows.ingest import EXPORTED, Stopwatch, ingest
from flows.pipeline import Options
from flows.reporting import finish, run_name, tell_watchman
from flows.run import Run, open_run
from flows.sending import alerting
from flows.settings import load_settings
from flows.space import space_warning
from flows.stages import in_thread
from flows.summary import RunReport
from flows.telling import leave_artifact
from flows.windows import ddmmyyyy, nightly_days
from flows.writersession import writer_session
from warehouse.completeness import DAY_FACTS_SQL, day_facts
from warehouse.database import Writer
from warehouse.ledger import DayState
from warehouse.retention import apply_retention
from warehouse.space import disk_left
from warehouse.storedleftovers import longer_than_any_run, sweep_stored

Lookback = Annotated[int | None, Field(ge=1, le=366)]


@flow(name="nightly", flow_run_name=run_name("nightly"))
async def nightly(lookback_days: Lookback = None) -> None:
    """Bring the warehouse up to yesterday, and publish it.

    Args:
        lookback_days: How many past days to ask for again; the setting SMARTCONNECT_LOOKBACK_DAYS
            if empty. Days that are missing since the last success are asked for anyway.
    """
    settings = load_settings()
    report = RunReport(flow_run.name or "nightly")
    lookback = lookback_days or settings.lookback_days
    async with (
        alerting(settings, report, flow_run.id or ""),
        open_run(settings, report.title, flow_run.id or "") as run,
    ):
        with Stopwatch(report):

            def plan(_: str, states: Mapping[date, DayState]) -> Sequence[date]:
                return planned(run, states, lookback)

            await ingest(run, report, EXPORTED, plan, Options(fit_budget=True), with_users=True)
        report.notes += [*await retire(run), *await tell_completeness(run)]
        report.warnings += await space_left(run)
        await finish(report, "nightly-summary")
    await tell_watchman(settings)


async def retire(run: Run) -> list[str]:
    """Remove what the settings keep no longer; what it came to, in sentences."""
    settings = run.settings
    if run.layout.files.shared:
        async with writer_session(run) as writer:
            oldest = longer_than_any_run(settings.run_deadline_seconds)
            await in_thread(sweep_stored, writer, oldest)
    if settings.keep_raw_days is None and settings.keep_quarantine_days is None:
        return []
    async with writer_session(run) as writer:
        removed = await in_thread(
            apply_retention,
            writer,
            datetime.now(UTC),
            keep_raw_days=settings.keep_raw_days,
            keep_quarantine_days=settings.keep_quarantine_days,
        )
    if not removed:
        return []
    return [
        f"Retention: {removed.raw_files} export files ({removed.raw_bytes / 1024**2:.1f} MB) and "
        f"{removed.quarantine_files} files of the quarantine were removed; their days stay."
    ]


async def space_left(run: Run) -> list[str]:
    """A warning where the disk will be full soon."""
    use = await in_thread(disk_left, run.layout)
    said = space_warning(use, run.settings.warn_days_left)
    return [said] if said else []


async def tell_completeness(run: Run) -> list[str]:
    """Leave the calendar of days as an artifact; says which gaps no nightly will fill by itself."""

    def read(writer: Writer) -> list[tuple[Any, ...]]:
        return writer.connection.execute(DAY_FACTS_SQL).fetchall()

    async with writer_session(run) as writer:
        known = day_facts(await in_thread(read, writer))
    told = told_by(run.settings, known)
    await leave_artifact("completeness", as_markdown(told))
    reach = run.settings.today().date() - timedelta(days=run.settings.catch_up_days)
    return [line for days in told if (line := beyond_reach(days, reach))]


def beyond_reach(days: DatasetDays, reach: date) -> str | None:
    """Which days before `reach` are missing, and how to fill them; None if none is."""
    gaps = [day for day in days.of(State.MISSING) if day < reach]
    if not gaps or days.dataset not in EXPORTED:
        return None
    return (
        f"{days.dataset}: {len(gaps)} days before {ddmmyyyy(reach)} are missing "
        f"({', '.join(ranges(gaps)[:6])}), further back than a nightly reaches by itself: "
        f"backfill from {ddmmyyyy(gaps[0])} with only_missing=true."
    )


def planned(run: Run, states: Mapping[date, DayState], lookback_days: int) -> list[date]:
    """The days of one dataset that tonight's run asks for."""
    settings = run.settings
    revisit = () if run.vendor.selection == "message" else settings.revisit_days
    return nightly_days(
        settings.today().date() - timedelta(days=1),
        lookback_days=lookback_days,
        catch_up_days=settings.catch_up_days,
        revisit_days=revisit,
        observed={day: state.observed_at for day, state in states.items()},
        zone=run.zone,
    )
