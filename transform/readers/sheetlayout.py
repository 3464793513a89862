"""Rows that are written alike, read a column at a time by a pattern learned from those before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from transform.readers.cellvalues import CellValues
from transform.readers.sheetpatterns import INLINE, VALUE, Row, is_hidden, plain, tiles

_LEARNED_ROWS = 200
_TRIALS = 5
_LETTERS = re.compile(r"([A-Z]+)")
_TAG = re.compile(r'(?: s="([0-9]+)")?(?: t="([A-Za-z]+)")?')

Variant = tuple[str, str]


class Column(NamedTuple):
    """The cells of the column with the index `at`, of one style and type or tagged one by one."""

    at: int
    variant: Variant | None
    tags: Sequence[str]
    cells: Sequence[str]

    def texts(self, values: CellValues) -> Sequence[str]:
        """The cells' texts."""
        if self.variant is not None:
            style, kind = self.variant
            return values.column(kind, style, self.cells)
        texts = [""] * len(self.cells)
        places: dict[str, list[int]] = {}
        for place, (tag, cell) in enumerate(zip(self.tags, self.cells, strict=True)):
            if cell:
                places.setdefault(tag, []).append(place)
        for tag, alike in places.items():
            style, kind = _TAG.fullmatch(tag).groups("")  # type: ignore[union-attr]
            found = values.column(kind, style, [self.cells[place] for place in alike])
            for place, text in zip(alike, found, strict=True):
                texts[place] = text
        return texts


class Alike(NamedTuple):
    """Rows of one layout: their numbers, how many are hidden, their columns."""

    numbers: list[int]
    hidden: int
    columns: list[Column]


class Layout:
    """How the rows of a sheet are written, as learned from those that were read before."""

    def __init__(self) -> None:
        self._variants: dict[int, set[Variant]] = {}
        self._letters: dict[int, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self._trials = 0

    def learn(self, rows: Sequence[Row]) -> None:
        """Take the last rows as the example of those to come; give up where that never fits."""
        self._trials += 1
        self._pattern = None
        if self._trials > _TRIALS:
            return
        for row in rows[-_LEARNED_ROWS:]:
            for cell in row.cells:
                found = _LETTERS.match(cell.reference)
                if found is None:
                    return
                if cell.value:
                    index = _index(found.group(1))
                    self._variants.setdefault(index, set()).add((cell.style, cell.kind))
                    self._letters[index] = found.group(1)
        if self._variants:
            self._pattern = self._compiled()

    def rows(self, text: str) -> Alike | None:
        """The rows of a proven piece, or None where not all of it is written as was learned."""
        found = self._pattern.findall(text) if self._pattern is not None else []
        if not found:
            return None
        wholes, numbers, attributes, *groups = zip(*found, strict=True)
        hidden = list(map(is_hidden, attributes))
        if not tiles(wholes, text) or None in hidden:
            return None
        self._trials = 0
        columns = self._columns(groups, has_entities="&" in text)
        return Alike(list(map(int, numbers)), sum(map(bool, hidden)), columns)

    def _columns(self, groups: Sequence[Sequence[str]], *, has_entities: bool) -> list[Column]:
        columns = []
        following = iter(groups)
        for index, variants in sorted(self._variants.items()):
            if len(variants) == 1:
                column = Column(index, next(iter(variants)), (), next(following))
            else:
                column = Column(index, None, next(following), next(following))
                inline = next(following)
                if any(inline):
                    both = zip(column.cells, inline, strict=True)
                    column = column._replace(cells=[value or text for value, text in both])
            if has_entities:
                column = column._replace(cells=list(map(plain, column.cells)))
            columns.append(column)
        return columns

    def _compiled(self) -> re.Pattern[str]:
        cells = []
        for index, variants in sorted(self._variants.items()):
            place = rf'<c r="{self._letters[index]}\2"'
            if len(variants) > 1:
                tag = r'((?: s="[0-9]+")?(?: t="[A-Za-z]+")?)'
                cells.append(f"(?:{place}{tag}(?:/>|>(?:{VALUE}|{INLINE})?</c>))?")
                continue
            ((style, kind),) = variants
            styled = f' s="{style}"' if style else ""
            typed = f' t="{kind}"' if kind else ""
            value = INLINE if kind == "inlineStr" else VALUE
            cells.append(f"(?:{place}{styled}(?:/>|{typed}>(?:{value})?</c>))?")
        return re.compile(r'(\s*<row r="([0-9]+)"([^<>/]*)>' + "".join(cells) + "</row>)")


def _index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1
