"""A list of records from the API (users) → a typed table.

Values come with JSON's own types and any nesting; what isn't published is kept, not dropped: nested
values become JSON text, unknown keys go to `extra` with their types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from transform.contract import Dataset
from transform.matching import Binding, match_columns
from transform.privacy import Privacy, Shield
from transform.quarantine import Quarantine, as_json
from transform.rules import Origin, Report, Rules

Record = Mapping[str, object]


@dataclass(frozen=True)
class NormalisedTable:
    """A list as a table: rows read = rows of the table + rows of the quarantine."""

    table: pa.Table
    quarantine: pa.Table
    report: Report


def normalise_records(
    records: Sequence[Record],
    dataset: Dataset,
    origin: Origin,
    *,
    rules: Rules | None = None,
    shield: Shield | None = None,
) -> NormalisedTable:
    """Type a list that comes whole, such as the company's users.

    A record without its key, or that isn't an object, is quarantined. Of two records with one key
    the first is kept and the second quarantined: both can't be shown, and neither is silently lost.

    Raises:
        MissingColumn: the records have no key under any known name.
        AmbiguousColumn: two of their names have an equal claim to one field.
        TooManyQuarantined: the list must have been misunderstood.
    """
    rules = rules or Rules()
    shield = shield or Privacy().of(dataset)
    quarantine = Quarantine(f"normalising the list of {dataset.name}", rules, keep_raw=not shield)
    names = list(
        dict.fromkeys(str(name) for record in records if _is_object(record) for name in record)
    )
    binding = match_columns(names, dataset, rules.mapping) if records else None
    rows = _rows(records, dataset, names, binding, quarantine) if binding else []
    quarantine.judge(len(records))
    return NormalisedTable(
        table=shield.table(_table(rows, dataset, origin)),
        quarantine=quarantine.table(),
        report=Report(
            dataset=dataset.name,
            rows_read=len(records),
            rows_out=len(rows),
            rows_quarantined=len(quarantine),
            columns=binding.columns if binding else {},
            reasons=dict(quarantine.reasons),
            notes=tuple(binding.notes) if binding else (),
        ),
    )


def key_header(
    records: Sequence[Record], dataset: Dataset, mapping: Mapping[str, str] | None = None
) -> str | None:
    """Under which name the records have their dataset's key; None where no name of theirs is known.

    Raises:
        AmbiguousColumn: two of their names have an equal claim to one field.
    """
    names = list(
        dict.fromkeys(str(name) for record in records if _is_object(record) for name in record)
    )
    binding = match_columns(names, dataset, mapping, demand=False)
    position = binding.positions.get(dataset.key[0])
    return None if position is None else names[position]


def _rows(
    records: Sequence[Record],
    dataset: Dataset,
    names: Sequence[str],
    binding: Binding,
    quarantine: Quarantine,
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    taken: set[tuple[str | None, ...]] = set()
    for line, record in enumerate(records, start=1):
        if not _is_object(record):
            quarantine.add(line, "not an object", as_json({"value": record}))
            continue
        row = _row(record, dataset, names, binding)
        key = tuple(row.get(name) for name in dataset.key)
        if None in key:
            quarantine.add(line, f"{' and '.join(dataset.key)}: empty", as_json(record))
        elif key in taken:
            quarantine.add(line, f"{' and '.join(dataset.key)}: a second time", as_json(record))
        else:
            taken.add(key)
            rows.append(row)
    return rows


def _row(
    record: Record, dataset: Dataset, names: Sequence[str], binding: Binding
) -> dict[str, Any]:
    values = {
        source: as_plain_text(record.get(names[position]))
        for source, position in binding.positions.items()
    }
    for field in dataset.fields:
        parts = [values.pop(part, None) for part in dataset.parts_of(field.name)]
        composed = " ".join(part for part in parts if part)
        if composed:
            values[field.name] = composed
    unknown = {
        name: record[names[position]]
        for name, position in binding.extra
        if record.get(names[position]) is not None
    }
    values["extra"] = as_json(dict(sorted(unknown.items()))) if unknown else None
    return values


def as_plain_text(value: object) -> str | None:
    """A JSON value as text: `true`, `12`, nested values as JSON; None for null and blanks."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    return as_json_value(value)


def as_json_value(value: object) -> str:
    """One value as compact JSON."""
    return as_json({"": value})[4:-1]


def _table(rows: Sequence[Mapping[str, Any]], dataset: Dataset, origin: Origin) -> pa.Table:
    constants = {"observed_at": origin.observed_at, "load_id": origin.load_id}
    schema = dataset.arrow_schema()
    columns = [
        pa.array([constants.get(field.name, row.get(field.name)) for row in rows], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _is_object(record: object) -> bool:
    return isinstance(record, Mapping)
