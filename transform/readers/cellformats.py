"""What a number in a sheet means by its number format, and how it is written as text.

A sheet holds dates as days since its epoch, and a padded code such as 00123 as 123 with the format
`00000`. Value and format together are what a person sees, and what comes out here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache

SAFE_DIGITS = 15
_LIMIT = 10**SAFE_DIGITS
_TINY = 1e-15
_DAY_MS = 86_400_000
_LAST_DAY = 2_958_466
_DAYS_TO_1904 = 1_462
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SECTION = re.compile(r'(?:[^;"\\]|"[^"]*"|\\.)*', re.DOTALL)
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.DOTALL | re.IGNORECASE)
_CONDITION = re.compile(r"\[[<>=]")
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_RUSSIAN_DATE = re.compile(r"[дмгчс.:/, -]+", re.IGNORECASE)
_RUSSIAN = str.maketrans("дмгчс", "dmyhs")
_PADDED = re.compile(r"[0\s()+-]+")
_WORDS = {"general", "standard", "основной"}


class Shape(Enum):
    """What a number format makes of a number."""

    NUMBER = "number"
    PADDED = "padded"
    DATE = "date"
    MOMENT = "moment"
    CLOCK = "clock"
    DURATION = "duration"


@dataclass(frozen=True)
class NumberFormat:
    """A number format's shape; for a padded one, how many digits it shows at least."""

    shape: Shape = Shape.NUMBER
    digits: int = 0


PLAIN = NumberFormat()
_DATE, _MOMENT = NumberFormat(Shape.DATE), NumberFormat(Shape.MOMENT)
_CLOCK, _DURATION = NumberFormat(Shape.CLOCK), NumberFormat(Shape.DURATION)
BUILT_IN = {
    **dict.fromkeys(range(14, 18), _DATE),
    **dict.fromkeys((18, 19, 20, 21, 45, 47), _CLOCK),
    22: _MOMENT,
    46: _DURATION,
    **dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), _DATE),
}


def number_format(code: str) -> NumberFormat:
    """A format code of `styles.xml`, read by its first section."""
    section = _SECTION.match(code)
    first = section.group() if section else ""
    bare = _LITERAL.sub("", first).strip().lower()
    if bare in _WORDS or _CONDITION.search(first):
        return PLAIN
    if _PADDED.fullmatch(bare) and bare.count("0") > 1:
        return NumberFormat(Shape.PADDED, bare.count("0"))
    if _ELAPSED.search(bare):
        return _DURATION
    if _RUSSIAN_DATE.fullmatch(bare):
        bare = bare.translate(_RUSSIAN)
    return _date_format(bare)


def _date_format(bare: str) -> NumberFormat:
    has_clock = "h" in bare or "s" in bare
    has_day = "d" in bare or "y" in bare or ("m" in bare and not has_clock)
    if "#" in bare or "?" in bare or not (has_clock or has_day):
        return PLAIN
    if has_day and has_clock:
        return _MOMENT
    return _DATE if has_day else _CLOCK


def is_long(text: str) -> bool:
    """Whether the text of a number tells of more digits than a spreadsheet keeps (15)."""
    return (len(text) > SAFE_DIGITS and text.lstrip("-").isdigit()) or "E+" in text


def number_text(text: str) -> str:
    """A number as the file writes it, without `.0` and without digits that nobody wrote.

    Raises:
        ValueError: it is none.
    """
    if text.isdigit() and text.isascii() and text[0] != "0":
        return text
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError("a number cell holds no number")
    value = float(text)
    if abs(value) >= _LIMIT:
        return text if text.lstrip("-").isdigit() else str(Decimal(text).normalize())
    if value.is_integer():
        return str(int(value))
    shortest = repr(value)
    return format(Decimal(shortest), "f") if "e" in shortest and abs(value) > _TINY else shortest


def writer_of(shown: NumberFormat, *, from_1904: bool) -> Callable[[str], str]:
    """How numbers of a format are written; for each the text of the cell's value is given."""
    if shown.shape is Shape.NUMBER:
        return number_text
    if shown.shape is Shape.PADDED:
        return lambda text: _padded(number_text(text), shown.digits)
    return lambda text: moment_text(text, shown.shape, from_1904=from_1904)


def _padded(text: str, digits: int) -> str:
    return text.zfill(digits) if text.isdigit() else text


def moment_text(number: str, shape: Shape, *, from_1904: bool) -> str:
    """Days since the epoch as ISO text, to the millisecond; what is no date stays a number.

    A date loses its time only where that is midnight: the value counts, not what the cell shows.

    Raises:
        ValueError: it is no number.
    """
    if "_" in number:
        raise ValueError("a date cell holds no number")
    milliseconds = round(float(number) * _DAY_MS)
    if shape is Shape.DURATION:
        return clock_text(milliseconds)
    days, rest = divmod(milliseconds, _DAY_MS)
    clock = _clock_of_day(rest)
    if shape is Shape.CLOCK and not days:
        return clock
    day = _day(days + _DAYS_TO_1904 if from_1904 else days)
    if day is None:
        return number_text(number)
    return day if shape is Shape.DATE and not rest else f"{day} {clock}"


@cache
def _day(days: int) -> str | None:
    if days == 60:  # Excel's 29 February 1900, which never was
        return "1900-02-29"
    if not 0 < days < _LAST_DAY:
        return None
    return (dt.date(1899, 12, 31 if days < 60 else 30) + dt.timedelta(days=days)).isoformat()


@lru_cache(maxsize=100_000)
def _clock_of_day(milliseconds: int) -> str:
    return clock_text(milliseconds)


def clock_text(milliseconds: int) -> str:
    """A time of day or a duration as HH:MM:SS, with milliseconds where there are any."""
    sign = "-" if milliseconds < 0 else ""
    seconds, rest = divmod(abs(milliseconds), 1_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{sign}{hour:02}:{minute:02}:{second:02}"
    return f"{text}.{rest:03}" if rest else text
