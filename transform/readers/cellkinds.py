"""What a cell looks like, by its shape alone: numbers, moments and their like, or plain words.

Only used to tell a header line from data, and a record from a piece of one. No value is changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

_NUMBER = re.compile(r"[+-]?[$€£₽]?\d[\d\s\u00a0\u202f.,']*(?:[eE][+-]?\d+)?\s?[%$€£₽]?")
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?")
_MOMENT = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}[T ,]+\d{1,2}:\d{2}(?::\d{2})?[^;]{0,12}")
_PHONE = re.compile(r"\+?\d[\d\s()-]{8,}\d")
_CODE = re.compile(r"(?=\S*\d{3})[^\s@]{4,}")
_ADDRESS = re.compile(r"\S+@\S+\.\S+|https?://\S+|www\.\S+")
_SHAPES = (
    ("moment", _MOMENT),
    ("date", _DATE),
    ("clock", _CLOCK),
    ("number", _NUMBER),
    ("phone", _PHONE),
    ("address", _ADDRESS),
    ("code", _CODE),
)
_ENOUGH_CELLS = 2
_NEARLY_ALL = 0.95
_REMEMBERED_CELLS = 8192  # most cells of a sample come several times


@lru_cache(_REMEMBERED_CELLS)
def shape_of(cell: str) -> str:
    """`blank`, `words`, or the kind of value that the cell looks like."""
    text = cell.strip()
    if not text:
        return "blank"
    if len(text) > 200:
        return "words"
    return next((name for name, shape in _SHAPES if shape.fullmatch(text)), "words")


def column_shapes(rows: Sequence[Sequence[str]], width: int) -> list[str | None]:
    """Each column's own kind of value; None where it has none (words, or a mixture)."""
    return [_common_shape(row[index] for row in rows) for index in range(width)]


def _common_shape(cells: Iterable[str]) -> str | None:
    counts = Counter(map(shape_of, cells))
    counts.pop("blank", None)
    if not counts or counts.total() < _ENOUGH_CELLS:
        return None
    shape, count = counts.most_common(1)[0]
    others = counts.total() - count
    one_stray = others <= 1 and count > 3
    common = one_stray or count >= _NEARLY_ALL * counts.total()
    return shape if shape != "words" and common else None


def fits(cells: Sequence[str], shapes: Sequence[str | None]) -> bool | None:
    """Whether cells have the kinds of value that their columns have; None: no column has one."""
    known = [(cell, shape) for cell, shape in zip(cells, shapes, strict=False) if shape]
    filled = [shape_of(cell) == shape for cell, shape in known if cell.strip()]
    if not known:
        return None
    return bool(filled) and all(filled)
