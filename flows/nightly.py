"""`nightly`: the last days of every dataset, the days that are missing, and the users list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.ingest import EXPORTED, Stopwatch, ingest
from flows.pipeline import Options
from flows.reporting import finish, run_name, tell_watchman
from flows.run import Run, open_run
from flows.settings import load_settings
from flows.summary import RunReport
from flows.windows import nightly_days
from warehouse.ledger import DayState

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
    async with open_run(settings, report.title, flow_run.id or "") as run:
        with Stopwatch(report):

            def plan(_: str, states: Mapping[date, DayState]) -> Sequence[date]:
                return planned(run, states, lookback)

            await ingest(run, report, EXPORTED, plan, Options(fit_budget=True), with_users=True)
        await finish(report, "nightly-summary")
    await tell_watchman(settings)


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
