"""Marts, the daily report, and the dashboard's first picture, over a whole warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmarks.measure import Measured, run_side
from benchmarks.table import MIB, console, judge, spread

MART_RATIO, REPORT_SECONDS = 2.0, 10.0
# Texts are three fifths of these files (most of any company's), ids of messages a sixth: neither is
# needed. Who is new is told from all clients there ever were.
BYTES_SHARE = 0.5
ROWS_A_DAY = 100_000
# Shorter than this, a mart costs what planning a query costs, and a ratio says nothing.
LEAST_SECONDS = 0.2


def run(folder: Path, *, rows: int, rounds: int, say: Callable[[str], None]) -> bool:
    """Build a warehouse, then run every mart beside its plain query, and a report of its last day.

    Returns:
        Whether every mart, the report and the first picture are within their bounds.
    """
    say(f"building a warehouse of {rows:,} rows")
    root, days = folder / "warehouse", max(1, rows // ROWS_A_DAY)
    arguments = ("--days", days, "--rows", min(rows, ROWS_A_DAY))
    middle = date.fromisoformat(
        run_side("built_warehouse", root, *arguments, deadline_seconds=1800).told["middle_day"]
    )
    last = middle + timedelta(days=days - days // 2 - 1)
    say(f"every mart and its plain query, {rounds} rounds")
    told = run_side("marts", root, "--rounds", rounds, deadline_seconds=3600).told
    held = [_show_marts(told, rows)]
    reports, looks = [], []
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}: the report of a day; the dashboard's first picture")
        reports.append(run_side("reported", "report", root, last, folder / f"report-{number}"))
        looks.append(run_side("reported", "look", root, last))
    held += [_show_report(reports, rows), _show_looks(looks)]
    return all(held)


def _show_marts(told: Mapping[str, Mapping[str, Sequence[float]]], rows: int) -> bool:
    table = Table(
        title=f"Every mart over {rows:,} messages, CPU s",
        caption="min / median / max of the rounds; ratios of the same round",
    )
    for heading in ("mart", "ours", "plainest SQL", "ours ÷ plain"):
        table.add_column(heading, justify="left" if heading == "mart" else "right", no_wrap=True)
    held = True
    for name, sides in told.items():
        found = [ours / plain for ours, plain in zip(sides["ours"], sides["plain"], strict=True)]
        table.add_row(name, spread(sides["ours"]), spread(sides["plain"]), spread(found))
        held &= median(found) < MART_RATIO or median(sides["ours"]) < LEAST_SECONDS
    console.print(table)
    mark = "[green]holds[/]" if held else "[red]does not hold[/]"
    console.print(f"  every mart under {MART_RATIO:g} × the plain query: {mark}", highlight=False)
    return held


def _show_report(reports: Sequence[Measured], rows: int) -> bool:
    walls = [run.wall_seconds for run in reports]
    console.print(
        f"  the report of a day over {rows:,} messages, the command's whole process: "
        f"{spread(walls)} s; CPU {spread([run.cpu_seconds for run in reports])} s; "
        f"peak {spread([run.peak_bytes / MIB for run in reports], 0)} MiB",
        highlight=False,
    )
    return judge("the report, median", median(walls), REPORT_SECONDS, " s")


def _show_looks(looks: Sequence[Measured]) -> bool:
    read, there = looks[0].told["read_bytes"], looks[0].told["published_bytes"]
    console.print(
        f"  the dashboard's first picture (its last seven days) reads {read / MIB:.1f} MiB of "
        f"{there / MIB:.1f} MiB published as Parquet, in "
        f"{spread([run.told['seconds'] for run in looks])} s",
        highlight=False,
    )
    return judge("share of the bytes read", read / there, BYTES_SHARE)
