"""What a downloaded file is, by its first bytes and its ends: an export, or something in its place.

Its records are not looked at here: reading them is the readers' affair.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HEAD_BYTES = 64 * 1024
_SPACE = b"\xef\xbb\xbf \t\r\n"
_PAGES = (b"<!doctype", b"<html", b"<head", b"<body", b"<script", b"<?xml", b"<error")
# A record of an export has other fields than these; an error message hardly has.
_ERROR_FIELDS = frozenset(
    {"status", "description", "message", "error", "errors", "code", "detail", "task_id", "location"}
)


def is_page(head: bytes) -> bool:
    """Whether it begins as a web page (or an object store's XML error) does."""
    return head.lstrip(_SPACE)[:64].lower().startswith(_PAGES)


def error_message(head: bytes, size_bytes: int) -> Mapping[str, Any] | None:
    """The JSON object, if the whole file is one that only says what went wrong.

    Args:
        head: the file's first `HEAD_BYTES`.
        size_bytes: of the whole file; a larger one is no message.
    """
    if size_bytes > len(head) or not head.lstrip(_SPACE).startswith(b"{"):
        return None
    try:
        value = json.loads(head.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not value or not set(value) <= _ERROR_FIELDS:
        return None
    return value


def suffix_of(path: Path, head: bytes) -> str | None:
    """The file's kind: a name for people, no promise about its content.

    Returns:
        `.xlsx` `.zip` `.gz` `.xls` `.json` or `.csv`; None for a ZIP that lacks its end.
    """
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_suffix(path)
    if head.startswith(b"\x1f\x8b"):
        return ".gz"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return ".xls"
    if head.lstrip(_SPACE)[:1] in (b"[", b"{"):
        return ".json"
    return ".csv"


def _zip_suffix(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    has_workbook = any(name.startswith("xl/") for name in names)
    return ".xlsx" if has_workbook and "[Content_Types].xml" in names else ".zip"
