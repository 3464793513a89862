"""Both languages say the same things, each with its own forms."""

from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from reports.words import LANGUAGES, Language, plain, read, words_of
from warehouse.figures import Period

RU, EN = words_of("ru"), words_of("en")
_FORMS = {"ru": {"one", "few", "many", "other"}, "en": {"one", "other"}}


def _flat(table: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and not path.startswith("plural."):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _fields(text: Any) -> set[str]:
    if isinstance(text, dict):
        return set().union(*map(_fields, text.values()))
    if isinstance(text, list):
        return {str(len(text))}
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    ru, en = dict(_flat(read("ru"))), dict(_flat(read("en")))
    assert list(ru) == list(en)
    assert {key: _fields(text) for key, text in ru.items()} == {
        key: _fields(text) for key, text in en.items()
    }
    assert len(ru) > 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_count_has_all_the_forms_of_its_language(language: Language) -> None:
    plurals = read(language)["plural"]
    assert {key: set(forms) for key, forms in plurals.items()} == dict.fromkeys(
        plurals, _FORMS[language]
    )
    for forms in plurals.values():
        assert all("{n}" in form for form in forms.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_but_the_one_that_says_nothing(language: Language) -> None:
    empty = [key for key, text in _flat(read(language)) if text == ""]
    assert empty == ["chart.response.target_calendar"]


def test_russian_forms_follow_the_number() -> None:
    told = [RU.count("messages", n) for n in (0, 1, 2, 5, 11, 12, 21, 22, 25, 101, 111, 1004)]
    assert told == [
        "0 сообщений", "1 сообщение", "2 сообщения", "5 сообщений", "11 сообщений",
        "12 сообщений", "21 сообщение", "22 сообщения", "25 сообщений", "101 сообщение",
        "111 сообщений", "1\u00a0004 сообщения",
    ]  # fmt: skip
    assert RU.count("clients_wrote", 21) == "21 клиент написал"
    assert RU.count("clients_wrote", 412) == "412 клиентов написали"
    assert RU.count("threads_per_hour", 2.96, digits=1) == "3 диалога в час работы"
    assert RU.count("threads_per_hour", 3.14, digits=1) == "3,1 диалога в час работы"


def test_english_forms() -> None:
    assert EN.count("messages", 1) == "1 message"
    assert EN.count("messages", 21) == "21 messages"
    assert EN.count("messages", 1_234_567) == "1,234,567 messages"


def test_numbers_percents_and_changes() -> None:
    assert RU.number(1234.5, 1) == "1\u00a0234,5"
    assert EN.number(1234.5, 1) == "1,234.5"
    assert RU.number(-3) == "\u22123"
    assert RU.number(-0.2) == "0"
    assert RU.number(None) == "—"
    assert RU.percent(0.87) == "87\u00a0%"
    assert EN.percent(0.87) == "87%"
    assert EN.percent(0.9999) == ">99%"
    assert EN.percent(0.0001) == "<1%"
    assert EN.percent(1.0) == "100%"
    assert EN.percent(0.0) == "0%"
    assert RU.change(0.121) == "+12\u00a0%"
    assert RU.change(-0.5) == "\u221250\u00a0%"
    assert RU.change(11.0) == "×12"
    assert EN.change(0.0) == "0%"
    assert EN.change(None) == "—"
    assert RU.points(-0.043) == "\u22124,3 п. п."


@pytest.mark.parametrize(
    ("seconds", "russian", "english"),
    [
        (None, "—", "—"),
        (0, "0 с", "0 s"),
        (45, "45 с", "45 s"),
        (59.6, "1 мин", "1 min"),
        (252, "4 мин 12 с", "4 min 12 s"),
        (3599.7, "1 ч", "1 h"),
        (4800, "1 ч 20 мин", "1 h 20 min"),
        (86_399, "1 д", "1 d"),
        (183_600, "2 д 3 ч", "2 d 3 h"),
        (-90, "\u22121 мин 30 с", "\u22121 min 30 s"),
    ],
)
def test_durations(seconds: float | None, russian: str, english: str) -> None:
    assert RU.duration(seconds).replace("\u00a0", " ") == russian
    assert EN.duration(seconds).replace("\u00a0", " ") == english


def test_dates_and_periods() -> None:
    day = date(2026, 11, 24)
    assert RU.full_date(day) == "вторник, 24 ноября 2026 г."
    assert EN.full_date(day) == "Tuesday, 24 November 2026"
    assert RU.period(Period.day(day)) == "вторник, 24 ноября 2026 г."
    assert RU.period(Period.week(day)) == "23–29 ноября 2026 г."
    assert EN.period(Period.week(day)) == "23–29 November 2026"
    assert RU.period(Period.month(day)) == "ноябрь 2026 г."
    assert EN.period(Period.month(day)) == "November 2026"
    across = Period(date(2026, 11, 30), date(2026, 12, 6))
    assert RU.period(across) == "30 ноября – 6 декабря 2026 г."
    years = Period(date(2026, 12, 28), date(2027, 1, 3))
    assert RU.period(years) == "28 декабря 2026 г. – 3 января 2027 г."
    assert RU.short_date(day) == "вт, 24 нояб."
    assert RU.moment(datetime(2026, 11, 23, 0, 5, tzinfo=UTC), "Europe/Moscow") == (
        "23 ноября 2026 г., 03:05"
    )


def test_lists() -> None:
    assert RU.listed([]) == ""
    assert RU.listed(["a"]) == "a"
    assert RU.listed(["a", "b", "c"]) == "a, b и c"
    assert EN.listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_what_turns_text_around_or_cannot_be_shown_is_taken_out() -> None:
    assert plain("\u202eabc\u202c\x00\x0b\r\nd\ud800") == "abc d\ufffd"
    assert plain("x" * 50, 10) == "xxxxxxxxx…"
    assert plain("שלום") == "שלום"
    assert RU.channel("") == "не указан"
    assert EN.dataset("never heard of") == "never heard of"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        RU.say("no.such.key")
    assert not RU.has("no.such.key")
    assert RU.has("summary.empty")
