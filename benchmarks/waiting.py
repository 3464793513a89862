"""A backfill of many days whose exports take a while, against the least that waiting takes.

The sandbox and Prefect's server are processes of their own; the backfill is the flow itself.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from rich.table import Table

from benchmarks.measure import run_side
from benchmarks.table import MIB, console, judge
from flows.servers import PREFECT_ENVIRONMENT, running_prefect, running_sandbox_process

WALL_TO_IDEAL = 1.25
DATASETS = 2
FIRST_DAY = date(2026, 2, 1)


def run(
    folder: Path,
    *,
    days: int,
    export_seconds: float,
    at_once: int,
    messages_per_day: int,
    say: Callable[[str], None],
    bound: float = WALL_TO_IDEAL,
) -> bool:
    """Back-fill `days` days of both datasets; ideal: the rounds of exports, nothing else.

    Returns:
        Whether the run is within its bound, from the flow's start to its end, publication included.
    """
    options = (
        f"--export-seconds={export_seconds}",
        f"--max-running={at_once}",
        f"--messages-per-day={messages_per_day}",
        "--token=benchmark",
    )
    say("starting Prefect's server and the sandbox")
    with (
        running_prefect(folder / "prefect") as api,
        running_sandbox_process(folder / "sandbox", *options) as base_url,
    ):
        os.environ.update(surroundings(folder, api, base_url, at_once))
        # None of them is still to come.
        first = min(FIRST_DAY, date.today() - timedelta(days=days))  # noqa: DTZ011
        last = first + timedelta(days=days - 1)
        say(f"backfill of {first:%d.%m.%Y} to {last:%d.%m.%Y}")
        exports = days * DATASETS
        ideal = math.ceil(exports / at_once) * export_seconds
        window = (f"{first:%d.%m.%Y}", f"{last:%d.%m.%Y}")
        measured = run_side("backfilled", *window, deadline_seconds=600 + 4 * ideal)
    wall = float(measured.told["flow_seconds"])
    table = Table(title=f"{exports} exports of {export_seconds:g} s, {at_once} at once")
    for heading in (
        "ideal s", "flow s", "flow ÷ ideal", "s more a day", "with start-up s", "CPU s",
        "CPU ms a day", "peak MiB",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    table.add_row(
        f"{ideal:.1f}",
        f"{wall:.1f}",
        f"{wall / ideal:.2f}",
        f"{(wall - ideal) / exports:.3f}",
        f"{measured.wall_seconds:.1f}",
        f"{measured.cpu_seconds:.1f}",
        f"{1000 * measured.cpu_seconds / exports:.0f}",
        f"{measured.peak_bytes / MIB:.0f}",
    )
    console.print(table)
    return judge("wall ÷ ideal", wall / ideal, bound)


def surroundings(folder: Path, api: str, base_url: str, at_once: int) -> dict[str, str]:
    """What the flow is told by its environment."""
    return {
        **PREFECT_ENVIRONMENT,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": api,
        "SMARTCONNECT_HOME": str(folder),
        "SMARTCONNECT_SANDBOX": "true",
        "SMARTCONNECT_TOKEN": "benchmark",
        "SMARTCONNECT_BASE_URL": base_url,
        "SMARTCONNECT_DATA_DIR": str(folder / "data"),
        "SMARTCONNECT_EXPORT_JOBS": str(at_once),
        # Known, so that no probe is counted: it is made once for a company.
        "SMARTCONNECT_DATE_TO": "inclusive",
        "SMARTCONNECT_SELECTION": "message",
    }
