"""Rows of a sheet's XML by patterns, for pieces in which every tag is accounted for.

Nothing here decides what a piece means: it is read as the XML parser would read it, or left to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_FORBIDDEN = bytes([*range(9), 11, 12, *range(13, 32)])
_NOT_FORBIDDEN = bytes(sorted(set(range(256)) - set(_FORBIDDEN)))
_GAP = re.compile(r"</row>\s+<row ")
_ROW = re.compile(r'<row(?: r="([0-9]+)")?( [^<>]*?)?(?:/>|>(.*?)</row>)', re.DOTALL)
_CELL = re.compile(
    r'<c(?: r="([A-Z]{1,3}[0-9]{1,7})")?(?: s="([0-9]+)")?(?: t="([A-Za-z]+)")?'
    r"(?:/>|>(?:<v>([^<]*)</v>|<is><t(?: xml:space=\"preserve\")?>([^<]*)</t></is>)?</c>)"
)
_SHARED = re.compile(r'<si><t(?: xml:space="preserve")?>([^<]*)</t></si>')
_LETTERS = re.compile(r"([A-Z]+)")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}
_LEARNED_ROWS = 200
_TRIALS = 5


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


def rows_text(xml: bytes) -> str | None:
    """A proven piece that holds whole rows and nothing between them, or None."""
    text = proven_text(xml)
    if text is None:
        return None
    rows = text.count("<row")
    if text.count("><row ") != rows - 1:
        text = _GAP.sub("</row><row ", text)
    return text if text.startswith("<row ") and text.count("><row ") == rows - 1 else None


def simple_texts(xml: bytes) -> list[str] | None:
    """The shared texts of a piece that holds whole plain ones and nothing else, or None."""
    text = proven_text(xml)
    if text is None:
        return None
    found = _SHARED.findall(text)
    if text.count("<") != 4 * len(found) or text.count("<si>") != len(found):
        return None
    return list(map(_plain, found)) if "&" in text else found


def _has_plain_entities(text: str) -> bool:
    return "&" not in text or text.count("&") == sum(map(text.count, _ENTITIES))


def simple_rows(text: str) -> list[Row] | None:
    """The rows of a proven piece, or None where a tag in it is none of rows, cells, values."""
    expected = sum(map(text.count, ("<row", "</row>", "<c", "</c>", "<v>", "</v>")))
    expected += sum(map(text.count, ("<is>", "</is>", "<t>", "<t ", "</t>")))
    if text.count("<") != expected:
        return None
    rows, cells = [], 0
    for number, attributes, body in _ROW.findall(text):
        found = [Cell(a, b, c, _plain(v or t)) for a, b, c, v, t in _CELL.findall(body)]
        cells += len(found)
        rows.append(Row(number, _is_hidden(attributes), found))
    if len(rows) != text.count("<row") or cells != text.count("<c"):
        return None
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
        if len(found) != text.count("<row") or len(found) != text.count("</row><row ") + 1:
            return None
        numbers, attributes, *columns = zip(*found, strict=True)
        hidden = sum(map(_is_hidden, attributes)) if "hidden" in text else 0
        if "&" in text:
            columns = [list(map(_plain, column)) for column in columns]
        self._trials = 0
        return list(numbers), hidden, columns

    def _compiled(self) -> re.Pattern[str]:
        cells = []
        for index, (style, kind) in sorted(self.cells.items()):
            styled = f' s="{style}"' if style else ""
            typed = f' t="{kind}"' if kind else ""
            value = r"(?:<v>([^<]*)</v>)?"
            if kind == "inlineStr":
                value = r'(?:<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?'
            place = rf'<c r="{self._letters[index]}\1"{styled}'
            cells.append(rf"(?:{place}(?:/>|{typed}>{value}</c>))?")
        return re.compile(r'<row r="([0-9]+)"([^<>/]*)>' + "".join(cells) + "</row>")


def _index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


def _is_hidden(attributes: str) -> bool:
    return ' hidden="1"' in attributes or ' hidden="true"' in attributes


def _plain(text: str) -> str:
    if "&" in text:
        for entity, plain in _ENTITIES.items():
            text = text.replace(entity, plain)
    return text
