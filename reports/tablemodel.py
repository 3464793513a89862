"""What a table of a report is, before it becomes HTML or a sheet."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Literal

from reports.words import Words

Kind = Literal["name", "text", "count", "decimal", "share", "change", "duration", "date", "moment"]
Value = str | int | float | dt.date | dt.datetime | None


@dataclass(frozen=True)
class Column:
    """A column: its title and what its values are. Shares are fractions, durations seconds."""

    title: str
    kind: Kind = "count"
    only_in_sheet: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of values in the order of the columns; `missing` are the places of rows without data."""

    name: str
    title: str
    columns: list[Column]
    rows: list[list[Value]]
    note: str = ""
    missing: frozenset[int] = field(default_factory=frozenset)
    summed: bool = False

    def for_page(self, most: int, words: Words) -> Table:
        """Without the columns that only a workbook has room for, and shortened."""
        kept = [n for n, column in enumerate(self.columns) if not column.only_in_sheet]
        narrower = replace(
            self,
            columns=[self.columns[n] for n in kept],
            rows=[[r[n] for n in kept] for r in self.rows],
        )
        return narrower.shortened(most, words)

    def shortened(self, most: int, words: Words) -> Table:
        """The first rows and one for all others: counts added up, the rest left open."""
        if len(self.rows) <= most:
            return self
        others = self.rows[most:]
        last: list[Value] = [words.say("table.others", n=words.number(len(others)))]
        for n, column in enumerate(self.columns[1:], 1):
            values = [r[n] for r in others if isinstance(r[n], int | float)]
            counted = self.summed and column.kind == "count" and values
            last.append(sum(v for v in values if isinstance(v, int)) if counted else None)
        note = words.say(
            "table.shortened", shown=words.number(most), all=words.number(len(self.rows))
        )
        note = f"{self.note} {note}".strip()
        return replace(self, rows=[*self.rows[:most], last], note=note)
