"""A text file's encoding, decided from the whole file."""

from __future__ import annotations

import codecs
from collections import Counter
from pathlib import Path

from transform.readers.kinds import refuse

_STEP_BYTES = 1024**2
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CYRILLIC = ("cp1251", "cp866", "koi8-r")
# The commonest letters of Russian text, by far more frequent than any others in lower case.
_FREQUENT = "оеаинтсрвлкмдпуяыьгзб"


def encoding_of(path: Path) -> str:
    """UTF-8 (BOM or not) or UTF-16 where the bytes are that; else the Cyrillic one that reads best.

    Raises:
        UnreadableExport: the bytes are no text in any of them.
    """
    with path.open("rb") as file:
        head = file.read(4)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    counts, utf8 = _byte_counts(path)
    if utf8:
        return "utf-8"
    if counts[0] > sum(counts.values()) // 4:
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    best = max(_CYRILLIC, key=lambda name: _score(counts, name))
    if _score(counts, best) <= 0:
        raise refuse("its bytes are no text in UTF-8, UTF-16, Windows-1251, CP866 or KOI8-R")
    return best


def _byte_counts(path: Path) -> tuple[Counter[int], bool]:
    counts: Counter[int] = Counter()
    decoder, utf8 = codecs.getincrementaldecoder("utf-8")(), True
    with path.open("rb") as file:
        while chunk := file.read(_STEP_BYTES):
            counts.update(chunk)
            if utf8:
                utf8 = _decodes(decoder, chunk, final=False)
    return counts, utf8 and _decodes(decoder, b"", final=True)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _score(counts: Counter[int], encoding: str) -> float:
    """How much the high bytes look like lower-case Russian in `encoding`."""
    score = 0.0
    for byte, count in counts.items():
        if byte < 0x80:
            continue
        letter = bytes([byte]).decode(encoding, errors="replace")
        if letter in _FREQUENT:
            score += 2 * count
        elif letter.lower() in "абвгдежзийклмнопрстуфхцчшщъыьэюяё":
            score += count if letter.islower() else 0.2 * count
        elif letter not in "«»—–№…“”„’\xa0":
            score -= count
    return score
