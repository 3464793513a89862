"""A pair of bytes that UTF-8 writes is found in a short text and in a long one alike."""

from __future__ import annotations

import pytest

from transform.readers.encodings import has_utf8_pair

FILLER = "Добрый день; заказ № 7 «готов» ".encode("cp1251").replace(b"\xd0", b"\xc4")


@pytest.mark.parametrize("before", [0, 1, 1000, 40_000])
@pytest.mark.parametrize(
    ("pair", "found"),
    [
        ("да".encode(), True),
        ("—".encode(), True),
        (b"\xd1\x80", True),
        (b"\xd0\xbf", True),
        (b"\xd0\xc0", False),
        (b"\xd1\x7f", False),
        (b"\xe2\x85", False),
        (b"\xe2\x84", True),
        (b"\xd0", False),
        (b"", False),
    ],
)
def test_a_utf8_pair_is_found_wherever_it_stands(before: int, pair: bytes, found: bool) -> None:
    text = (FILLER * (before // len(FILLER) + 1))[:before].ljust(before, b" ") + pair
    assert has_utf8_pair(text) is found
    assert has_utf8_pair(text + b" " * 50_000) is found


def test_texts_in_the_old_encodings_have_no_such_pair() -> None:
    for encoding in ("cp1251", "koi8-r"):
        assert not has_utf8_pair(("Спасибо, жду ответа\n" * 5000).encode(encoding))
