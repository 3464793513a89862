"""Rows of a sheet's XML by patterns, for pieces in which every tag is accounted for.

Nothing here decides what a piece means: it is read as the XML parser would read it, or left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

_FORBIDDEN = bytes([*range(9), 11, 12, *range(13, 32)])
_NOT_FORBIDDEN = bytes(sorted(set(range(256)) - set(_FORBIDDEN)))
_ROW = re.compile(r'(\s*<row(?: r="([0-9]+)")?([^<>]*?)(?:/>|>(.*?)</row>))', re.DOTALL)
_ATTRIBUTE = re.compile(r'\s+([A-Za-z0-9:]+)="([^"<>&]*)"')
_ROW_ATTRIBUTES = frozenset(
    "spans s customFormat ht hidden customHeight outlineLevel collapsed thickTop thickBot ph "  # noqa: SIM905
    "x14ac:dyDescent".split()
)
_CELL = re.compile(
    r'(\s*<c(?: r="([A-Z]{1,3}[0-9]{1,7})")?(?: s="([0-9]+)")?(?: t="([A-Za-z]+)")?'
    r"(?:/>|>(?:<v>([^<]*)</v>|<is><t(?: xml:space=\"preserve\")?>([^<]*)</t></is>)?</c>))"
)
_SHARED = re.compile(r'(\s*<si><t(?: xml:space="preserve")?>([^<]*)</t></si>)')
_LETTERS = re.compile(r"([A-Z]+)")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}
_LEARNED_ROWS = 200
_TRIALS = 5
_TRUE = ("1", "true")


class Cell(NamedTuple):
    """A cell as the file holds it; "" for what is not there."""

    reference: str
    style: str
    kind: str
    value: str


class Row(NamedTuple):
    """A row as the file holds it."""

    number: str
    hidden: bool
    cells: list[Cell]


def proven_text(xml: bytes) -> str | None:
    """A piece of XML in which there is nothing but tags, texts and plain entities, or None."""
    if xml.translate(None, _NOT_FORBIDDEN):
        return None
    try:
        text = xml.decode().strip()
    except UnicodeDecodeError:
        return None
    if "<!" in text or "<?" in text or "xmlns" in text or "]]>" in text:
        return None
    if "\ufffe" in text or "\uffff" in text or not _has_plain_entities(text):
        return None
    return text


def simple_texts(xml: bytes) -> list[str] | None:
    """The shared texts of a piece that holds whole plain ones and nothing else, or None."""
    text = proven_text(xml)
    if text is None:
        return None
    found = _SHARED.findall(text)
    if not _tiles((whole for whole, _ in found), text):
        return None
    return [_plain(shared) for _, shared in found]


def _tiles(parts: Iterable[str], text: str) -> bool:
    """Whether parts found one behind the other leave nothing of the text out."""
    return sum(map(len, parts)) == len(text)


def _has_plain_entities(text: str) -> bool:
    return "&" not in text or text.count("&") == sum(map(text.count, _ENTITIES))


def simple_rows(text: str) -> list[Row] | None:
    """The rows of a proven piece, or None where it holds more than rows, cells and values."""
    found = _ROW.findall(text)
    if not _tiles((whole for whole, *_ in found), text):
        return None
    rows = []
    for _, number, attributes, body in found:
        hidden, cells = _is_hidden(attributes), _CELL.findall(body)
        if hidden is None or not _tiles((whole for whole, *_ in cells), body.rstrip()):
            return None
        rows.append(
            Row(number, hidden, [Cell(a, b, c, _plain(v or t)) for _, a, b, c, v, t in cells])
        )
    return rows


class Layout:
    """The type and style of each column's cells, where rows are written alike.

    `cells` maps a column's index to style and type, as learned from rows read before.
    """

    def __init__(self) -> None:
        self.cells: dict[int, tuple[str, str]] = {}
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
                    self.cells[index] = (cell.style, cell.kind)
                    self._letters[index] = found.group(1)
        if self.cells:
            self._pattern = self._compiled()

    def columns(self, text: str) -> tuple[list[str], int, list[Sequence[str]]] | None:
        """Row numbers, how many are hidden, and each column's values; None: not all are alike."""
        if self._pattern is None:
            return None
        found = self._pattern.findall(text)
        if not found:
            return None
        wholes, numbers, attributes, *values = zip(*found, strict=True)
        if not _tiles(wholes, text):
            return None
        hidden = list(map(_is_hidden, attributes))
        if None in hidden:
            return None
        columns: list[Sequence[str]] = [*values]
        if "&" in text:
            columns = [list(map(_plain, column)) for column in values]
        self._trials = 0
        return list(numbers), sum(map(bool, hidden)), columns

    def _compiled(self) -> re.Pattern[str]:
        cells = []
        for index, (style, kind) in sorted(self.cells.items()):
            styled = f' s="{style}"' if style else ""
            typed = f' t="{kind}"' if kind else ""
            value = r"(?:<v>([^<]*)</v>)?"
            if kind == "inlineStr":
                value = r'(?:<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?'
            place = rf'<c r="{self._letters[index]}\2"{styled}'
            cells.append(rf"(?:{place}(?:/>|{typed}>{value}</c>))?")
        return re.compile(r'(\s*<row r="([0-9]+)"([^<>/]*)>' + "".join(cells) + "</row>)")


def _index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


@lru_cache(maxsize=1_000)
def _is_hidden(attributes: str) -> bool | None:
    """Whether a row is hidden, by its attributes; None where they aren't written as usual."""
    found = _ATTRIBUTE.findall(attributes)
    names = {name for name, _ in found}
    if _ATTRIBUTE.sub("", attributes).strip() or len(names) != len(found):
        return None
    return dict(found).get("hidden") in _TRUE if names <= _ROW_ATTRIBUTES else None


def _plain(text: str) -> str:
    if "&" in text:
        for entity, plain in _ENTITIES.items():
            text = text.replace(entity, plain)
    return text
