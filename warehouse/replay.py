"""Which raw files make a day again, and in which order.

The ledger decides what was accepted: its loads come again as they were. What was observed later and
is in no ledger (its load failed) is tried after them. Without a ledger every observation comes
again in the order in which the exports were started, as the nightly runs once had them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from warehouse.database import Writer
from warehouse.layout import DataDirectory
from warehouse.ledger import DayState, day_files, day_states, utc
from warehouse.raw import RawObservation, raw_missing, raw_observations

LOADED, UNCHANGED, HELD = "loaded", "unchanged", "held"


@dataclass(frozen=True)
class Step:
    """A raw file to load, as observed at `raw.observed_at`.

    `accepted`: the ledger has it as loaded, so that its size isn't judged again and its failure is
    news; else it never was loaded. `kept`: there is no file any more, and none is needed.
    """

    raw: RawObservation
    accepted: bool
    kept: KeptDay | None = None


@dataclass(frozen=True)
class KeptDay:
    """A loaded day whose export file is gone by the company's rule: its lake file stands for it."""

    load_id: str
    lake_file: Path
    contract_version: str
    mapping_version: str


@dataclass(frozen=True)
class Ledger:
    """What the ledger says of one dataset: its days, and each observation's best outcome.

    Attributes:
        states: what each day holds.
        outcomes: (day, observed_at) → outcome; loaded where it was loaded at any time.
        files: load_id → (hash of its file, observed_at).
        lake: each day's lake file.
        removed: days and hashes of files that went by the company's rule.
    """

    states: Mapping[date, DayState]
    outcomes: Mapping[tuple[date, datetime], str]
    files: Mapping[str, tuple[str | None, datetime]]
    lake: Mapping[date, Path] = field(default_factory=dict)
    removed: frozenset[tuple[date, str]] = frozenset()


NO_LEDGER = Ledger({}, {}, {})


def read_outcomes(writer: Writer, dataset: str) -> Ledger:
    """One dataset's part of the ledger."""
    rows = writer.connection.execute(
        """SELECT window_day, observed_at, outcome, load_id, file_sha256
           FROM meta.loads WHERE dataset = ? ORDER BY loaded_at""",
        [dataset],
    ).fetchall()
    outcomes: dict[tuple[date, datetime], str] = {}
    for day, observed_at, outcome, _, _ in rows:
        key = (day, utc(observed_at))
        if outcomes.get(key) != LOADED:
            outcomes[key] = outcome
    files = {row[3]: (row[4], utc(row[1])) for row in rows}
    lake = {day: file.path for day, file in day_files(writer, dataset).items()}
    gone = writer.connection.execute(
        "SELECT window_day, file_sha256 FROM meta.removed_files WHERE dataset = ?", [dataset]
    ).fetchall()
    removed = frozenset((row[0], str(row[1])) for row in gone)
    return Ledger(day_states(writer, dataset), outcomes, files, lake, removed)


def replay_steps(
    layout: DataDirectory,
    ledger: Ledger,
    dataset: str,
    days: Iterable[date],
    *,
    accept_smaller: bool = False,
) -> dict[date, list[Step]]:
    """What to read again for each day: the file it holds, then later ones that never were loaded.

    A day of which nothing is kept has no steps. With `accept_smaller`, later ones that were held
    count as well.
    """
    return {
        day: _replayed(ledger, raw_observations(layout, dataset, day), day, accept_smaller)
        for day in days
    }


def _replayed(
    ledger: Ledger, seen: Sequence[RawObservation], day: date, accept_smaller: bool
) -> list[Step]:
    state = ledger.states.get(day)
    if state is None:
        return _later(ledger, seen, None, accept_smaller)[-1:]
    held = next((raw for raw in seen if raw.sha256 == state.file_sha256), None)
    base = [Step(replace(held, observed_at=state.observed_at), True)] if held else []
    return base + _later(ledger, seen, state.observed_at, accept_smaller)[-1:]


def _later(
    ledger: Ledger, seen: Sequence[RawObservation], after: datetime | None, accept_smaller: bool
) -> list[Step]:
    refused = {"superseded"} if accept_smaller else {"superseded", HELD}
    return [
        Step(raw, False)
        for raw in seen
        if (after is None or raw.observed_at > after)
        and ledger.outcomes.get((raw.window_day, raw.observed_at)) not in refused
    ]


def rebuild_steps(layout: DataDirectory, ledger: Ledger, dataset: str) -> list[Step]:
    """Everything that makes a dataset's days again, the earliest observation first.

    Raises:
        RawMissing: a file that a day holds isn't kept: without it the day would be lost.
    """
    seen = raw_observations(layout, dataset)
    by_file = {(raw.window_day, raw.sha256): raw for raw in seen}
    steps: list[Step] = []
    for day, state in ledger.states.items():
        sha256, loaded_at = ledger.files.get(state.load_id, (state.file_sha256, state.observed_at))
        found = []
        for file, observed_at in ((sha256, loaded_at), (state.file_sha256, state.observed_at)):
            raw = by_file.get((day, file or ""))
            if raw is not None:
                found.append(Step(replace(raw, observed_at=observed_at), True))
            elif (day, file) not in ledger.removed or layout.files.fetch([ledger.lake[day]]):
                raise raw_missing(dataset, day, file)
        steps += found or [_kept_step(dataset, state, ledger.lake[day])]
    for raw in seen:
        holding = ledger.states.get(raw.window_day)
        steps += _later(ledger, [raw], holding.observed_at if holding else None, False)
    return sorted(dict.fromkeys(steps), key=lambda step: step.raw.observed_at)


def _kept_step(dataset: str, state: DayState, lake_file: Path) -> Step:
    nothing = RawObservation(
        dataset=dataset,
        window_day=state.window_day,
        path=lake_file,
        sha256=state.file_sha256,
        size_bytes=0,
        observed_at=state.observed_at,
    )
    kept = KeptDay(state.load_id, lake_file, state.contract_version, state.mapping_version)
    return Step(nothing, True, kept)


def rebuild_list_steps(layout: DataDirectory, ledger: Ledger, dataset: str) -> list[Step]:
    """Every list (users) that was loaded or never could be, the earliest first.

    Raises:
        RawMissing: a list that the history was made from isn't kept.
    """
    seen = raw_observations(layout, dataset)
    kept = {(raw.window_day, raw.observed_at) for raw in seen}
    for (day, observed_at), outcome in ledger.outcomes.items():
        if outcome == LOADED and (day, observed_at) not in kept:
            raise raw_missing(dataset, day)
    steps = []
    for raw in seen:
        told = ledger.outcomes.get((raw.window_day, raw.observed_at))
        if told in (None, LOADED, UNCHANGED):
            steps.append(Step(raw, told is not None))
    return steps
