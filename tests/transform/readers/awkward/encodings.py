"""Encodings, whole and mixed; texts that are odd in themselves."""

from __future__ import annotations

from awkward.case import ANNA, HEADER, IVAN, LEV, ROWS, Case, lines, read, refused, table

_ASCII_ROWS = [[str(number), "name", "x" * 90] for number in range(11_000)]
_BYTES = "bytes"


def _late(encoding: str) -> bytes:
    """More than a megabyte of ASCII before the first letter that tells the encoding."""
    return table([*_ASCII_ROWS, *ROWS], header=["id", "name", "text"], encoding=encoding)


def _recoded(encoding: str, other: str) -> bytes:
    """The second of three records in another encoding."""
    parts = table(encoding=encoding).splitlines(keepends=True)
    parts[2] = table(encoding=other).splitlines(keepends=True)[2]
    return b"".join(parts)


def _with(row: list[str], old: bytes, new: bytes) -> bytes:
    content = table([IVAN, row, LEV])
    assert content.count(old) == 1
    return content.replace(old, new)


ENCODINGS: list[Case] = [
    read("utf-8", "UTF-8.", table()),
    read("utf-8-mark", "UTF-8 with a byte order mark.", table(encoding="utf-8-sig")),
    read("utf-16-le", "UTF-16, little-endian, with its mark.", b"\xff\xfe" + table(encoding="utf-16-le")),
    read("utf-16-be", "UTF-16, big-endian, with its mark.", b"\xfe\xff" + table(encoding="utf-16-be")),
    read("utf-16-unmarked", "UTF-16 without its mark.", table(encoding="utf-16-le")),
    read("windows-1251", "Windows-1251.", table(encoding="cp1251")),
    read("cp866", "CP866, as from DOS.", table(encoding="cp866")),
    read("koi8-r", "KOI8-R, as from old Unix hosts.", table(encoding="koi8-r")),
    read(
        "late-windows-1251",
        "Windows-1251 whose first Russian letter comes after a megabyte.",
        lambda: _late("cp1251"),
        [*_ASCII_ROWS, *ROWS],
        columns=["id", "name", "text"],
    ),
    read(
        "late-utf-8",
        "UTF-8 whose first Russian letter comes after a megabyte.",
        lambda: _late("utf-8"),
        [*_ASCII_ROWS, *ROWS],
        columns=["id", "name", "text"],
    ),
    read("windows-1251-line-in-utf-8", "One record in Windows-1251 in a UTF-8 file.", _recoded("utf-8", "cp1251"), [IVAN, LEV], rejects=[(3, _BYTES)]),
    read("utf-8-line-in-windows-1251", "One record in UTF-8 in a Windows-1251 file.", _recoded("cp1251", "utf-8"), [IVAN, LEV], rejects=[(3, "reads as UTF-8")]),
    read("lost-byte", "One byte of a letter is lost.", _with(ANNA, "А".encode(), b"\xd0"), [IVAN, LEV], rejects=[(3, _BYTES)]),
    read("lost-byte-and-cr", "One byte of a letter is lost in a file whose lines end with CR.", _with(ANNA, "А".encode(), b"\xd0").replace(b"\n", b"\r"), [IVAN, LEV], rejects=[(3, _BYTES)]),
    read("surrogates-in-utf-8", "An emoji as two surrogates of three bytes each.", _with(["1002", "Анна", "@"], b"@", b"\xed\xa0\xbd\xed\xb8\x80"), [IVAN, LEV], rejects=[(3, _BYTES)]),
    read("hole-of-windows-1251", "The one byte that Windows-1251 leaves undefined.", table([IVAN, ["1002", "Анна", "@"], LEV], encoding="cp1251").replace(b"@", b"\x98"), [IVAN, LEV], rejects=[(3, _BYTES)]),
    read("cut-inside-a-letter", "The file ends within a letter.", table([IVAN, ANNA, ["1003", "Лев"]])[:-2], [IVAN, ANNA], rejects=[(4, "")]),
    refused("utf-32", "UTF-32 (its mark begins like UTF-16's).", table(encoding="utf-32"), "UTF"),
    refused("utf-16-odd", "UTF-16 cut within a character.", (b"\xff\xfe" + table(encoding="utf-16-le"))[:-1], "to its end"),
    refused("noise", "Bytes that are no text.", bytes(range(128, 256)) * 8, "no Russian text"),
]  # fmt: skip

_ODD = [
    ["1", "zero\u200bwidth", "а\u0301 й и\u0306"],
    ["2", "\u202eright to left", "שלום עולם"],
    ["3", "🙂👩\u200d👧", "\ufeffа"],
    ["4", "\x01\x1b[0m", "а\xa0б"],
]
_PLAIN = [["007", "NA", "null"], ["12345678901234567890", "+7 900 000-00-00", "1,50"], ["1e5", "=1+1", "03.04.2026"]]  # fmt: skip
_LONG = "а" * 250_000

TEXTS: list[Case] = [
    read("unicode-oddities", "Zero width, combining, right to left, emoji, control characters.", table(_ODD), _ODD),
    read("look-like-other-types", "Leading zeros, NA, long numbers, phones, formulas: all stay text.", table(_PLAIN), _PLAIN),
    read("nul-in-text", "A NUL within a text stays.", table([["1", "а\0б", "да"], LEV]), [["1", "а\0б", "да"], LEV]),
    read("long-text", "A text of half a megabyte.", lambda: table([["1", "а", _LONG], LEV]), [["1", "а", _LONG], LEV]),
    read("record-beyond-the-cap", "A record of three megabytes, more than the cap.", lambda: table([IVAN, ["2", "а", "x" * 3 * 1024**2], LEV]), [IVAN, LEV], rejects=[(3, "long")]),
    read("empty-cells", "Cells with nothing in them, a record of them too.", lines(";".join(HEADER), "1;;", ";;", "3;Лев;да"), [["1", "", ""], ["", "", ""], ["3", "Лев", "да"]]),
]  # fmt: skip
