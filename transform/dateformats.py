"""How dates are written in a file: one format per column, decided from the evidence.

Day and month come in the order of the file's language, day first: 03.04.2026 is 3 April. A column
that can only be read the other way round is never read half this way, half that way: it stops the
load.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

YEARS = range(2000, 2101)

Order = Literal["day first", "month first", "year first", "unix seconds", "unix milliseconds"]

_PARTS = {"d": r"(?P<day>\d{1,2})", "m": r"(?P<month>\d{1,2})", "y": r"(?P<year>\d{4})"}
_ORDERS: dict[Order, str] = {"day first": "dmy", "month first": "mdy", "year first": "ymd"}
_TIME = (
    r"(?:(?:, ?|[T ])(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?%s)?"
)
_ZONE = r" ?(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
_FIGURES = str.maketrans("123456789", "0" * 9)
_UNIX: dict[Order, str] = {"unix seconds": r"\d{9,10}", "unix milliseconds": r"\d{12,13}"}


@dataclass(frozen=True)
class DateFormat:
    """A way to write moments: order of day, month and year, what separates them, zone or none.

    Seconds, fractions and the time itself may be missing in single values (spreadsheets drop a
    midnight); order, separator and zone may not vary.
    """

    order: Order
    separator: str = ""
    zoned: bool = False

    def __str__(self) -> str:
        if self.order in _UNIX:
            return self.order
        words = {"d": "dd", "m": "mm", "y": "yyyy"}
        day = self.separator.join(words[letter] for letter in _ORDERS[self.order])
        return f"{day} HH:MM:SS" + (" with a zone" if self.zoned else "")

    @property
    def is_unix(self) -> bool:
        """Whether the values are counts since 1970, and so in UTC."""
        return self.order in _UNIX

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches a whole value of this format; the groups name its figures."""
        return _pattern(self)


@cache
def _pattern(date_format: DateFormat) -> re.Pattern[str]:
    if date_format.order in _UNIX:
        return re.compile(_UNIX[date_format.order], re.ASCII)
    letters = _ORDERS[date_format.order]
    day = re.escape(date_format.separator).join(_PARTS[letter] for letter in letters)
    time = _TIME % (_ZONE if date_format.zoned else "")
    return re.compile(day + time, re.ASCII)


def candidates(*, month_first: bool) -> Sequence[DateFormat]:
    """The formats a column may have; month first only where a company says so."""
    figures: Order = "month first" if month_first else "day first"
    return [
        *(DateFormat(figures, sep, zoned) for sep in "./-" for zoned in (False, True)),
        *(DateFormat("year first", sep, zoned) for sep in "-./" for zoned in (False, True)),
        DateFormat("unix seconds"),
        DateFormat("unix milliseconds"),
    ]


_WORDS: dict[str, Order] = {"y": "year first", "d": "day first", "m": "month first"}
_DIRECTIVES = re.compile(
    r"%(?P<a>[dmY])(?P<sep>[./-])%(?P<b>[dmY])(?P=sep)%(?P<c>[dmY])"
    r"(?:(?:, ?|[T ])%H:%M(?::%S(?:[.,]%f)?)?(?P<zone> ?%z)?)?"
)


def stated(text: str) -> DateFormat | None:
    """The format that a person writes down: `%d.%m.%Y %H:%M:%S`, `unix seconds`; None: not one.

    Seconds, fractions and the time itself may be left out, as they may in the values.
    """
    if text in _UNIX:
        return DateFormat("unix seconds" if text == "unix seconds" else "unix milliseconds")
    match = _DIRECTIVES.fullmatch(text)
    letters = "".join(match[name] for name in "abc").lower() if match else ""
    if match is None or letters not in _ORDERS.values():
        return None
    return DateFormat(_WORDS[letters[0]], match["sep"], match["zone"] is not None)


def decide(texts: Iterable[str], *, month_first: bool = False) -> DateFormat | None:
    """The format that most of the values have; None where no value has any.

    A bare date fits a zoned format as well as a naive one and is no evidence for the zone.
    """
    votes: Counter[DateFormat] = Counter()
    # Which figures stand where decides no match: thousands of values have a handful of outlines.
    outlines = Counter(text.translate(_FIGURES) for text in texts)
    formats = candidates(month_first=month_first)
    for outline, values in outlines.items():
        for found in formats:
            if found.pattern.fullmatch(outline):
                votes[found] += values
    return max(votes, key=lambda found: votes[found]) if votes else None


def explain(text: str, date_format: DateFormat | None) -> str:
    """Why a value is no moment, in words that hold no value."""
    match = date_format.pattern.fullmatch(text) if date_format else None
    if date_format is None or match is None:
        return f"not a date of the file's format ({date_format})" if date_format else "not a date"
    figures = {name: int(value) for name, value in match.groupdict("0").items() if name != "zone"}
    if date_format.is_unix or figures["year"] not in YEARS:
        return f"a year outside {YEARS.start}-{YEARS.stop - 1}"
    if not _is_day(figures["year"], figures["month"], figures["day"]):
        return "a day that does not exist"
    if date_format.zoned and match["hour"] is None:
        return "a date without a time where the others have a zone"
    return "a time of day that does not exist"


def contradicts(text: str, date_format: DateFormat | None) -> bool:
    """Whether a value is a date only with day and month swapped: 04/23/2026, the day first."""
    match = date_format.pattern.fullmatch(text) if date_format else None
    if match is None or date_format is None or date_format.is_unix:
        return False
    day, month, year = (int(match[name]) for name in ("day", "month", "year"))
    return month > 12 and year in YEARS and _is_day(year, day, month)


def _is_day(year: int, month: int, day: int) -> bool:
    if not (1 <= month <= 12 and day >= 1):
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return day <= (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
