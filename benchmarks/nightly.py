"""A nightly on warehouses of different sizes: its cost is to depend on the day, not on the years.

Two figures, both judged. The steps: whatever touches the data directory, without vendor, Prefect
and imports; the stricter one. The whole process: the flow itself on a real Prefect server, its
exports from the sandbox over HTTP, with Python's start and imports: all that a night costs. The
copy of the database is told apart in both: it goes at the disk's speed, or costs nothing where
files can share blocks (ADR 11).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmarks.measure import Measured, Side, interleave, run_side
from benchmarks.sides.invented import FIRST_ID
from benchmarks.table import MIB, console, judge, of, spread
from benchmarks.waiting import surroundings
from flows.servers import running_prefect, running_sandbox_process
from sandbox.company import InventedCompany

LARGEST_TO_SMALLEST = 1.3
LOOKBACK_DAYS = 1  # of the flow: to make a day's messages takes the sandbox longer than us
COPY = "copy the database"
BUILD_DEADLINE_SECONDS = 7200.0


def run(
    folder: Path,
    *,
    sizes: Sequence[int],
    day_rows: int,
    rounds: int,
    say: Callable[[str], None],
    whole: bool = True,
) -> bool:
    """Build a warehouse of each size, with statistics; then a night in each of them a round.

    First of the steps, then, where `whole`, of the flow.

    Returns:
        Whether the CPU in the largest, its copy aside, is within the bound of that in the smallest,
        both of the steps and of the whole process.
    """
    last = date.today() - timedelta(days=1)  # noqa: DTZ011  (a nightly's yesterday)
    for rows in sorted(sizes):
        _build(folder, rows, day_rows, last, say)
    sides = [_side(folder, rows, day_rows, last) for rows in sorted(sizes)]
    interleave(sides, rounds, say)
    held = True
    if whole:  # last, since the sandbox's statistics of the day are of its own messages
        with running_prefect(folder / "prefect") as api:
            flows = [_flow_side(folder, rows, day_rows, last, api) for rows in sorted(sizes)]
            interleave(flows, rounds, say)
        held = _show_whole(flows, day_rows)
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
    what = f"the steps: CPU at {sides[-1].name} ÷ at {sides[0].name}, the copy aside, median"
    return judge(what, median(ratios), LARGEST_TO_SMALLEST) and held


def cost(run: Measured) -> float:
    """CPU seconds of a night, the copy of the database aside."""
    return sum(float(told["cpu"]) for name, told in run.told.items() if name != COPY)


def _wall(run: Measured) -> float:
    return sum(float(told["wall"]) for told in run.told.values())


def _cpu_of(name: str) -> Callable[[Measured], float]:
    return lambda run: float(run.told[name]["cpu"])


def _build(folder: Path, rows: int, day_rows: int, last: date, say: Callable[[str], None]) -> None:
    """A warehouse of `rows`."""
    days = max(1, rows // day_rows)
    say(f"building a warehouse of {rows:,} rows, {days} days")
    arguments = ("--days", days, "--rows", day_rows, "--statistics", "--last", last)
    root = folder / str(rows)
    run_side("built_warehouse", root, *arguments, deadline_seconds=BUILD_DEADLINE_SECONDS)


def _flow_side(folder: Path, rows: int, day_rows: int, last: date, api: str) -> Side:
    """The flow itself on a warehouse of `rows`; each night the vendor tells the day otherwise."""
    asked = 1000
    of_asked = len(InventedCompany(1, asked).sent_on(last)) / asked  # fewer on a Sunday
    place, seeds = folder / f"{rows}-vendor", count(1)

    def work() -> Measured:
        options = (
            f"--messages-per-day={round(day_rows / of_asked)}",
            f"--seed={next(seeds)}",
            "--export-seconds=0.1",
            "--token=benchmark",
        )
        with running_sandbox_process(place, *options) as base_url:
            environment = {
                **surroundings(folder, api, base_url, at_once=2),
                "SMARTCONNECT_DATA_DIR": str(folder / str(rows)),
                "SMARTCONNECT_KEEP_RELEASES": "2",
            }
            return run_side("nightly_flow", LOOKBACK_DAYS, environment=environment)

    work()  # the first replaces what was invented
    return Side(f"{rows:,} rows", work)


def _show_whole(sides: Sequence[Side], day_rows: int) -> bool:
    table = Table(
        title=f"The whole process of a nightly flow, a day of about {day_rows:,} messages"
    )
    for heading in ("", *(side.name for side in sides)):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    table.add_row("CPU s, all but the copy", *(spread(of(side, _without_copy)) for side in sides))
    table.add_row(f"CPU s, {COPY}", *(spread(of(side, _copy_seconds)) for side in sides))
    table.add_row("flow, wall s", *(spread(of(side, _flow_seconds)) for side in sides))
    console.print(table)
    ratios = [
        _without_copy(large) / _without_copy(small)
        for small, large in zip(sides[0].runs, sides[-1].runs, strict=True)
    ]
    what = (
        f"the whole process: CPU at {sides[-1].name} ÷ at {sides[0].name}, the copy aside, median"
    )
    return judge(what, median(ratios), LARGEST_TO_SMALLEST)


def _without_copy(run: Measured) -> float:
    return run.cpu_seconds - _copy_seconds(run)


def _copy_seconds(run: Measured) -> float:
    return float(run.told["copy_cpu_seconds"])


def _flow_seconds(run: Measured) -> float:
    return float(run.told["flow_seconds"])


def _side(folder: Path, rows: int, day_rows: int, last: date) -> Side:
    """The steps on a warehouse of `rows`: the newest day comes in each round, with other texts."""
    name, root = f"{rows:,} rows", folder / str(rows)
    days = max(1, rows // day_rows)
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
