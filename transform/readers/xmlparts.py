"""The XML parts of a workbook, read as a stream, with no entities but XML's own five."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from xml.parsers import expat

from transform.readers.kinds import refuse

Attributes = dict[str, str]
_MAIN = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
RELATION = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "http://purl.oclc.org/ooxml/officeDocument/relationships",
)
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OURS = (*_MAIN, _RELATIONS)
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


class PartReader:
    """Tells the beginnings, ends and texts of a part's elements, by local names.

    Elements of foreign namespaces are told as "". A document type, which is where entities and
    external files come from, is refused.

    Args:
        begin: gets an element's local name and attributes.
        end: gets its local name.
        text: gets pieces of character data.
    """

    def __init__(
        self,
        begin: Callable[[str, Attributes], None],
        end: Callable[[str], None],
        text: Callable[[str], None],
    ) -> None:
        self._names: dict[str, str] = {}
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = _refuse_document_type
        self._parser.StartElementHandler = lambda name, found: begin(self._local(name), found)
        self._parser.EndElementHandler = lambda name: end(self._local(name))
        self._parser.CharacterDataHandler = text

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        """Parse on.

        Raises:
            UnreadableExport: it is no well-formed XML.
        """
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            problem = expat.ErrorString(error.code)
            raise refuse(f"the workbook is damaged (XML: {problem})") from None
        except (LookupError, ValueError):  # how expat tells of an encoding that Python lacks
            raise refuse("the workbook is damaged (XML: unknown encoding)") from None

    def _local(self, name: str) -> str:
        known = self._names.get(name)
        if known is None:
            space, _, local = name.rpartition(" ")
            known = self._names[name] = local if space in _OURS or not space else ""
        return known


def read_part(
    content: Iterable[bytes],
    begin: Callable[[str, Attributes], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Parse a whole part."""
    reader = PartReader(begin, end, text)
    for piece in content:
        reader.feed(piece)
    reader.feed(b"", last=True)


class TextReader:
    """Puts together a rich text from its runs, without its phonetic hints.

    Args:
        take: gets each text when its element ends.
        element: `si` (a shared text) or `is` (a text in its cell).
    """

    def __init__(self, take: Callable[[str], object], element: str) -> None:
        self._take = take
        self._element = element
        self._runs: list[str] = []
        self._hints = 0
        self._in_text = False

    def begin(self, name: str, _: Attributes) -> None:
        """An element begins."""
        if name == self._element:
            self._runs.clear()
        elif name == "rPh":
            self._hints += 1
        elif name == "t":
            self._in_text = not self._hints

    def end(self, name: str) -> None:
        """An element ends."""
        if name == "t":
            self._in_text = False
        elif name == "rPh":
            self._hints -= 1
        elif name == self._element:
            self._take("".join(self._runs))

    def text(self, piece: str) -> None:
        """Character data."""
        if self._in_text:
            self._runs.append(piece)


def unescaped(text: str) -> str:
    """Excel's own escapes undone, once: `_x000D_` is a carriage return, `_x005F_` is `_`."""
    if "_x" not in text:
        return text
    plain = _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text)
    try:
        return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return text


def _refuse_document_type(*_: object) -> None:
    raise refuse("the workbook declares a document type, as in an attack with entities")
