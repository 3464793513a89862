"""What a run says at its end: one row a dataset, one line a problem, the same in every place.

A terminal gets a rich table, Prefect an artifact, a caller the numbers. Names, texts and phones
never come here: ids, days and counts do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from rich.table import Table

from flows.windows import ddmmyyyy

COLUMNS = ("dataset", "days", "rows read", "loaded", "duplicates", "quarantined", "seconds")
FAILED = "failed"


@dataclass(frozen=True)
class DayOutcome:
    """What became of one dataset's day. Rows are of its export file; `new` were written."""

    dataset: str
    day: date
    outcome: str
    seconds: float = 0.0
    rows_read: int = 0
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_quarantined: int = 0
    problem: str | None = None
    drift: str | None = None

    @property
    def written(self) -> bool:
        """Whether the warehouse changed."""
        return self.outcome == "loaded"


@dataclass
class RunReport:
    """The outcomes of a run, its warnings (counts that disagree) and its notes.

    `unmirrored` is why its release isn't on the object store, where a person has to help.
    """

    title: str
    outcomes: list[DayOutcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    release: int | None = None
    seconds: float = 0.0
    unmirrored: Exception | None = None

    @property
    def failures(self) -> list[DayOutcome]:
        """The days that failed."""
        return [outcome for outcome in self.outcomes if outcome.outcome == FAILED]

    @property
    def nothing_new(self) -> bool:
        """Whether no day was written and none failed."""
        return not any(outcome.written for outcome in self.outcomes) and not self.failures

    def rows(self) -> list[dict[str, object]]:
        """One row a dataset, keyed by `COLUMNS`."""
        datasets = dict.fromkeys(outcome.dataset for outcome in self.outcomes)
        return [
            _dataset_row(name, [o for o in self.outcomes if o.dataset == name]) for name in datasets
        ]

    def lines(self) -> list[str]:
        """What a person should know beside the table, the worst first."""
        failed = [f"Failed: {_place(o)}: {o.problem}" for o in self.failures]
        held = [f"Held: {_place(o)}: {o.problem}" for o in self.outcomes if o.outcome == "held"]
        if self.unmirrored:
            failed.append(f"Not on the object store: {self.unmirrored}")
        drifted = self.drift_lines()
        if self.nothing_new and self.outcomes:
            return [
                *failed,
                *held,
                *self.warnings,
                *drifted,
                *self.notes,
                "Nothing new: every day is as it was loaded before.",
            ]
        return [*failed, *held, *self.warnings, *drifted, *self.notes]

    def drift_lines(self) -> list[str]:
        """Which columns changed since the load before: a line for each change, its days counted."""
        days: dict[tuple[str, str], list[date]] = {}
        for outcome in self.outcomes:
            if outcome.drift:
                days.setdefault((outcome.dataset, outcome.drift), []).append(outcome.day)
        return [
            f"Columns changed: {dataset} from {ddmmyyyy(min(found))} on "
            f"({len(found)} {'day' if len(found) == 1 else 'days'}): {drift}."
            for (dataset, drift), found in days.items()
        ]

    def markdown(self) -> str:
        """The report for an artifact of Prefect."""
        head = f"## {self.title}\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"
        body = "".join(f"| {' | '.join(_cells(row))} |\n" for row in self.rows())
        said = "".join(f"\n- {line}" for line in [*self.lines(), self.place()])
        return f"{head}{body}{said}\n"

    def place(self) -> str:
        """Where readers find the result."""
        if self.release is None:
            return f"{self.seconds:.1f} seconds; no new release was needed."
        return f"{self.seconds:.1f} seconds; published as release {self.release}."

    def table(self) -> Table:
        """The report for a terminal."""
        table = Table(title=self.title, title_justify="left")
        for name in COLUMNS:
            table.add_column(name, justify="left" if name == "dataset" else "right")
        for row in self.rows():
            table.add_row(*_cells(row))
        return table


def _dataset_row(name: str, outcomes: list[DayOutcome]) -> dict[str, object]:
    return {
        "dataset": name,
        "days": len(outcomes),
        "rows read": sum(o.rows_read for o in outcomes),
        "loaded": sum(o.rows_loaded for o in outcomes if o.written),
        "duplicates": sum(o.rows_duplicate for o in outcomes if o.written),
        "quarantined": sum(o.rows_quarantined for o in outcomes if o.written),
        "seconds": round(sum(o.seconds for o in outcomes), 1),
    }


def _cells(row: dict[str, object]) -> Iterable[str]:
    for name in COLUMNS:
        value = row[name]
        yield f"{value:,}" if isinstance(value, int) else str(value)


def _place(outcome: DayOutcome) -> str:
    return f"{outcome.dataset} of {ddmmyyyy(outcome.day)}"
