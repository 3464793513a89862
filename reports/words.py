"""Sentences, numbers, dates and durations as a Russian or an English reader expects them.

Sentences are in `words/ru.toml` and `words/en.toml`, with the same keys and the same placeholders
(a test holds them to it). A table of plural forms (`one`, `few`, `many`, `other`: CLDR's names) is
chosen from by the number, so that it is «1 сообщение», «3 сообщения», «5 сообщений».
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from warehouse.figures import Period

Language = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
NOTHING = "—"
NBSP = "\u00a0"
MINUS = "\u2212"
_FILES = Path(__file__).parent / "words"
# What turns the direction of the text after it, and what no page, sheet or picture can show.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SURROGATES = re.compile("[\ud800-\udfff\ufffe\uffff]")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@cache
def read(language: Language) -> Mapping[str, Any]:
    """All words of a language, as the file has them."""
    return tomllib.loads((_FILES / f"{language}.toml").read_text(encoding="utf-8"))


def plain(text: str, longest: int | None = None) -> str:
    """A name or key without what can't be shown or turns the text around it."""
    shown = " ".join(_SURROGATES.sub("\ufffd", _CONTROLS.sub("", text)).split())
    if longest is not None and len(shown) > longest:
        return shown[: longest - 1].rstrip() + "…"
    return shown


