"""Ten companies at once, each with a vendor that takes its time, against one of them alone.

Sandboxes and Prefect's server are processes of their own; so is each company's backfill, as a
worker has them, in the environment that its deployment gives.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

from rich.table import Table

from benchmarks.measure import Measured, run_side
from benchmarks.table import MIB, console, judge
from flows.servers import PREFECT_ENVIRONMENT, running_prefect, running_sandbox_process

SLOWEST_TO_ALONE = 1.2
DATASETS = 2
FIRST_DAY = date(2026, 2, 1)
ALONE = "alone"


def run(
    folder: Path,
    *,
    companies: int,
    days: int,
    export_seconds: float,
    at_once: int,
    say: Callable[[str], None],
) -> bool:
    """Back-fill `days` days of one company, then of `companies` others at the same time.

    Returns:
        Whether the slowest flow took at most its bound of what one takes alone.
    """
    keys = [f"company-{number}" for number in range(1, companies + 1)]
    last = FIRST_DAY + timedelta(days=days - 1)
    window = (f"{FIRST_DAY:%d.%m.%Y}", f"{last:%d.%m.%Y}")
    options = (f"--export-seconds={export_seconds}", f"--max-running={at_once}")
    with ExitStack() as stack:
        say(f"starting Prefect's server and {companies + 1} sandboxes")
        os.environ.update(
            {
                **PREFECT_ENVIRONMENT,
                "PREFECT_HOME": str(folder / "prefect"),
                "PREFECT_API_URL": stack.enter_context(running_prefect(folder / "prefect")),
                "SMARTCONNECT_HOME": str(folder),
            }
        )
        for key in (ALONE, *keys):
            url = stack.enter_context(
                running_sandbox_process(folder / key, *options, f"--token=token-of-{key}")
            )
            _add(folder, key, url, at_once)
        say(f"one company alone, {window[0]} to {window[1]}")
        alone = _backfilled(ALONE, window)
        say(f"{companies} companies at once")
        with ThreadPoolExecutor(companies) as pool:
            together = list(pool.map(lambda key: _backfilled(key, window), keys))
    _show(alone, together, math.ceil(days * DATASETS / at_once) * export_seconds)
    slowest = max(map(_flow_seconds, together)) / _flow_seconds(alone)
    return judge("the slowest ÷ alone", slowest, SLOWEST_TO_ALONE)


def _add(folder: Path, key: str, base_url: str, at_once: int) -> None:
    (folder / "companies").mkdir(exist_ok=True)
    (folder / "companies" / f"{key}.env").write_text(
        f"SMARTCONNECT_TOKEN=token-of-{key}\nSMARTCONNECT_BASE_URL={base_url}\n"
        f"SMARTCONNECT_SANDBOX=true\nSMARTCONNECT_EXPORT_JOBS={at_once}\n"
        # Known, so that no probe is counted: it is made once for a company.
        "SMARTCONNECT_DATE_TO=inclusive\nSMARTCONNECT_SELECTION=message\n",
        encoding="utf-8",
    )


def _backfilled(key: str, window: tuple[str, str]) -> Measured:
    return run_side("backfilled", *window, environment={"SMARTCONNECT_COMPANY": key})


def _flow_seconds(measured: Measured) -> float:
    return float(measured.told["flow_seconds"])


def _show(alone: Measured, together: list[Measured], ideal_seconds: float) -> None:
    table = Table(
        title=f"{len(together)} companies at once; the vendor's part: {ideal_seconds:g} s"
    )
    for heading in ("", "flow s", "with start-up s", "CPU s", "peak MiB"):
        table.add_column(heading, justify="left" if not heading else "right")
    slowest = max(together, key=_flow_seconds)
    for name, measured in (("alone", alone), ("the slowest", slowest)):
        table.add_row(
            name,
            f"{_flow_seconds(measured):.1f}",
            f"{measured.wall_seconds:.1f}",
            f"{measured.cpu_seconds:.1f}",
            f"{measured.peak_bytes / MIB:.0f}",
        )
    console.print(table)
