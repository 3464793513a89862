"""What `smartconnect doctor` found: one line a question, and the settings that follow from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What a line says of its question."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


MARKS = {Verdict.OK: "OK     ", Verdict.WRONG: "WRONG  ", Verdict.UNKNOWN: "UNKNOWN"}


@dataclass(frozen=True)
class Line:
    """One question's answer, in a sentence."""

    name: str
    verdict: Verdict
    said: str

    def __str__(self) -> str:
        return f"{MARKS[self.verdict]}  {self.name}: {self.said}"


@dataclass
class Findings:
    """Collects lines, each told as soon as it is known; a question is answered once.

    Args:
        tell: is given each line.
    """

    tell: Callable[[Line], None]
    lines: list[Line] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def ok(self, name: str, said: str) -> None:
        """It works, or was found out."""
        self._add(Line(name, Verdict.OK, said))

    def wrong(self, name: str, said: str) -> None:
        """It doesn't work; `said` tells what to set or do."""
        self._add(Line(name, Verdict.WRONG, said))

    def unknown(self, name: str, why: str) -> None:
        """Nobody can tell from what came."""
        self._add(Line(name, Verdict.UNKNOWN, f"could not be found out, because {why}"))

    def to_set(self, setting: str, value: str | Mapping[str, str]) -> None:
        """A setting (without its prefix) that follows from what was found."""
        told = value if isinstance(value, str) else f"'{json.dumps(dict(value))}'"
        self.settings[f"SMARTCONNECT_{setting.upper()}"] = told

    def has(self, name: str) -> bool:
        """Whether this question is answered."""
        return any(line.name == name for line in self.lines)

    @property
    def all_right(self) -> bool:
        """Whether nothing is wrong; what could not be found out isn't."""
        return not any(line.verdict is Verdict.WRONG for line in self.lines)

    def _add(self, line: Line) -> None:
        if not self.has(line.name):
            self.lines.append(line)
            self.tell(line)
