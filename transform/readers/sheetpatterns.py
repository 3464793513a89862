"""Rows of a sheet's XML by patterns, for pieces in which every tag is accounted for.

Nothing here decides what a piece means: it is read as the XML parser would read it, or left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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
VALUE = r'(?:<f(?: [a-z0-9]+="[^"<>&]*")*(?:/>|>[^<]*</f>))?<v>([^<]*)</v>'
INLINE = r'<is><t(?: xml:space="preserve")?>([^<]*)</t></is>'
_CELL = re.compile(
    r'(\s*<c(?: r="([A-Z]{1,3}[0-9]{1,7})")?(?: s="([0-9]+)")?(?: t="([A-Za-z]+)")?'
    rf"(?:/>|>(?:{VALUE}|{INLINE})?</c>))"
)
_SHARED = re.compile(r'(\s*<si><t(?: xml:space="preserve")?>([^<]*)</t></si>)')
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}
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
    if not tiles((whole for whole, _ in found), text):
        return None
    return [plain(shared) for _, shared in found]


def tiles(parts: Iterable[str], text: str) -> bool:
    """Whether parts found one behind the other leave nothing of the text out."""
    return sum(map(len, parts)) == len(text)


def _has_plain_entities(text: str) -> bool:
    return "&" not in text or text.count("&") == sum(map(text.count, _ENTITIES))


def simple_rows(text: str) -> list[Row] | None:
    """The rows of a proven piece, or None where it holds more than rows, cells and values."""
    found = _ROW.findall(text)
    if not tiles((whole for whole, *_ in found), text):
        return None
    rows = []
    for _, number, attributes, body in found:
        hidden, cells = is_hidden(attributes), _CELL.findall(body)
        if hidden is None or not tiles((whole for whole, *_ in cells), body.rstrip()):
            return None
        rows.append(
            Row(number, hidden, [Cell(a, b, c, plain(v or t)) for _, a, b, c, v, t in cells])
        )
    return rows


@lru_cache(maxsize=1_000)
def is_hidden(attributes: str) -> bool | None:
    """Whether a row is hidden, by its attributes; None where they aren't written as usual."""
    found = _ATTRIBUTE.findall(attributes)
    names = {name for name, _ in found}
    if _ATTRIBUTE.sub("", attributes).strip() or len(names) != len(found):
        return None
    return dict(found).get("hidden") in _TRUE if names <= _ROW_ATTRIBUTES else None


def plain(text: str) -> str:
    """A text with XML's own entities replaced."""
    if "&" in text:
        for entity, plain in _ENTITIES.items():
            text = text.replace(entity, plain)
    return text
