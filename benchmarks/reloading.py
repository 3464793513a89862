"""One day loaded again, with other texts, into warehouses of different sizes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmarks.measure import Measured, Side, interleave, run_side
from benchmarks.table import MIB, console, judge, of, spread

CPU_SECONDS = 0.5


def run(
    folder: Path, *, sizes: Sequence[int], day_rows: int, rounds: int, say: Callable[[str], None]
) -> bool:
    """Build a warehouse of each size, then load its middle day again in each round.

    Returns:
        Whether the CPU before publication, in the process that loads, is within its bound in all.
    """
    sides = [_side(folder, rows, day_rows, rounds, say) for rows in sizes]
    interleave(sides, rounds, say)
    table = Table(
        title=f"A day of {day_rows:,} rows loaded again: CPU s before publication",
        caption="min / median / max of the rounds; start-up: interpreter and imports",
    )
    for heading in ("warehouse", "read, normalise, lake", "load", "both", "start-up", "peak MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for side in sides:
        table.add_row(
            side.name,
            spread(of(side, lambda run: run.told["normalise"])),
            spread(of(side, lambda run: run.told["load"])),
            spread(of(side, _before_publication)),
            spread(of(side, lambda run: run.cpu_seconds - _before_publication(run))),
            spread(of(side, lambda run: run.peak_bytes / MIB), 0),
        )
    console.print(table)
    figures = {side.name: median(of(side, _before_publication)) for side in sides}
    held = [judge(f"{name}, median", cpu, CPU_SECONDS, " s") for name, cpu in figures.items()]
    return all(held)


def _before_publication(run: Measured) -> float:
    return float(run.told["normalise"] + run.told["load"])


def _side(folder: Path, rows: int, day_rows: int, rounds: int, say: Callable[[str], None]) -> Side:
    """A warehouse of `rows`, and an export of its middle day for each round, each one different."""
    name = f"{rows:,} rows"
    say(f"building a warehouse of {name}")
    root, days = folder / str(rows), max(1, rows // day_rows)
    arguments = ("--days", days, "--rows", day_rows)
    told = run_side("built_warehouse", root, *arguments, deadline_seconds=1800).told
    exports = []
    for number in range(rounds):
        path = folder / f"{rows}-{number}" / f"{told['middle_day']}.csv"
        path.parent.mkdir()
        ending = ("--ending", f" {number}")
        first_id = ("--first-id", told["first_id"], "--day", told["middle_day"])
        run_side("invented", "csv", path, "--rows", day_rows, *ending, *first_id)
        exports.append(path)

    def work() -> Measured:
        path = exports.pop()
        measured = run_side("ours", "again", root, path)
        shutil.rmtree(path.parent)
        return measured

    return Side(name, work)
