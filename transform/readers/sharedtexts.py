"""The texts that a workbook's cells share: by patterns where they are plain, else by expat."""

from __future__ import annotations

import re
from collections.abc import Iterable

from transform.readers.sheetpatterns import simple_texts
from transform.readers.xmlparts import PartReader, TextReader, unescaped

_HEAD = re.compile(
    rb'<\?xml version="1\.0" encoding="(?:UTF|utf)-8"[^<>]*\?>\s*'
    rb'<sst xmlns="http://(?:schemas\.openxmlformats\.org|purl\.oclc\.org)/[^"<>]*"[^<>/]*>'
)
_END = b"</si>"


def shared_texts(content: Iterable[bytes], *, fast: bool = True) -> list[str]:
    """All of them, in the order of their numbers.

    Args:
        content: the part `sharedStrings`.
        fast: whether pieces that are proven plain may be read by patterns.
    """
    texts: list[str] = []
    parts = TextReader(texts.append, "si")
    xml = PartReader(parts.begin, parts.end, parts.text)
    buffer, begun = b"", False
    for more in content:
        buffer += more
        if not begun:
            begun = True
            head = _HEAD.match(buffer)
            fast = fast and head is not None
            if head is not None:
                xml.feed(head.group())
                buffer = buffer[head.end() :]
        cut = buffer.rfind(_END) + len(_END) if fast else len(buffer)
        if fast and cut >= len(_END) and (found := simple_texts(buffer[:cut])) is not None:
            texts.extend(found)
        else:
            fast = False
            cut = len(buffer)
            xml.feed(buffer)
        buffer = buffer[cut:]
    xml.feed(buffer, last=True)
    return list(map(unescaped, texts))
