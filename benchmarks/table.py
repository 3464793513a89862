"""What was measured, as a table of ratios: least, median and most of the rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measured, Side

MIB = 1024**2
WIDTH = 118  # also where the output goes to a file
console = Console(width=WIDTH)


def spread(values: Sequence[float], places: int = 2) -> str:
    """min / median / max."""
    return " / ".join(f"{value:.{places}f}" for value in (min(values), median(values), max(values)))


def show_sides(title: str, sides: Sequence[Side], reference: Side) -> None:
    """A line a side; the ratio is of the same round's CPU to the reference's."""
    table = Table(title=title, caption="min / median / max of the rounds")
    for heading in ("", "CPU s", f"CPU ÷ {reference.name}", "wall s", "peak MiB"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for side in sides:
        table.add_row(
            side.name,
            spread(of(side, lambda run: run.cpu_seconds)),
            spread(ratios(side, reference)),
            spread(of(side, lambda run: run.wall_seconds)),
            spread(of(side, lambda run: run.peak_bytes / MIB), 0),
        )
    console.print(table)


def of(side: Side, figure: Callable[[Measured], float]) -> list[float]:
    """A figure of every round."""
    return [figure(run) for run in side.runs]


def ratios(side: Side, reference: Side) -> list[float]:
    """CPU of a side ÷ CPU of the reference, round by round."""
    return [
        mine.cpu_seconds / theirs.cpu_seconds
        for mine, theirs in zip(side.runs, reference.runs, strict=True)
    ]


def judge(what: str, figure: float, bound: float, unit: str = "") -> bool:
    """Say whether a figure is within its bound."""
    held = figure <= bound
    mark = "[green]holds[/]" if held else "[red]does not hold[/]"
    console.print(f"  {what}: {figure:.2f}{unit}, at most {bound:g}{unit}: {mark}", highlight=False)
    return held
