"""The ways in which a text may stand in bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp1251", "cp866", "koi8-r")


def spellings(text: str) -> frozenset[bytes]:
    """Every byte string under which `text` is looked for."""
    return frozenset(_spellings(text))


def _spellings(text: str) -> Iterator[bytes]:
    for encoding in _ENCODINGS:
        try:
            encoded = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        yield encoded
        yield encoded.hex().encode()
        yield from _base64(encoded)
        yield repr(encoded)[2:-1].encode()
        for safe in ("", "/"):
            quoted = quote(encoded, safe=safe)
            yield from (quoted.encode(), quoted.lower().encode())
        yield quote_plus(encoded).encode()
    escaped = json.dumps(text)[1:-1]
    for _ in range(3):  # JSON within JSON within JSON
        yield escaped.encode()
        escaped = json.dumps(escaped)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1].encode()
    yield ascii(text)[1:-1].encode()
    yield text.casefold().encode()
    yield text.upper().encode()


def _base64(encoded: bytes) -> Iterator[bytes]:
    """In base64 at each of the three places where it may begin, without what neighbours touch."""
    for before in range(3):
        whole = bytes(before) + encoded
        first, last = -(-before * 8 // 6), len(whole) * 8 // 6
        for code in (base64.b64encode, base64.urlsafe_b64encode):
            yield code(whole)[first:last]