class Words:
    """What a language says; asked for a key that isn't there, it raises KeyError."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.locale = Locale(language)
        self._words = read(language)

    def _at(self, key: str) -> Any:
        found: Any = self._words
        for part in key.split("."):
            found = found[part]
        return found

    def has(self, key: str) -> bool:
        """Whether there is such a sentence."""
        try:
            self._at(key)
        except (KeyError, TypeError):
            return False
        return True

    def say(self, key: str, **values: object) -> str:
        """The sentence of a key, its placeholders filled in."""
        text: str = self._at(key)
        return text.format(**values)

    def count(self, key: str, number: float, digits: int = 0, **values: object) -> str:
        """«5 сообщений»: the form of `plural.<key>` that belongs to the number as it is shown."""
        number = round(number, digits)
        forms: dict[str, str] = self._at(f"plural.{key}")
        form = self.locale.plural_form(abs(number))
        return forms.get(form, forms["other"]).format(n=self.number(number, digits), **values)

    def number(self, value: float | None, digits: int = 0) -> str:
        """«1 234,5» or «1,234.5»; at most so many digits after the point."""
        if value is None:
            return NOTHING
        pattern = "#,##0" + ("." + "#" * digits if digits else "")
        rounded = round(value, digits) + 0  # −0.0 is 0
        return str(format_decimal(rounded, pattern, self.locale)).replace("-", MINUS)

    def signed(self, value: float, digits: int = 0) -> str:
        """With its sign: «+12», «−3», «0»."""
        told = self.number(value, digits)
        return f"+{told}" if round(value, digits) > 0 else told

    def percent(self, share: float | None, digits: int = 0) -> str:
        """A share as «87 %» or «87%»; «>99 %» of what is not all, «<1 %» of what is some."""
        if share is None:
            return NOTHING
        value = round(share * 100, digits)
        step = 10**-digits
        if value >= 100 > share * 100:
            return ">" + self._percent_of(self.number(100 - step, digits))
        if value <= 0 < share:
            return "<" + self._percent_of(self.number(step, digits))
        return self._percent_of(self.number(value, digits))

    def _percent_of(self, told: str) -> str:
        return f"{told}{NBSP}%" if self.language == "ru" else f"{told}%"

    def change(self, relative: float | None) -> str:
        """A relative change: «+12 %», «−3 %»; from ten times on, as «×12»."""
        if relative is None:
            return NOTHING
        if relative >= 9:
            return f"×{self.number(relative + 1)}"
        return self._percent_of(self.signed(relative * 100))

    def points(self, difference: float) -> str:
        """A change of a share, in percentage points."""
        return self.say("form.points", n=self.signed(difference * 100, 1))

    def duration(self, seconds: float | None) -> str:
        """«45 с», «4 мин 12 с», «1 ч 20 мин», «2 д 3 ч»: two units at most."""
        if seconds is None:
            return NOTHING
        whole = round(seconds)
        sign, whole = ("" if whole >= 0 else MINUS), abs(whole)
        if whole < _MINUTE:
            parts = [(whole, "second")]
        elif whole < _HOUR:
            parts = [(whole // _MINUTE, "minute"), (whole % _MINUTE, "second")]
        else:
            minutes = round(whole / _MINUTE)
            parts = [(minutes // 60, "hour"), (minutes % 60, "minute")]
            if minutes >= _DAY // _MINUTE:
                hours = round(minutes / 60)
                parts = [(hours // 24, "day"), (hours % 24, "hour")]
        told = [
            f"{self.number(value)}{NBSP}{self.say(f'unit.{unit}')}"
            for position, (value, unit) in enumerate(parts)
            if value or not position
        ]
        return sign + NBSP.join(told)

    def date(self, day: dt.date) -> str:
        """«24 ноября 2026 г.»."""
        return self._dated(day, "date")

    def full_date(self, day: dt.date) -> str:
        """«вторник, 24 ноября 2026 г.»."""
        return self._dated(day, "full_date")

    def short_date(self, day: dt.date) -> str:
        """«вт, 24 нояб.»."""
        return self._dated(day, "short_date")

    def axis_date(self, day: dt.date) -> str:
        """«24 нояб.»."""
        return self._dated(day, "axis_date")

    def day_and_month(self, day: dt.date) -> str:
        """«24 ноября»."""
        return self._dated(day, "day_and_month")

    def _dated(self, day: dt.date, form: str) -> str:
        return format_date(day, self.say(f"form.{form}"), self.locale)

    def weekday(self, number: int, width: Literal["short", "wide"] = "short") -> str:
        """The name of a weekday: 1 Monday … 7 Sunday."""
        return str(self._at(f"weekday.{width}")[number - 1])

    def period(self, period: Period) -> str:
        """«16–22 ноября 2026 г.», «ноябрь 2026 г.», «вторник, 24 ноября 2026 г.»."""
        first, last = period.first, period.last
        if first == last:
            return self.full_date(first)
        if period.grain == "month":
            return self._dated(first, "month")
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day}–{self.date(last)}"
        if first.year == last.year:
            return f"{self.day_and_month(first)} – {self.date(last)}"
        return f"{self.date(first)} – {self.date(last)}"

    def titled(self, period: Period) -> str:
        """A period as a title: with a capital letter."""
        told = self.period(period)
        return told[0].upper() + told[1:]

    def moment(self, at: dt.datetime | None, time_zone: str = "") -> str:
        """«24 ноября 2026 г., 08:05», in the company's time zone where one is given."""
        if at is None:
            return NOTHING
        local = at.astimezone(ZoneInfo(time_zone)) if time_zone and at.tzinfo else at
        return f"{self.date(local.date())}, {format_time(local, 'HH:mm', locale=self.locale)}"

    def listed(self, parts: list[str], most: int | None = None) -> str:
        """«a, b и c»; with `most`, «a, b и ещё 5»."""
        shown = parts if most is None or len(parts) <= most else parts[:most]
        if len(shown) < len(parts):
            rest = self.number(len(parts) - len(shown))
            return self.say("form.and_more", first=", ".join(shown), rest=rest)
        if len(shown) < 2:
            return "".join(shown)
        return self.say("form.and", first=", ".join(shown[:-1]), last=shown[-1])

    def channel(self, key: str) -> str:
        """What a channel is called; the unknown one has no key."""
        return plain(key) or self.say("unknown.channel")

    def dataset(self, key: str) -> str:
        """What a data set is called; one without a word keeps its name."""
        return str(self._words["dataset"].get(key, plain(key, 60)))

    def definitions(self) -> list[tuple[str, str]]:
        """Each figure's term and meaning, in the order of the file."""
        return [(found["term"], found["text"]) for found in self._words["definition"].values()]


def words_of(language: Language) -> Words:
    """The words of a language, read once."""
    return _kept(language)


@cache
def _kept(language: Language) -> Words:
    return Words(language)
