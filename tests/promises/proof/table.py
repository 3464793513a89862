"""The promised rows and the deliberate breakages, as their TOML files say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]
OUTCOMES = {
    "R": "retried or recovered by itself, then right",
    "F": "a typed failure that says what to do; old data intact, other days done",
    "Q": "quarantined and counted",
    "W": "right, with a warning",
}


@dataclass(frozen=True)
class Row:
    """One fault and what users can rely on."""

    id: str
    area: str
    fault: str
    outcome: str


@dataclass(frozen=True)
class Mutant:
    """A breakage of one place of the code, which the tests of its row must catch."""

    row: str
    why: str
    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """The file's text with the breakage.

        Raises:
            ValueError: the place isn't there, or there twice: the code has moved on.
        """
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.row}: {self.why}: the text to break is {text.count(self.old)} times in "
                f"{self.file}; a mutant breaks one place."
            )
        return text.replace(self.old, self.new)


def _tables(folder: str, key: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for path in sorted((HERE / folder).glob("*.toml")):
        whole = tomllib.loads(path.read_text(encoding="utf-8"))
        for table in whole.get(key, []):
            yield whole, table


def promised_rows() -> list[Row]:
    """Every row, areas in the order of their files."""
    return [Row(area=whole["area"], **table) for whole, table in _tables("rows", "row")]


def mutants() -> list[Mutant]:
    """Every deliberate breakage."""
    return [Mutant(**table) for _, table in _tables("mutants", "mutant")]
