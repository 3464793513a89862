"""Columns of text in Arrow memory: what normalising needs and Arrow or its stubs lack.

Everything here takes and gives whole columns; nothing loops over rows in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

AnyArray: TypeAlias = "pa.Array[Any]"

# The stubs of pyarrow.compute know a fraction of its overloads; results are cast where they are
# used.
compute: Any = pc


def as_text(column: AnyArray | pa.ChunkedArray[Any]) -> pa.StringArray:
    """The column as plain text, whichever way the reader holds it (large, dictionary, null)."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return cast("pa.StringArray", whole.cast(pa.string()))


def without_nulls(column: pa.StringArray) -> pa.StringArray:
    """Nulls as ''."""
    if not column.null_count:
        return column
    return cast("pa.StringArray", compute.fill_null(column, ""))


def trimmed(column: pa.StringArray) -> pa.StringArray:
    """Without blanks around the values (no-break spaces too), nulls as ''."""
    plain = without_nulls(column)
    return compute.utf8_trim_whitespace(plain) if _may_have_blank_edges(plain) else plain


def _may_have_blank_edges(column: pa.StringArray) -> bool:
    """Whether a value may begin or end with a blank: three times as fast as trimming to no effect.

    Judged by single bytes of UTF-8, so that it errs towards True: all blanks are ASCII up to 0x20,
    or begin with 0xC2 (two bytes) or 0xE1 to 0xE3 (three bytes).
    """
    offsets, data = value_offsets(column), value_bytes(column)
    used = data[offsets[0] : offsets[-1]]
    if not len(used) or (used.min() > 0x20 and used.max() < 0x80):
        return False
    begins, ends = offsets[:-1], offsets[1:]
    filled = ends > begins
    if not filled.all():
        begins, ends = begins[filled], ends[filled]
    first, last = data[begins], data[ends - 1]
    if min(first.min(), last.min()) <= 0x20 or _starts_wide_blank(first).any():
        return True
    if last.max() < 0x80:
        return False
    ends = ends[last >= 0x80]
    two, three = data[np.maximum(ends - 2, 0)], data[np.maximum(ends - 3, 0)]
    return bool((two == 0xC2).any() or _starts_wide_blank(three).any())


def _starts_wide_blank(lead: Bytes) -> Bools:
    return cast("Bools", (lead == 0xC2) | ((lead >= 0xE1) & (lead <= 0xE3)))


def lengths_bytes(column: pa.StringArray) -> npt.NDArray[np.int32]:
    """The length of each value in bytes; 0 for '' and, in a column from `trimmed`, for null."""
    offsets = value_offsets(column)
    return cast("npt.NDArray[np.int32]", offsets[1:] - offsets[:-1])


def value_offsets(column: pa.StringArray) -> npt.NDArray[np.int32]:
    """Where each value begins in `value_bytes`, and where the last one ends."""
    if not len(column):
        return np.zeros(1, np.int32)
    offsets = np.frombuffer(cast("bytes", column.buffers()[1]), np.int32)
    return offsets[column.offset : column.offset + len(column) + 1]


def value_bytes(column: pa.StringArray) -> npt.NDArray[np.uint8]:
    """The bytes that `value_offsets` points into."""
    return np.frombuffer(cast("bytes", column.buffers()[2] or b""), np.uint8)


def empty_as_null(column: pa.StringArray) -> pa.StringArray:
    """A column without nulls, its '' as null; the values' bytes are shared, not copied."""
    present = lengths_bytes(column) > 0
    if present.all():
        return column
    bitmap = pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    offsets = pa.py_buffer(value_offsets(column).tobytes())
    data = column.buffers()[2]
    made = pa.Array.from_buffers(pa.string(), len(column), [bitmap, offsets, data])
    return cast("pa.StringArray", made)


def translated(
    column: pa.StringArray, translate: Callable[[str], str | None]
) -> tuple[pa.StringArray, dict[str, str | None]]:
    """Each distinct value translated once; also the translations themselves.

    For columns of few distinct words (directions, roles): the cost is that of the distinct values.
    """
    words = column.dictionary_encode()
    table = {str(word): translate(str(word)) for word in words.dictionary.to_pylist()}
    values = pa.array(list(table.values()), pa.string())
    taken = values.take(words.indices)
    return taken, table


def is_among(column: pa.StringArray, words: list[str]) -> Bools:
    """Which values are among the words."""
    found = compute.is_in(column, value_set=pa.array(words, pa.string()))
    return cast("Bools", found.to_numpy(zero_copy_only=False))


def filled(first: pa.StringArray, second: pa.StringArray) -> pa.StringArray:
    """The first column, and the second where the first is null."""
    return cast("pa.StringArray", compute.coalesce(first, second)) if first.null_count else first


def where(mask: Bools, column: pa.StringArray) -> pa.StringArray:
    """The column's values where the mask is true, null elsewhere."""
    chosen = compute.if_else(pa.array(mask), column, pa.scalar(None, pa.string()))
    return cast("pa.StringArray", chosen)


def nulls(rows: int) -> pa.StringArray:
    """A text column of nulls."""
    return pa.nulls(rows, pa.string())
