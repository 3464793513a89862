"""Columns that the contract doesn't know → one JSON object per row, built column by column.

Values stay text, empty ones are left out, the file's order of columns is kept. Escaping is done on
whole columns; only a column that holds control characters goes through Python's own encoder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

import pyarrow as pa

from transform.columns import compute, empty_as_null, nulls, without_nulls


def json_objects(columns: Sequence[tuple[str, pa.StringArray]], rows: int) -> pa.StringArray:
    """A column of JSON objects, name → text; null where every value is empty.

    Args:
        columns: (name, values); names are unique, '' and null both count as empty.
        rows: the length of each column.
    """
    members = [_members(name, empty_as_null(without_nulls(values))) for name, values in columns]
    if not members:
        return nulls(rows)
    # Each member begins with a comma and the first one is cut off: joining with "skip" for nulls
    # would drop rows that are null throughout (seen with pyarrow 26).
    joined = compute.utf8_slice_codeunits(compute.binary_join_element_wise(*members, ""), 1)
    wrapped = compute.binary_join_element_wise("{", empty_as_null(joined), "}", "")
    return cast("pa.StringArray", wrapped)


def _members(name: str, values: pa.StringArray) -> pa.StringArray:
    """`,"name":"value"` for each value, '' for null."""
    key = "," + json.dumps(name, ensure_ascii=False) + ":"
    if compute.any(compute.match_substring_regex(values, r"[\x00-\x1f]")).as_py():
        encoded = [
            value if value is None else json.dumps(value, ensure_ascii=False)
            for value in values.to_pylist()
        ]
        joined = compute.binary_join_element_wise(key, pa.array(encoded, pa.string()), "")
    else:
        escaped = compute.replace_substring(values, "\\", "\\\\")
        escaped = compute.replace_substring(escaped, '"', '\\"')
        joined = compute.binary_join_element_wise(key + '"', escaped, '"', "")
    return without_nulls(joined)
