"""Which line of a table is its header: never a data row, never a title above it.

A header's cells are names: mostly filled, and none of them a number, a date, a phone or a long id,
unless the columns below it show that it is of another kind than they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from transform.readers.cellkinds import column_shapes, shape_of

_MOSTLY = 0.5
_LONGEST_NAME = 120


def header_row(rows: Sequence[Sequence[str]]) -> int | None:
    """The index of the header among the first rows of a table, or None if there is none.

    Args:
        rows: all of one width, in the file's order; blank rows may be among them.
    """
    for index, row in enumerate(rows):
        filled = [cell for cell in row if cell.strip()]
        if len(filled) < max(2, _MOSTLY * len(row)):
            continue
        return index if _is_header(row, rows[index + 1 :]) else None
    return None


def _is_header(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    if any(len(cell) > _LONGEST_NAME for cell in row):
        return False
    kinds = column_shapes(below, len(row))
    shapes = [_shape(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
    values = [index for index, shape in enumerate(shapes) if shape not in ("words", "blank")]
    if not values:
        return True
    if 2 * len(values) > len(row):
        return False
    contrast = any(kinds[i] and shapes[i] == "words" for i in range(len(row)))
    return contrast and all(shapes[i] != kinds[i] for i in values)


def _shape(cell: str, kind: str | None) -> str:
    """A name may look like a code (`c100`), unless its column holds codes."""
    shape = shape_of(cell)
    return "words" if shape == "code" != kind and not cell.strip()[:1].isdigit() else shape


def looks_like_names(cells: Sequence[str], width: int) -> bool:
    """Whether cells of another number than the records' could be the header, damaged."""
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) >= max(2, _MOSTLY * width) and len(filled) >= _MOSTLY * len(cells)
