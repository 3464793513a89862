"""What a file is, by its first bytes; what is no export at all is refused by its name."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from transform.errors import UnreadableExport


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
        UnreadableExport: it is empty, a web page, an error message, or password-protected.
    """
    with path.open("rb") as file:
        head = file.read(65_536)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise refuse("the file is empty")
    if start[:64].lower().startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        raise refuse("it is a web page or XML, not an export")
    if head.startswith(b"PK\x03\x04"):
        return Kind.SPREADSHEET
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in head:
            raise refuse("the workbook is password-protected", "Have it exported without one.")
        return Kind.SPREADSHEET
    if start.startswith(b"{") and b'"status"' in start[:200] and path.stat().st_size < 65_536:
        raise refuse("it is an error message of the API, not an export")
    return Kind.JSON if start[:1] in (b"[", b"{") else Kind.DELIMITED
