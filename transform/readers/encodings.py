"""A text file's encoding, decided from the whole file, and single records that are in another one.

UTF-8 where (nearly) all lines are that; else the one of three Cyrillic encodings in which the bytes
read most like Russian. Nothing else is guessed: a text in none of them is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from transform.readers.kinds import refuse

STEP_BYTES = 4 * 1024**2
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
CYRILLIC = ("cp1251", "cp866", "koi8-r")
_MARKS = "«»—–№…“”„‚‘’•·°©®™€\u00a0"
# Letters of a thousand in Russian text, as counted in the sandbox's and other plain Russian prose.
_PER_MILLE = {
    "о": 110, "е": 85, "а": 80, "и": 74, "н": 67, "т": 63, "с": 55, "р": 47, "в": 45, "л": 44,
    "к": 35, "м": 32, "д": 30, "п": 28, "у": 26, "я": 20, "ы": 19, "ь": 17, "г": 17, "з": 16,
    "б": 16, "ч": 14, "й": 12, "х": 10, "ж": 9, "ш": 7, "ю": 6, "ц": 5, "щ": 4, "э": 3, "ф": 3,
    "ъ": 0.4, "ё": 1,
}  # fmt: skip
_UPPER_COST = 0.4
_MARK_SCORE, _OTHER_SCORE = math.log(0.004), math.log(0.00002)
_CERTAIN = 2.0
_ENOUGH_BYTES = 4
_FOREIGN = 5.0
_MIXED_SHARE = 0.3
_ZERO_SHARE = 0.02
_BEYOND_CYRILLIC = 0x500
_UTF8_PAIR = re.compile(rb"\xe2[\x80-\x84]|[\xd0\xd1][\x80-\xbf]")
_LONG_BYTES = 16 * 1024
_LINES_PER_STEP = 200
_ASCII = bytes(range(0x80))


def encoding_of(path: Path) -> tuple[str, bool]:
    """The encoding of a whole file, and whether all of it was proven to be UTF-8.

    `utf-8`, `utf-8-sig`, `utf-16…`, or one of `CYRILLIC`. A UTF-8 file may hold single lines that
    are not UTF-8: these are rejected one by one.

    Raises:
        UnreadableExport: the bytes are no text in any of them, or it can't be told which.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    for bom, name in _BOMS:
        if head.startswith(bom):
            if name == "utf-32":
                raise refuse("it is in UTF-32, which is not read", "Have it exported as UTF-8.")
            return name, name == "utf-8-sig" and _is_utf8(path)
    if (unmarked := _utf16(head)) is not None:
        return unmarked, False
    if _is_utf8(path):
        return "utf-8", True
    return _of_damaged_or_cyrillic(path), False


def _utf16(head: bytes) -> str | None:
    """UTF-16 without a mark: zeros at every other place, and plain letters if it is read so."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if even + odd <= _ZERO_SHARE * len(head):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    text = head[: len(head) // 2 * 2].decode(name, errors="replace")
    plain = sum(0 < ord(letter) < _BEYOND_CYRILLIC for letter in text)
    return name if plain > 0.9 * len(text) else None


def valid_utf8(data: bytes) -> bool:
    """Whether bytes are UTF-8 (checked by Arrow, several times faster than decoding)."""
    if data.isascii():
        return True
    ends = pa.py_buffer(np.array([0, len(data)], np.int64).tobytes())
    text = pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(data)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_utf8(path: Path) -> bool:
    kept = b""
    with path.open("rb") as file:
        while chunk := file.read(STEP_BYTES):
            data = kept + chunk
            cut = _whole_characters(data)
            if not valid_utf8(data[:cut]):
                return False
            kept = data[cut:]
    return not kept


def _whole_characters(data: bytes) -> int:
    """Where the last character that may go on in the next chunk begins."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            return len(data)
        if byte >= 0xC0:
            return len(data) - back
    return len(data)


def _of_damaged_or_cyrillic(path: Path) -> str:
    """UTF-8 where most lines with other letters than ASCII are that, else a Cyrillic encoding."""
    counts = np.zeros(256, np.int64)
    good = bad = mixed = looked_at = 0
    for lines in _line_groups(path):
        high_bytes = np.frombuffer(lines.translate(None, _ASCII), np.uint8)
        counts += np.bincount(high_bytes, minlength=256)
        for line in _some_lines(lines):
            valid = valid_utf8(line)
            good, bad = good + valid, bad + (not valid)
            letters, between_ascii = _mixed_letters(line)
            looked_at, mixed = looked_at + letters, mixed + between_ascii
    if good and good >= bad:  # by chance, hardly any text of another encoding is UTF-8
        return "utf-8"
    high = int(counts.sum())
    if mixed > _MIXED_SHARE * looked_at:
        raise _no_text()
    scores = {name: _score(counts, name) for name in CYRILLIC}
    first, second = sorted(scores, key=lambda name: scores[name], reverse=True)[:2]
    if scores[first] - high * math.log(0.002) < 0:
        raise _no_text()
    if high < _ENOUGH_BYTES or scores[first] - scores[second] < _CERTAIN:
        raise refuse(
            f"whether it is in {first} or {second} can't be told from the few letters it has",
            "Set its encoding in the mapping file.",
        )
    return first


