"""Schema drift: which columns of a dataset's files are new, gone or renamed since the load before.

Two headers with the same key are the same column, wherever it stands. A column that is gone and one
that is new are a rename where both are the same field, or where their headers are alike; that is
told to a person and changes nothing in how the file is read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from transform.contract import Dataset
from transform.contract_errors import SchemaDrift
from transform.datasetmapping import DatasetMapping
from transform.headers import header_key, shown
from transform.likeness import nearest_fields, nearest_header
from transform.matching import EXTRA


@dataclass(frozen=True)
class NewColumn:
    """A column that the load before didn't have. Headers are fit to be shown."""

    header: str
    field: str
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True)
class GoneColumn:
    """A column that only the load before had."""

    header: str
    field: str


@dataclass(frozen=True)
class RenamedColumn:
    """A column that went, and the one that seems to have come for it."""

    header: str
    was: str
    field: str
    was_field: str


@dataclass(frozen=True)
class Drift:
    """What changed between two files of a dataset; falsy where nothing did."""

    new: tuple[NewColumn, ...] = ()
    gone: tuple[GoneColumn, ...] = ()
    renamed: tuple[RenamedColumn, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.renamed)

    def as_json(self) -> str:
        """For the ledger: headers and fields, no values."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def sentence(self) -> str:
        """For a person: `new: 'X' (extra; like user_name); gone: …`."""
        new = [f"{c.header} ({_place(c.field, c.nearest)})" for c in self.new]
        gone = [f"{c.header} ({c.field})" for c in self.gone]
        renamed = [f"{c.was} ({c.was_field}) → {c.header} ({c.field})" for c in self.renamed]
        told = (("new", new), ("gone", gone), ("renamed", renamed))
        return "; ".join(f"{what}: {', '.join(found)}" for what, found in told if found)


def _place(field: str, nearest: tuple[str, ...]) -> str:
    return f"{field}; like {' or '.join(nearest)}" if nearest else field


def find_drift(before: Mapping[str, str], now: Mapping[str, str], dataset: Dataset) -> Drift:
    """Compare the columns (header → field or "extra") of two loads of a dataset.

    Without columns before there is nothing to compare with.
    """
    if not before or not now:
        return Drift()
    before_keys, now_keys = map(_keys, (before, now))
    new = [header for header in now if header_key(header) not in before_keys]
    gone = [header for header in before if header_key(header) not in now_keys]
    renamed: list[RenamedColumn] = []
    for header in list(new):
        was = _came_for(header, now[header], {name: before[name] for name in gone})
        if was is not None:
            new.remove(header)
            gone.remove(was)
            renamed.append(RenamedColumn(shown(header), shown(was), now[header], before[was]))
    taken = set(now.values()) - {EXTRA}
    return Drift(
        tuple(NewColumn(shown(h), now[h], _nearest(h, now, dataset, taken)) for h in new),
        tuple(GoneColumn(shown(h), before[h]) for h in gone),
        tuple(renamed),
    )


def refuse_drift(drift: Drift, dataset: Dataset, mapping: DatasetMapping) -> None:
    """Stop a load whose columns changed, where the mapping file says so.

    A new column that the mapping file names is no surprise.

    Raises:
        SchemaDrift: names the columns and what to do.
    """
    named = {header_key(header) for header in mapping.columns}
    surprises = Drift(
        tuple(column for column in drift.new if header_key(column.header) not in named),
        drift.gone,
        tuple(column for column in drift.renamed if header_key(column.header) not in named),
    )
    if mapping.drift != "stop" or not surprises:
        return
    raise SchemaDrift(
        f"comparing the columns of {dataset.name} with those of the load before",
        surprises.sentence(),
        "The earlier data stays. Name each new column in the mapping file (a field, or "
        f'"{EXTRA}"); where a column is gone for good, set drift = "warn" for one run. Then '
        "backfill the day with from_raw=true: the file is kept.",
    )


def _keys(columns: Mapping[str, str]) -> set[str]:
    return {header_key(header) for header in columns}


def _came_for(header: str, field: str, gone: Mapping[str, str]) -> str | None:
    """The column that went where this one came."""
    if field != EXTRA:
        same = [was for was, was_field in gone.items() if was_field == field]
        if same:
            return same[0]
    return nearest_header(header, gone)


def _nearest(
    header: str, columns: Mapping[str, str], dataset: Dataset, taken: Collection[str]
) -> tuple[str, ...]:
    if columns[header] != EXTRA:
        return ()
    return tuple(nearest_fields(header, dataset, taken))
