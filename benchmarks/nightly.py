"""A nightly on warehouses of different sizes: its cost is to depend on the day, not on the years.

Every step that touches the data directory, without the vendor's waiting and Prefect's server. The
copy of the database is told apart: it goes at the disk's speed, or costs nothing where files can
share blocks (ADR 11).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmarks.measure import Measured, Side, interleave, run_side
from benchmarks.sides.invented import FIRST_ID
from benchmarks.table import MIB, console, judge, of, spread

LARGEST_TO_SMALLEST = 1.3
COPY = "copy the database"
BUILD_DEADLINE_SECONDS = 7200.0


def run(
    folder: Path, *, sizes: Sequence[int], day_rows: int, rounds: int, say: Callable[[str], None]
) -> bool:
    """Build a warehouse of each size, with statistics; then a night in each of them a round.

    Returns:
        Whether the CPU in the largest, its copy aside, is within the bound of that in the smallest.
    """
    last = date.today() - timedelta(days=1)  # noqa: DTZ011  (a nightly's yesterday)
    sides = [_side(folder, rows, day_rows, last, say) for rows in sorted(sizes)]
    interleave(sides, rounds, say)
    table = Table(
        title=f"A nightly with a day of {day_rows:,} rows: CPU s, wall s of the whole",
        caption="min / median / max of the rounds",
    )
    for heading in ("", *(side.name for side in sides)):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name in sorted(sides[0].runs[0].told, key=lambda name: name == COPY):
        table.add_row(name, *(spread(of(side, _cpu_of(name))) for side in sides))
    table.add_row("all but the copy", *(spread(of(side, cost)) for side in sides))
    table.add_row("wall, the copy too", *(spread(of(side, _wall)) for side in sides))
    table.add_row(
        "peak MiB", *(spread(of(side, lambda run: run.peak_bytes / MIB), 0) for side in sides)
    )
    console.print(table)
    ratios = [
        cost(large) / cost(small)
        for small, large in zip(sides[0].runs, sides[-1].runs, strict=True)
    ]
    what = f"CPU at {sides[-1].name} ÷ at {sides[0].name}, the copy aside, median"
    return judge(what, median(ratios), LARGEST_TO_SMALLEST)


def cost(run: Measured) -> float:
    """CPU seconds of a night, the copy of the database aside."""
    return sum(float(told["cpu"]) for name, told in run.told.items() if name != COPY)


def _wall(run: Measured) -> float:
    return sum(float(told["wall"]) for told in run.told.values())


def _cpu_of(name: str) -> Callable[[Measured], float]:
    return lambda run: float(run.told[name]["cpu"])


def _side(folder: Path, rows: int, day_rows: int, last: date, say: Callable[[str], None]) -> Side:
    """A warehouse of `rows`, whose newest day comes anew in each round, with other texts."""
    name, root = f"{rows:,} rows", folder / str(rows)
    days = max(1, rows // day_rows)
    say(f"building a warehouse of {name}, {days} days")
    arguments = ("--days", days, "--rows", day_rows, "--statistics", "--last", last)
    run_side("built_warehouse", root, *arguments, deadline_seconds=BUILD_DEADLINE_SECONDS)
    export = folder / f"{rows}-export" / f"{last}.csv"
    export.parent.mkdir()
    nights = iter(range(1_000_000))

    def work() -> Measured:
        first_id = FIRST_ID + (days - 1) * day_rows
        told = ("--first-id", first_id, "--day", last, "--ending", f" {next(nights)}")
        run_side("invented", "csv", export, "--rows", day_rows, *told)
        return run_side("night", root, export)

    # The second night is the first that finds a release to take over from, as every later one does.
    for _ in range(3):
        work()
    return Side(name, work)
