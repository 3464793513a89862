"""What an XLSX file says about itself: its sheets, its number formats, its shared texts."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from transform.readers.archives import pieces
from transform.readers.cellformats import BUILT_IN, PLAIN, NumberFormat, number_format
from transform.readers.export import ReaderLimits
from transform.readers.kinds import refuse
from transform.readers.sharedtexts import shared_texts
from transform.readers.xmlparts import RELATION, Attributes, read_part

_NUMBER = re.compile(r"[0-9]{1,9}")
_TRUE = ("1", "true", "on")


@dataclass(frozen=True)
class Sheet:
    """A sheet by its tab's name; `part` is where its cells are."""

    name: str
    part: str
    hidden: bool
    is_table: bool


class XlsxPackage:
    """The parts of an opened workbook, transitional or strict.

    Raises:
        UnreadableExport: parts that must be there are not, or are damaged.
    """

    def __init__(self, archive: zipfile.ZipFile, limits: ReaderLimits) -> None:
        self._archive = archive
        self._limits = limits
        self._members = {_normal(info.filename): info for info in archive.infolist()}
        self._decoded_bytes = 0
        self.from_1904 = False
        self.sheets: list[Sheet] = []
        book = self._book()
        self._relations = self._relations_of(book)
        self._read_book(book)

    def part(self, name: str) -> Iterator[bytes]:
        """A part's bytes; all parts together are capped."""
        member = self._members.get(_normal(name))
        if member is None:
            raise refuse("the workbook is damaged: a part of it is missing")
        self._decoded_bytes += member.file_size
        if self._decoded_bytes > self._limits.max_decoded_bytes:
            raise refuse(f"it unpacks to more than {self._limits.max_decoded_bytes:,} bytes")
        return pieces(self._archive, member, self._limits)

    def formats(self) -> list[NumberFormat]:
        """The number format of each cell style, in the order of their numbers."""
        part = self._related("styles")
        if part is None:
            return []
        codes: dict[int, NumberFormat] = dict(BUILT_IN)
        used: list[int] = []
        inside: list[str] = []

        def begin(name: str, found: Attributes) -> None:
            inside.append(name)
            if name == "numFmt" and inside[-2:-1] == ["numFmts"]:
                codes[_whole(found.get("numFmtId"))] = number_format(found.get("formatCode", ""))
            elif name == "xf" and inside[-2:-1] == ["cellXfs"]:
                used.append(_whole(found.get("numFmtId", "0")))

        read_part(self.part(part), begin, lambda _: _dropped(inside), _ignored)
        return [codes.get(number, PLAIN) for number in used]

    def shared_texts(self) -> dict[str, str]:
        """Texts that cells name by number; the keys are these numbers as text."""
        part = self._related("sharedStrings")
        if part is None:
            return {}
        texts = shared_texts(self.part(part))
        return dict(zip(map(str, range(len(texts))), texts, strict=True))

    def _book(self) -> str:
        books = [
            target for kind, target in self._relations_of("").values() if kind == "officeDocument"
        ]
        if len(books) != 1:
            raise refuse("the workbook is damaged: its main part is not named")
        if books[0].lower().endswith(".bin"):
            raise BinaryWorkbook
        return books[0]

    def _relations_of(self, part: str) -> dict[str, tuple[str, str]]:
        """Kind and target of each relation of a part, by its id."""
        folder, name = posixpath.split(part)
        place = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}

        def begin(name: str, attributes: Attributes) -> None:
            if name == "Relationship" and attributes.get("TargetMode") != "External":
                kind = attributes.get("Type", "").rpartition("/")[2]
                target = posixpath.join("/", folder, attributes.get("Target", ""))
                found[attributes.get("Id", "")] = (kind, posixpath.normpath(target).lstrip("/"))

        read_part(self.part(place), begin, _ignored, _ignored)
        return found

    def _read_book(self, book: str) -> None:
        def begin(name: str, found: Attributes) -> None:
            if name == "workbookPr":
                self.from_1904 = found.get("date1904") in _TRUE
            elif name == "sheet":
                ids = [found[f"{space} id"] for space in RELATION if f"{space} id" in found]
                kind, part = self._relations.get(ids[0] if ids else "", ("", ""))
                hidden = found.get("state", "visible") != "visible"
                sheet = Sheet(found.get("name", ""), part, hidden, kind == "worksheet")
                self.sheets.append(sheet)

        read_part(self.part(book), begin, _ignored, _ignored)

    def _related(self, wanted: str) -> str | None:
        return next((part for kind, part in self._relations.values() if kind == wanted), None)


class BinaryWorkbook(Exception):
    """The package is an XLSB: its parts are no XML."""


def _normal(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _whole(text: str | None) -> int:
    if text is None or not _NUMBER.fullmatch(text.strip()):
        raise refuse("the workbook is damaged: a number format has no number")
    return int(text)


def _dropped(inside: list[str]) -> None:
    inside.pop()


def _ignored(*_: object) -> None:
    return None
