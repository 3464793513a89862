"""What an address means, whatever is in it."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from dashboard.asking import Asked, address, preferred, settled, understood
from warehouse.figures import Period

TODAY = date(2026, 11, 25)


def days(query: dict[str, str], last_day: date | None = TODAY) -> Period:
    return settled(understood(query), TODAY, last_day)[1]


def test_presets_are_days_before_today() -> None:
    assert days({"period": "yesterday"}) == Period.day(date(2026, 11, 24))
    assert days({"period": "7"}) == Period(date(2026, 11, 18), date(2026, 11, 24))
    assert days({"period": "30"}) == Period(date(2026, 10, 26), date(2026, 11, 24))
    assert days({"period": "month"}) == Period(date(2026, 11, 1), date(2026, 11, 24))
    assert settled(understood({"period": "month"}), date(2026, 12, 1), None)[1].days == 1


def test_without_a_choice_the_last_days_with_data_are_shown() -> None:
    assert days({}) == days({"period": "7"})
    assert days({}, date(2026, 2, 7)) == Period(date(2026, 2, 1), date(2026, 2, 7))
    assert days({}, None).days == 7


def test_whole_weeks_and_months_are_compared_with_whole_ones() -> None:
    assert days({"from": "2026-11-16", "to": "2026-11-22"}).grain == "week"
    assert days({"from": "2026-10-01", "to": "2026-10-31"}).previous() == Period.month(
        date(2026, 9, 1)
    )
    assert days({"from": "2026-11-03", "to": "2026-11-03"}).grain == "day"
    assert days({"from": "2026-11-03", "to": "2026-11-01"}).first == date(2026, 11, 1)


def test_dates_of_the_form_that_are_a_presets_own_stay_the_preset() -> None:
    same, _ = settled(
        understood({"period": "7", "from": "2026-11-18", "to": "2026-11-24"}), TODAY, TODAY
    )
    assert (same.preset, same.first) == ("7", None)
    other, found = settled(
        understood({"period": "7", "from": "2026-11-17", "to": "2026-11-24"}), TODAY, TODAY
    )
    assert (other.preset, found.days) == (None, 8)


def test_the_browsers_first_known_language_is_spoken() -> None:
    assert preferred("de-DE,de;q=0.9,en;q=0.8,ru;q=0.7") == "en"
    assert preferred("en;q=0.1, ru-RU") == "ru"
    assert preferred("de, *;q=0.5, ;;q=x") is None


SOME = st.text(max_size=30)


@given(st.dictionaries(st.sampled_from(sorted({"from", "to", "period", "channel", "operator",
    "lang", "theme", "kind", "page", "of", "chat", "part_day", "part_hour", "part_operator",
    "part_weekday", "part_category"})), SOME))  # fmt: skip
def test_nothing_in_an_address_is_an_error(query: dict[str, str]) -> None:
    asked, period = settled(understood(query), TODAY, None)
    assert 0 < period.days <= 3660
    assert asked.narrowing.hour is None or 0 <= asked.narrowing.hour < 24


@given(st.one_of(st.none(), SOME), SOME.filter(lambda text: "\0" not in text), SOME)
def test_a_link_means_what_it_was_made_for(
    channel: str | None, operator: str, category: str
) -> None:
    wanted = Asked(
        channel=None if channel is None else channel.replace("\0", ""),
        operator=operator or None,
        kind="slow",
        part=(("category", category.replace("\0", "")),),
        page=3,
    )
    query = dict(parse_qsl(urlsplit(address("/threads", wanted)).query, keep_blank_values=True))
    assert understood(query) == wanted
