"""Which days are loaded, missing, held, empty, stale, quarantined or late: a calendar a dataset.

One word a day, the one that asks most of a person; told from the ledger alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from flows.mapping import load_mapping
from flows.settings import Settings
from flows.windows import day_end, ddmmyyyy
from transform.datasets import DATASETS
from warehouse.completeness import DayFacts

EXPORTED = ("chats", "statistics")  # what comes by days, and can be backfilled
Versions = Mapping[str, tuple[str, str]]  # dataset → contract's and mapping's version
MONTHS_SHOWN = 13


class State(StrEnum):
    """What a day is. The first that applies, from the top."""

    MISSING = "missing"
    HELD = "held"
    STALE = "stale"
    EMPTY = "empty"
    QUARANTINED = "quarantined"
    LATE = "late"
    LOADED = "loaded"


SYMBOLS = {
    State.MISSING: "×",
    State.HELD: "H",
    State.STALE: "~",
    State.EMPTY: "0",
    State.QUARANTINED: "Q",
    State.LATE: "+",
    State.LOADED: "■",
}
MEANINGS = {
    State.MISSING: "never loaded",
    State.HELD: "the last export had far fewer rows: the earlier ones stay",
    State.STALE: "loaded before the day had ended, or by an earlier contract or mapping",
    State.EMPTY: "the export had no rows",
    State.QUARANTINED: "some records could not be loaded (meta.quarantine)",
    State.LATE: "rows changed after the first load",
    State.LOADED: "loaded",
}
STYLES = {
    State.MISSING: "bold red",
    State.HELD: "bold yellow",
    State.STALE: "yellow",
    State.EMPTY: "cyan",
    State.QUARANTINED: "magenta",
    State.LATE: "blue",
    State.LOADED: "green",
}


@dataclass(frozen=True)
class DatasetDays:
    """A dataset's days from the first that is known to yesterday, and what each is."""

    dataset: str
    states: Mapping[date, State]

    def months(self, last: int | None = MONTHS_SHOWN) -> list[tuple[str, list[State | None]]]:
        """`2026-02` with the states of its days from the 1st to the 31st; None: no such day here.

        Only the `last` months, if given.
        """
        found: dict[str, list[State | None]] = {}
        for day, state in sorted(self.states.items()):
            found.setdefault(f"{day:%Y-%m}", [None] * 31)[day.day - 1] = state
        return list(found.items())[-last if last else 0 :]

    def of(self, *wanted: State) -> list[date]:
        """The days that are one of these."""
        return [day for day, state in sorted(self.states.items()) if state in wanted]

    def counts(self) -> dict[State, int]:
        """How many days are what, none left out that is."""
        return {state: len(self.of(state)) for state in State if self.of(state)}


def state_of(
    facts: DayFacts | None, day: date, zone: ZoneInfo, version: tuple[str, str] | None
) -> State:
    """What a day is.

    Args:
        facts: what the ledger knows of it; None: nothing.
        day: the day.
        zone: the company's time zone, in which the day ends.
        version: of contract and mapping now; None where content isn't read by days (a list).
    """
    if facts is None or facts.observed_at is None:
        return State.HELD if facts is not None and facts.held else State.MISSING
    if facts.held:
        return State.HELD
    read_by = (facts.contract_version, facts.mapping_version)
    if version is not None and (facts.observed_at < day_end(day, zone) or read_by != version):
        return State.STALE
    if not facts.rows:
        return State.EMPTY
    if facts.rows_quarantined:
        return State.QUARANTINED
    return State.LATE if version is not None and facts.contents > 1 else State.LOADED


def completeness(
    known: Mapping[str, Mapping[date, DayFacts]],
    yesterday: date,
    zone: ZoneInfo,
    versions: Versions,
) -> list[DatasetDays]:
    """Each dataset's days, from the first that the ledger knows to yesterday."""
    told = []
    for dataset, facts in sorted(known.items()):
        first, last = min(facts), max(yesterday, *facts)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        states = {
            day: state_of(facts.get(day), day, zone, versions.get(dataset))
            for day in days
            if day <= yesterday or day in facts
        }
        told.append(DatasetDays(dataset, states))
    return told


def told_by(settings: Settings, known: Mapping[str, Mapping[date, DayFacts]]) -> list[DatasetDays]:
    """`completeness` as of now, by the company's time zone, contract and mapping file."""
    mapping = load_mapping(settings)
    versions = {name: (DATASETS[name].version, mapping.of(name).version) for name in EXPORTED}
    yesterday = settings.today().date() - timedelta(days=1)
    return completeness(known, yesterday, settings.zone, versions)


def ranges(days: Iterable[date]) -> list[str]:
    """`01.02.2026–03.02.2026`, `05.02.2026`: days in a row as one."""
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return [ddmmyyyy(run[0]) + (f"–{ddmmyyyy(run[-1])}" if len(run) > 1 else "") for run in runs]


def cures(days: DatasetDays) -> list[str]:
    """What to do about what a dataset lacks, a sentence each."""
    said = []
    gaps = days.of(State.MISSING)
    if gaps and days.dataset in EXPORTED:
        said.append(
            f"{days.dataset}: {len(gaps)} missing ({', '.join(ranges(gaps)[:6])}"
            f"{', …' if len(ranges(gaps)) > 6 else ''}): backfill from {ddmmyyyy(gaps[0])} "
            "with only_missing=true."
        )
    held = days.of(State.HELD)
    if held:
        said.append(
            f"{days.dataset}: {len(held)} held ({', '.join(ranges(held)[:6])}): if the smaller "
            "export is right, run again with accept_smaller=true."
        )
    return said


def as_markdown(told: Iterable[DatasetDays]) -> str:
    """The calendars for an artifact of Prefect."""
    parts = ["## Which days are loaded", ""]
    parts += [f"- `{SYMBOLS[state]}` {state}: {MEANINGS[state]}" for state in State]
    numbers = "".join(f"{n % 10}" for n in range(1, 32))
    for days in told:
        counted = ", ".join(f"{count} {state}" for state, count in days.counts().items())
        parts += ["", f"### {days.dataset}: {counted}", "", "```", f"         {numbers}"]
        for month, states in days.months():
            marks = "".join(SYMBOLS[state] if state else " " for state in states)
            parts.append(f"{month}  {marks}".rstrip())
        parts.append("```")
        parts += [f"- {line}" for line in cures(days)]
    return "\n".join(parts) + "\n"
