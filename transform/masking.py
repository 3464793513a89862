"""Values made fit to be shown: the shape of what is personal, no letter or figure of it."""

from __future__ import annotations

import re
import unicodedata

SHOWN_CHARS = 40
_PHONE = re.compile(r"\+?[\d\s()\-–.]{9,}")
_MIN_PHONE_DIGITS = 9


def safe_value(value: str, *, secret: bool) -> str:
    """A value on one line, cut to `SHOWN_CHARS`; its shape where it is secret or may be.

    A phone or an address is masked wherever it stands: a thread's id may well be the client's.
    """
    plain = " ".join(value.split())
    if secret or "@" in plain or _is_phone(plain):
        plain = shape(plain)
    plain = "".join(char if char.isprintable() else "·" for char in plain)
    return plain if len(plain) <= SHOWN_CHARS else f"{plain[: SHOWN_CHARS - 1]}…"


def shape(text: str) -> str:
    """`Иван +7 916` → `Аааа +9 999`: letters and figures give way, the rest stays."""
    return "".join(map(_shape_of, text))


def _shape_of(char: str) -> str:
    category = unicodedata.category(char)
    if category.startswith("N"):
        return "9"
    if category.startswith(("L", "M")):
        small, capital = ("а", "А") if "CYRILLIC" in unicodedata.name(char, "") else ("a", "A")
        return capital if category in ("Lu", "Lt") else small
    return char


def _is_phone(text: str) -> bool:
    digits = sum(char.isdigit() for char in text)
    date_like = re.fullmatch(r"\d{1,4}[.\-]\d{1,2}[.\-]\d{1,4}", text) is not None
    return _PHONE.fullmatch(text) is not None and digits >= _MIN_PHONE_DIGITS and not date_like
