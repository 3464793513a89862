"""What a chaos run counted, told as a table, as lines, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from sandbox.faults import FAULTS

SHOWN_PROBLEMS = 40


@dataclass
class Tally:
    """Counts of one chaos run. `problems` is empty where every promise was kept."""

    seed: int
    seconds: float = 0.0
    phases: int = 0
    rounds_to_converge: list[int] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    drills: Counter[str] = field(default_factory=Counter)
    forms: list[str] = field(default_factory=list)
    rows: int = 0
    queries: int = 0
    releases_read: int = 0
    outlived: int = 0
    disturbed: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def never_injected(self) -> list[str]:
        """Names of faults that never struck."""
        return [name for name in FAULTS if not self.faults[name]]

    def as_json(self) -> str:
        """Everything, for a machine."""
        told = self.__dict__ | {
            "faults_injected": self.faults.total(),
            "faults_never_injected": self.never_injected,
            "kills_in_all": self.kills.total(),
            "runs_in_all": self.runs.total(),
            "good": not self.problems,
        }
        return json.dumps(told, ensure_ascii=False, indent=1)

    def write(self, path: Path) -> None:
        """The summary as a file."""
        path.write_text(self.as_json() + "\n", encoding="utf-8")


def listed(counts: Counter[str]) -> str:
    """`7 time, 3 point`, the most first."""
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"


def show(console: Console, tally: Tally) -> None:
    """The figures, and every problem."""
    table = Table("what", "how many", "which")
    table.add_row("faults injected", f"{tally.faults.total():,}", listed(tally.faults))
    table.add_row("kills", f"{tally.kills.total():,}", listed(tally.kills))
    table.add_row("runs", f"{tally.runs.total():,}", listed(tally.runs))
    table.add_row("ends of runs", f"{tally.endings.total():,}", listed(tally.endings))
    table.add_row("other events", f"{tally.events.total():,}", listed(tally.events))
    rounds = ", ".join(map(str, tally.rounds_to_converge))
    table.add_row("phases", f"{tally.phases:,}", f"converged after {rounds} rounds" * bool(rounds))
    table.add_row("drills", f"{tally.drills.total():,}", listed(tally.drills))
    table.add_row("rows compared", f"{tally.rows:,}", ", ".join(tally.forms))
    table.add_row("readers' queries", f"{tally.queries:,}", f"of {tally.releases_read:,} releases")
    for name in ("lost", "doubled", "disturbed"):
        table.add_row(name, f"{getattr(tally, name):,}", "")
    console.print(table)
    if tally.never_injected:
        console.print(f"Never injected: {', '.join(tally.never_injected)}", highlight=False)
    for problem, count in Counter(tally.problems).most_common(SHOWN_PROBLEMS):
        times = f" ({count} times)" if count > 1 else ""
        said = f"PROBLEM {problem}{times}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)


class Teller:
    """Follows a chaos run: a bar in a terminal, plain lines elsewhere."""

    def __init__(self, console: Console, progress: Progress | None, task: TaskID | None) -> None:
        self._console = console
        self._progress = progress
        self._task = task

    def line(self, said: str) -> None:
        """A line that stays."""
        self._console.print(said, markup=False, highlight=False, soft_wrap=True)

    def tick(self, seconds: float, tally: Tally) -> None:
        """Move the bar."""
        if self._progress is None or self._task is None:
            return
        said = f"{tally.faults.total()} faults, {tally.kills.total()} kills, "
        said += f"{tally.runs.total()} runs"
        self._progress.update(self._task, completed=seconds, description=said)


@contextmanager
def teller(console: Console, total_seconds: float) -> Iterator[Teller]:
    """Tells while the block runs."""
    if not console.is_terminal:
        yield Teller(console, None, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("chaos", total=total_seconds)
        yield Teller(console, progress, task)
