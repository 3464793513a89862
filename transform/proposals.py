"""The lines of a mapping file that would help a file, for a person to check and keep.

A field is proposed for a column by what its header is like and what its values are; the lines are a
mapping file as they stand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

from transform import words
from transform.contract import Dataset
from transform.contract_errors import DateOrderConflict
from transform.datasetmapping import DatasetMapping
from transform.dateformats import candidates
from transform.errors import TransformError
from transform.headers import header_key, looks_like_record
from transform.likeness import nearest_fields
from transform.matching import EXTRA

_MOST = 0.9  # so many of the values must show what they are
_PHONE = re.compile(r"\+?[78]?[\s(\-]*\d{3}[\s)\-]*\d{3}[\s\-]*\d{2}[\s\-]*\d{2}")


def propose(
    columns: Mapping[str, str],
    values: Sequence[Sequence[str]],
    dataset: Dataset,
    mapping: DatasetMapping,
    problem: TransformError | None = None,
) -> list[str]:
    """Lines for the columns that nothing is known of, and for dates that contradict each other.

    Args:
        columns: header → field, part or "extra", in the file's order.
        values: some values of each column.
        dataset: what the file was read as.
        mapping: what the mapping file says already.
        problem: what stopped the file, if anything did.

    Returns:
        No line where there is nothing to propose, or where the headers are a record.
    """
    lines: list[str] = []
    if isinstance(problem, DateOrderConflict) and not mapping.month_first:
        lines += [f"[{dataset.name}]", 'dates = "month first"  # if the file means that']
    if looks_like_record(list(columns)):
        return lines
    named = {header_key(header) for header in mapping.columns}
    taken = set(columns.values()) - {EXTRA}
    found: list[str] = []
    for (header, name), seen in zip(columns.items(), values, strict=True):
        if name == EXTRA and header_key(header) not in named:
            found.append(_line(header, seen, dataset, taken))
    if found:
        lines += [*([""] if lines else []), f"[{dataset.name}.columns]", *found]
    return lines


def _line(header: str, seen: Sequence[str], dataset: Dataset, taken: set[str]) -> str:
    """`"Header" = "field"  # why`; each field is proposed once."""
    told = _by_values(header, seen, dataset)
    near = nearest_fields(header, dataset, taken)
    quoted = json.dumps(header, ensure_ascii=False)
    if told is not None and told[0] not in taken:
        taken.add(told[0])
        return f'{quoted} = "{told[0]}"  # {told[1]}'
    if near:
        taken.add(near[0])
        others = f", or {' or '.join(near[1:])}" if near[1:] else ""
        return f'{quoted} = "{near[0]}"  # by its name{others}; "extra" if it is none'
    return f'{quoted} = "extra"  # nothing known is like it: kept beside the others'


def _by_values(header: str, seen: Sequence[str], dataset: Dataset) -> tuple[str, str] | None:
    """The field that values of this kind are, and why."""
    fields = {field.name for field in dataset.fields}
    if "direction" in fields and _most(seen, lambda v: bool(words.direction_of(v, header))):
        return "direction", "its values say in or out"
    if dataset.order_by in fields and _most(seen, _is_date):
        return dataset.order_by, "its values are dates"
    if "client_phone" in fields and _most(seen, lambda v: bool(_PHONE.fullmatch(v))):
        return "client_phone", "its values look like phones"
    return None


def _most(seen: Sequence[str], test: Callable[[str], bool]) -> bool:
    return bool(seen) and sum(test(value) for value in seen) >= _MOST * len(seen)


def _is_date(value: str) -> bool:
    formats = [*candidates(month_first=False), *candidates(month_first=True)]
    return any(found.pattern.fullmatch(value) for found in formats if not found.is_unix)