def _no_text() -> Exception:
    return refuse(
        "its bytes are no Russian text in UTF-8, UTF-16, Windows-1251, CP866 or KOI8-R",
        "Have it exported as UTF-8, or set its encoding in the mapping file.",
    )


def _line_groups(path: Path) -> Iterator[bytes]:
    """Whole lines by the megabyte, where there are other letters than ASCII among them."""
    kept = b""
    with path.open("rb") as file:
        while chunk := file.read(STEP_BYTES):
            end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
            lines, kept = (kept + chunk[:end], chunk[end:]) if end else (b"", kept + chunk)
            if not lines.isascii():
                yield lines
    if not kept.isascii():
        yield kept


def _some_lines(group: bytes) -> list[bytes]:
    """Lines with other letters than ASCII, from all over a group."""
    if b"\n" not in group:
        group = group.replace(b"\r", b"\n")
    begins = {
        group.find(b"\n", place) + 1 if place else 0
        for place in range(0, len(group), max(1, len(group) // _LINES_PER_STEP))
    }
    spread = (group[begin : group.find(b"\n", begin) + 1 or len(group)] for begin in begins)
    found = [line for line in spread if not line.isascii()]
    return found or [line for line in group.splitlines() if not line.isascii()]


def _mixed_letters(line: bytes) -> tuple[int, int]:
    """(high bytes, those beside ASCII letters: accents of a Western text, not Russian words)."""
    codes = np.frombuffer(line, np.uint8)
    high = codes >= 0x80
    folded = codes | 0x20
    ascii_letter = (folded >= 0x61) & (folded <= 0x7A)
    beside = np.zeros(len(codes), np.bool_)
    beside[1:] |= ascii_letter[:-1]
    beside[:-1] |= ascii_letter[1:]
    return int(np.count_nonzero(high)), int(np.count_nonzero(high & beside))


@cache
def _byte_scores(encoding: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How likely each high byte is in Russian text of `encoding`, as a logarithm."""
    scores = np.zeros(256)
    for byte in range(0x80, 0x100):
        letter = bytes([byte]).decode(encoding, errors="replace")
        share = _PER_MILLE.get(letter.lower())
        if share is not None:
            scores[byte] = math.log(share / 1000) - (_UPPER_COST if letter.isupper() else 0)
        else:
            scores[byte] = _MARK_SCORE if letter in _MARKS else _OTHER_SCORE
    return scores


def _score(counts: np.ndarray[tuple[int], np.dtype[np.int64]], encoding: str) -> float:
    return float((counts * _byte_scores(encoding)).sum())


@cache
def usual_bytes(encoding: str) -> bytes:
    """The bytes of ASCII, Russian letters and common marks in a Cyrillic encoding."""
    high = (bytes([byte]) for byte in range(0x80, 0x100))
    usual = (b for b in high if _is_usual(b.decode(encoding, errors="replace")))
    return bytes(range(0x80)) + b"".join(usual)


def is_unusual(text: bytes, encoding: str) -> bool:
    """Whether a text has bytes that are rare in Russian of that encoding, or pairs of UTF-8's."""
    return bool(text.translate(None, usual_bytes(encoding))) or has_utf8_pair(text)


def has_utf8_pair(text: bytes) -> bool:
    """Whether two bytes stand together as UTF-8 writes Russian letters and their quotation marks.

    Long texts are searched by whole columns of bytes, ten times as fast as by the pattern.
    """
    if len(text) < _LONG_BYTES:
        return _UTF8_PAIR.search(text) is not None
    codes = np.frombuffer(text, np.uint8)
    for first, last_of_second in ((0xD0, 0xBF), (0xD1, 0xBF), (0xE2, 0x84)):
        seconds = codes[np.flatnonzero(codes[:-1] == first) + 1]
        if ((seconds >= 0x80) & (seconds <= last_of_second)).any():
            return True
    return False


def _is_usual(letter: str) -> bool:
    return letter.lower() in _PER_MILLE or letter in _MARKS


def decoded(raw: bytes, encoding: str) -> tuple[str, str | None]:
    """A record's text, and why it can't be trusted to be in its file's encoding (None: it can)."""
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text = raw.decode(encoding, errors="backslashreplace")
        return text, f"bytes that are not {encoding.upper()}"
    if encoding in CYRILLIC and is_unusual(raw, encoding):
        other = _better_encoding(raw, encoding)
        if other is not None:
            return text, f"it reads as {other}, and the file as {encoding}"
    return text, None


def _better_encoding(raw: bytes, encoding: str) -> str | None:
    if valid_utf8(raw):
        return "UTF-8"
    counts = np.bincount(np.frombuffer(raw, np.uint8), minlength=256)
    scores: Mapping[str, float] = {name: _score(counts, name) for name in CYRILLIC}
    top = max(scores, key=lambda name: scores[name])
    return top if scores[top] - scores[encoding] > _FOREIGN else None
