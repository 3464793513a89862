"""Numbers and durations as people's tables write them, one value at a time.

Statistics have few distinct values, so each distinct text is read once (`columns.translated` keeps
it off the path of the rows).
"""

from __future__ import annotations

import math
import re

_BLANKS = dict.fromkeys(map(ord, " \u00a0\u202f\u2009'"))
_NOTHING = frozenset(("-", "—", "–", "n/a", "н/д", "нет данных"))
_PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+|[+-]?\d{1,3}(?:\.\d{3})+,\d+", re.ASCII)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)
_CLOCK = re.compile(
    r"(?:(?P<days>\d+)(?: ?(?:д|дн|d|days?|day)\.?,? |\.| ))?(?P<a>\d+):(?P<b>\d{1,2})"
    r"(?::(?P<c>\d{1,2})(?P<fraction>[.,]\d+)?)?",
    re.ASCII,
)
_WORDED = re.compile(r"(\d+(?:[.,]\d+)?) ?([^\W\d]+)\.?")
_SECONDS = {
    **dict.fromkeys(("д", "дн", "день", "дня", "дней", "d", "day", "days"), 86400.0),
    **dict.fromkeys(("ч", "час", "часа", "часов", "h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("м", "мин", "минута", "минуты", "минут"), 60.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("с", "сек", "секунда", "секунды", "секунд"), 1.0),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
}


def is_nothing(text: str) -> bool:
    """Whether a cell only says that there is no value."""
    return not text or text.casefold() in _NOTHING


def number(text: str) -> float | None:
    """A number with a decimal point or comma and grouped thousands; None if it is none.

    `1,234` is 1.234, as a decimal comma reads in Russian files; only where both signs stand in the
    text, or blanks group the thousands, is the grouping certain.
    """
    plain = text.translate(_BLANKS)
    if _GROUPED.fullmatch(plain):
        thousands = "," if plain.rfind(".") > plain.rfind(",") else "."
        plain = plain.replace(thousands, "")
    plain = plain.replace(",", ".")
    value = float(plain) if _PLAIN.fullmatch(plain) else math.inf
    return value if math.isfinite(value) else None


def count(text: str) -> int | None:
    """A whole number, not negative; None if it is none.

    `12.0` is one; `1,234` and `1.234` are 1234, since a count has no fractions.
    """
    plain = text.translate(_BLANKS)
    value = number(re.sub("[.,]", "", plain) if _THOUSANDS.fullmatch(plain) else plain)
    if value is None or not 0 <= value < 2**53 or value != int(value):
        return None
    return int(value)


def seconds(text: str, seconds_per_unit: float = 1.0) -> float | None:
    """A duration in seconds; None if it is none.

    `HH:MM:SS`, `MM:SS`, `1 д 02:03:04`, `2 мин 30 с`, or a bare number, which is in the unit that
    the header names (not published: seconds where it names none). Under a header in hours, `a:b` is
    hours and minutes.
    """
    bare = number(text)
    if bare is not None:
        return bare * seconds_per_unit if bare >= 0 else None
    clock = _CLOCK.fullmatch(text)
    if clock:
        return _clock_seconds(clock, in_hours=seconds_per_unit == 3600.0)
    return _worded_seconds(text)


def _clock_seconds(clock: re.Match[str], *, in_hours: bool) -> float | None:
    first, second, third = (int(clock[name] or 0) for name in "abc")
    if clock["c"] is None and not in_hours and clock["days"] is None:
        first, second, third = 0, first, second
        return float(second * 60 + third) if third < 60 else None
    if second > 59 or third > 59:
        return None
    fraction = float((clock["fraction"] or "0").replace(",", "."))
    whole = int(clock["days"] or 0) * 86400 + first * 3600 + second * 60 + third
    return whole + fraction


def _worded_seconds(text: str) -> float | None:
    total, end = 0.0, 0
    for part in _WORDED.finditer(text):
        unit = _SECONDS.get(part[2].casefold())
        if unit is None or text[end : part.start()].strip(" ,"):
            return None
        total += float(part[1].replace(",", ".")) * unit
        end = part.end()
    return total if end and not text[end:].strip() else None
