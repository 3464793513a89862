"""What is no export, containers, spreadsheets and JSON."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import xlsxwriter

from awkward.case import HEADER, ROWS, Case, lines, read, refused, table
from transform.readers import ReaderLimits

NO_EXPORT: list[Case] = [
    refused("empty", "Nothing at all.", b"", "empty"),
    refused("blank", "Blank lines alone.", b"\r\n \n\n", "empty"),
    refused("mark-alone", "A byte order mark alone.", b"\xef\xbb\xbf", "empty"),
    refused("web-page", "A web page with an error.", b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>", "web page"),
    refused("web-page-late", "A web page behind blanks and a comment.", b"\n\n  <!-- nginx; 1,2 -->\n<html><body>a;b;c</body></html>", "web page"),
    refused("web-table", "A table in HTML, as some call Excel.", b"<table><tr><td>id</td><td>a;b</td></tr></table>", "web page"),
    refused("xml", "XML.", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML document"),
    refused("api-error", "The API's error message.", b'{"status": 401, "description": "token; is, bad"}', "error message"),
    refused("plain-words", "A sentence.", lines("Доступ запрещён. Обратитесь к администратору."), "no delimiter"),
    refused("pdf", "A PDF.", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\nstartxref\n9\n%%EOF", "PDF"),
    refused("picture", "A picture.", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "picture"),
    refused("programme", "A programme.", b"\x7fELF" + bytes(range(256)) * 4, "program"),
]  # fmt: skip


def _zip(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (2026, 2, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def _locked() -> bytes:
    """A ZIP whose member is marked as encrypted, in both of its headers."""
    content = bytearray(_zip(("export.csv", table())))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


_SMALL = ReaderLimits(max_decoded_bytes=100_000)

CONTAINERS: list[Case] = [
    read("gzip", "gzip.", _gzip(table())),
    read("gzip-of-two", "gzip of two parts, one behind the other.", _gzip(table()[:40]) + _gzip(table()[40:])),
    read("zip", "ZIP with one file.", _zip(("export.csv", table()))),
    read("zip-in-gzip", "ZIP within gzip.", _gzip(_zip(("export.csv", table())))),
    read("zip-with-mac-folder", "ZIP made on a Mac.", _zip(("export.csv", table()), ("__MACOSX/._export.csv", b"x"))),
    read("zip-slip", "ZIP whose file wants to be elsewhere: only its content is taken.", _zip(("../../../tmp/evil.csv", table()))),
    refused("zip-of-two", "ZIP with two tables.", _zip(("a.csv", table()), ("b.csv", table())), "'a.csv', 'b.csv'"),
    refused("zip-empty", "ZIP with nothing in it.", _zip(), "ZIP"),
    refused("zip-locked", "ZIP with a password.", _locked, "password"),
    refused("zip-cut", "ZIP cut off.", _zip(("export.csv", table()))[:-30], "ZIP"),
    refused("gzip-cut", "gzip cut off.", _gzip(table() * 50)[:-20], "gzip"),
    refused("nested-thrice", "gzip in gzip in gzip.", _gzip(_gzip(_gzip(table()))), "nested"),
    refused("gzip-bomb", "gzip that unpacks to more than the cap.", _gzip(b"1;2;3\n" * 50_000), "unpacks", limits=_SMALL),
    refused("zip-bomb", "ZIP that unpacks to more than the cap.", _zip(("a.csv", b"1;2;3\n" * 50_000)), "unpacks", limits=_SMALL),
]  # fmt: skip


def _workbook(*, hidden: bool = False) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Чаты")
        for number, row in enumerate([HEADER, *ROWS]):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
        if hidden:
            book.add_worksheet("Скрытый").hide()
    return buffer.getvalue()


_OBJECTS = [dict(zip(HEADER, row, strict=True)) for row in ROWS]

OTHERS: list[Case] = [
    read("xlsx", "A workbook with one sheet.", _workbook),
    read("xlsx-hidden-sheet", "A workbook with a hidden sheet, which isn't read.", lambda: _workbook(hidden=True)),
    read("json-array", "A JSON array of objects.", json.dumps(_OBJECTS, ensure_ascii=False).encode()),
    read("json-lines", "A JSON object a line.", "\n".join(json.dumps(o) for o in _OBJECTS).encode()),
    refused("json-cut", "A JSON array cut off.", json.dumps(_OBJECTS).encode()[:-9], "JSON"),
]  # fmt: skip
