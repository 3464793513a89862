"""What a company says of its own work: hours, holidays, teams, targets. Read from `reporting.toml`.

    [hours]
    monday = "09:00-18:00"                 # or "09:00-13:00, 14:00-18:00", "00:00-24:00", "closed"

    [days]
    "2026-01-01" = "closed"
    "2026-03-06" = "09:00-17:00"

    [teams]
    "Sales" = ["501", "502"]               # ids of operators; or teams_from = "department"

    [[targets]]
    name = "First answer in 15 minutes"
    within = "15m"

All times are local, of the company's time zone, so that an hour that a clock change skips or says
twice counts as long as it was. The calendar is made from this, with instants in UTC.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)

from warehouse.errors import ReportingFileWrong

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INTERVAL = re.compile(r"([0-2]?\d):([0-5]\d)\s*[-–]\s*([0-2]?\d):([0-5]\d)")
_DURATION = re.compile(r"(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+)\s*s)?")
_DAY_MINUTES = 24 * 60
Interval = tuple[int, int]


def _hours(said: object) -> object:
    """`09:00-13:00, 14:00-18:00` as pairs of minutes of the day."""
    if not isinstance(said, str):
        return said
    if said.strip().lower() in ("closed", ""):
        return ()
    found = [_INTERVAL.fullmatch(part.strip()) for part in said.split(",")]
    if any(match is None for match in found):
        raise ValueError('hours are written "09:00-18:00", "09:00-13:00, 14:00-18:00" or "closed"')
    numbers = [tuple(map(int, match.groups())) for match in found if match]
    pairs = tuple(
        (from_h * 60 + from_m, to_h * 60 + to_m) for from_h, from_m, to_h, to_m in numbers
    )
    if len(pairs) > 2:
        raise ValueError("a day has at most two parts, with one pause between them")
    ends = [minute for pair in pairs for minute in pair]
    if ends != sorted(set(ends)) or ends[-1] > _DAY_MINUTES:
        raise ValueError(
            "hours go forward within a day, from 00:00 to 24:00; a night shift is two parts: "
            '"22:00-24:00" on one day, "00:00-06:00" on the next'
        )
    return pairs


def _written(pairs: tuple[Interval, ...]) -> str:
    parts = [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in pairs]
    return ", ".join(parts) or "closed"


def _duration(said: object) -> object:
    """`1h 30m` as seconds."""
    if not isinstance(said, str):
        return said
    match = _DURATION.fullmatch(said.strip())
    if match is None or not any(match.groups()):
        raise ValueError('a duration is written "15m", "1h 30m" or "90s"')
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


Hours = Annotated[
    tuple[Interval, ...], BeforeValidator(_hours), PlainSerializer(_written, return_type=str)
]
Seconds = Annotated[int, BeforeValidator(_duration), Field(gt=0)]
_OFFICE: tuple[Interval, ...] = ((9 * 60, 18 * 60),)


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Week(_Said):
    """Working hours by weekday."""

    monday: Hours = _OFFICE
    tuesday: Hours = _OFFICE
    wednesday: Hours = _OFFICE
    thursday: Hours = _OFFICE
    friday: Hours = _OFFICE
    saturday: Hours = ()
    sunday: Hours = ()

    def of(self, day: date) -> tuple[Interval, ...]:
        """The hours of a day by its weekday alone."""
        found: tuple[Interval, ...] = getattr(self, WEEKDAYS[day.weekday()])
        return found


class Target(_Said):
    """How soon an answer is due."""

    name: str = Field(min_length=1)
    within: Seconds
    working_hours: bool = True
    first_only: bool = True
    channel: str | None = None


class Business(_Said):
    """All that the file says; without a file, an office from Monday to Friday."""

    hours: Week = Week()
    days: dict[date, Hours] = {}
    teams: dict[str, tuple[str, ...]] = {}
    teams_from: str | None = Field(None, min_length=1)
    targets: tuple[Target, ...] = (Target(name="15m", within=15 * 60),)
    overloaded_above: float = Field(1.5, gt=1)

    @field_validator("teams")
    @classmethod
    def _in_one_team(cls, teams: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        seen: dict[str, str] = {}
        for team, operators in teams.items():
            for operator in operators:
                if operator in seen:
                    raise ValueError(
                        f"operator {operator!r} is in {seen[operator]!r} and in {team!r}: "
                        "one team only, else their answers count twice"
                    )
                seen[operator] = team
        return teams

    @model_validator(mode="after")
    def _one_source_of_teams(self) -> Business:
        if self.teams and self.teams_from:
            raise ValueError("say either teams or teams_from, not both")
        names = [target.name for target in self.targets]
        if len(names) != len(set(names)):
            raise ValueError("two targets have the same name")
        return self

    def hours_of(self, day: date) -> tuple[Interval, ...]:
        """The working hours of a day: what is said of the date, else of its weekday."""
        return self.days[day] if day in self.days else self.hours.of(day)


def read_business(path: Path) -> Business:
    """Read and check a reporting file.

    Raises:
        ReportingFileWrong: it can't be read, or a key can't be meant; the message names it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReportingFileWrong(
            f"The reporting file {path} can't be read ({error.strerror or type(error).__name__}): "
            "correct SMARTCONNECT_REPORTING_FILE, or the file's owner and mode."
        ) from None
    except UnicodeDecodeError:
        raise ReportingFileWrong(f"{path} is not UTF-8: save it as UTF-8.") from None
    return parse_business(text, str(path))


def parse_business(text: str, name: str) -> Business:
    """Check the text of a reporting file; `name` is what errors call it.

    Raises:
        ReportingFileWrong: as `read_business`.
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ReportingFileWrong(f"{name} is not TOML: {error}.") from None
    try:
        return Business.model_validate(said)
    except ValidationError as error:
        lines = "; ".join(_problem(problem) for problem in error.errors(include_url=False))
        raise ReportingFileWrong(
            f"{name} can't be used: {lines}. docs/reporting-file.md shows every key."
        ) from None


def _problem(problem: Any) -> str:
    """One wrong key in words."""
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]") or "the file"
    told: Literal["unknown key"] | str = (
        "unknown key" if problem["type"] == "extra_forbidden" else problem["msg"]
    )
    return f"{key}: {told.removeprefix('Value error, ')}"
