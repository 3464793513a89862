"""Headers made comparable: what a person would call the same header has the same key."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_CAMEL = re.compile(r"(?<=[a-zа-яё0-9])(?=[A-ZА-ЯЁ][a-zа-яё])|(?<=[a-zа-яё])(?=[A-ZА-ЯЁ])")
_WORD = re.compile(r"[^\W_]+|%")
MASKED = "<masked>"

# The last word or words of a header that tell how a duration is written.
SECONDS_PER_UNIT: dict[str, float] = {
    **dict.fromkeys(["мс", "ms", "msec", "миллисекунд", "milliseconds"], 0.001),
    **dict.fromkeys(["с", "сек", "секунд", "секунды", "s", "sec", "secs", "seconds"], 1.0),
    **dict.fromkeys(["мин", "минут", "минуты", "m", "min", "mins", "minutes"], 60.0),
    **dict.fromkeys(["ч", "час", "часов", "часы", "h", "hr", "hrs", "hours"], 3600.0),
}


def header_words(header: str) -> list[str]:
    """The header's words: lower case, ё as е, without punctuation; `messageId` is two words."""
    plain = unicodedata.normalize("NFKC", header)
    return _WORD.findall(_CAMEL.sub(" ", plain).casefold().replace("ё", "е"))


def header_key(header: str) -> str:
    """What two headers must share to be the same: case, blanks, punctuation and `_` don't count."""
    return "".join(header_words(header))


def split_unit(header: str) -> tuple[str, float | None]:
    """A header's key without its unit of time, and that unit in seconds (None: it has none)."""
    words = header_words(header)
    if len(words) > 1 and words[0] != "в" and words[-1] in SECONDS_PER_UNIT:
        rest = words[:-2] if words[-2] in {"в", "in"} else words[:-1]
        return "".join(rest), SECONDS_PER_UNIT[words[-1]]
    return "".join(words), None


_VALUE = re.compile(r"\d{5}|@|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}:\d{2}")


def looks_like_record(headers: Sequence[str]) -> bool:
    """Whether a cell is a date, a time, a long number or an address: then it is no header line."""
    return any(_VALUE.search(header) for header in headers)


def shown_all(headers: Sequence[str]) -> list[str]:
    """A file's headers as an error may show them.

    Where they look like a record all are masked: the names beside its date are personal.
    """
    if looks_like_record(headers):
        return [MASKED] * len(headers)
    return [shown(header) for header in headers]


def shown(header: str) -> str:
    """A header as an error may show it: what looks like a record's value is masked.

    A file without a header line presents its first record as headers, and that is personal data.
    """
    if len(header) > 60 or re.search(r"\d{5}|@", header) or not re.search(r"[^\W\d]", header):
        return MASKED
    return repr(header)
