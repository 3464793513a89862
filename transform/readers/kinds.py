"""What a file is, by its content alone; what is no export at all is refused by its own name."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

from transform.errors import UnreadableExport

_HEAD_BYTES = 65_536
_TEXT_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FOREIGN = (
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n\x1a\n", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF87a", "a picture"),
    (b"GIF89a", "a picture"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x1f\x9d", "a compress (.Z) archive"),
    (b"\x04\x22\x4d\x18", "an LZ4 archive"),
    (b"MSCF", "a cabinet archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"{\\rtf", "an RTF document"),
    (b"\x7fELF", "a program"),
)
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)")
_BEFORE_MARKUP = re.compile(r"(?:\s|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_WEB_PAGE = re.compile(r"<(?:!doctype\s+html|(?:html|head|body|title|meta|script|style|center)\b)")
_TABLE = re.compile(r"<table\b")
_BRACKETED_HEADER = re.compile(r"<[^<>\n]*>(?:[;,\t|]<[^<>\n]*>)+\r?\n")
_MARKUP = re.compile(r"<(?:\?xml|!doctype|!--|!\[CDATA\[|[\w.:-]+(?:\s[^<>]*)?/?>)", re.IGNORECASE)


class Kind(Enum):
    """What can be read."""

    DELIMITED = "delimited text"
    SPREADSHEET = "spreadsheet"
    JSON = "JSON"


def refuse(came: str, cure: str = "Ask SmartConnect for the export again.") -> UnreadableExport:
    """The error for a file that is no export."""
    return UnreadableExport("reading an export file", came, cure)


def kind_of(path: Path) -> Kind:
    """The kind of an unwrapped file.

    Raises:
        UnreadableExport: it is empty, a web page, some other kind of file, or password-protected.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if not head:
            raise refuse("the file is empty")
        _refuse_blank(head, path)
    if head.startswith(b"PK\x03\x04"):
        return Kind.SPREADSHEET
    if head.startswith(_OLE):
        return _ole(path)
    _refuse_foreign(head)
    text = _text(head).lstrip()
    _refuse_markup(text)
    return Kind.JSON if _begins_json(text) else Kind.DELIMITED


def _refuse_blank(head: bytes, path: Path) -> None:
    if _has_content(head):
        return
    with path.open("rb") as file:
        while piece := file.read(1024**2):
            if _has_content(piece):
                return
    raise refuse("the file is empty: it holds nothing but blanks")


def _has_content(piece: bytes) -> bool:
    for mark, _ in _TEXT_MARKS:
        piece = piece.removeprefix(mark)
    return bool(piece.strip(b"\x00 \t\r\n\x0b\x0c"))


def _ole(path: Path) -> Kind:
    content = path.read_bytes() if path.stat().st_size < 64 * 1024**2 else b""
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise refuse("the workbook is password-protected", "Have it exported without one.")
    if "WordDocument".encode("utf-16-le") in content:
        raise refuse("it is a Word document")
    return Kind.SPREADSHEET


def _refuse_foreign(head: bytes) -> None:
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            raise refuse(f"it is {name}, not an export")
    if _BZIP2.match(head):
        raise refuse("it is a bzip2 archive, not an export")
    if head.startswith((b"PK\x05\x06", b"PK\x07\x08")):
        raise refuse("it is a ZIP archive that is empty or in several parts")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        raise refuse("it is a picture, not an export")


def _text(head: bytes) -> str:
    for mark, encoding in _TEXT_MARKS:
        if head.startswith(mark):
            return head.removeprefix(mark).decode(encoding, "replace")
    if head[1:2] == b"\x00":
        return head.decode("utf-16-le", "replace")
    if head[:1] == b"\x00":
        return head.decode("utf-16-be", "replace")
    return head.decode("latin-1")


def _refuse_markup(text: str) -> None:
    if not text.startswith("<") or _BRACKETED_HEADER.match(text):
        return
    found = _BEFORE_MARKUP.match(text)
    inner = text[found.end() if found else 0 :].lower()
    if "urn:schemas-microsoft-com:office:spreadsheet" in text:
        raise refuse(
            "it is a SpreadsheetML 2003 workbook (XML)", "Have it exported as XLSX or CSV."
        )
    if _TABLE.match(inner) or (_WEB_PAGE.match(inner) and _TABLE.search(inner)):
        raise refuse(
            "it is a web page with a table in it (HTML, as some systems save for .xls)",
            "Have it exported as XLSX or CSV.",
        )
    if _WEB_PAGE.match(inner):
        raise refuse("it is a web page (HTML), not an export")
    if _MARKUP.match(text):
        raise refuse("it is an XML document, not an export", "Have it exported as XLSX or CSV.")


def _begins_json(text: str) -> bool:
    """`[` or `{` can begin a CSV's header too: only what follows makes it JSON."""
    inner = text[1:].lstrip()
    if text.startswith("{"):
        return inner[:1] in ('"', "}")
    return text.startswith("[") and (not inner or inner[:1] in '[]{"-0123456789tfn')
