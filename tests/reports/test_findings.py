"""What stands out: each with the figures that make it, and not without them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import madefigures as made
import pytest

from reports.comparing import target_label
from reports.findings import findings
from reports.story import headlines
from reports.words import LANGUAGES, Language, words_of
from warehouse.figures import Doubt, Figures, Line, Measures

RU = words_of("ru")


def keys(figures: Figures) -> list[str]:
    return [f.key for f in findings(figures, RU)]


def calm() -> Figures:
    """A week like the one before."""
    m = made.measures(2000, 200.0, unanswered=40)
    channel = Line("WhatsApp", "WhatsApp", m, m)
    return replace(
        made.week(), total=m, before=m, week_before=m, channels=[channel], operators=[], sla=[],
        by_date=made.by_date(made.WEEK, [285] * 7, [240.0] * 7), movers=[],
    )  # fmt: skip


def with_total(**changed: object) -> Figures:
    figures = calm()
    total: Measures = replace(figures.total, **changed)  # type: ignore[arg-type]
    return replace(figures, total=total)


def test_nothing_stands_out_of_a_calm_week() -> None:
    assert keys(calm()) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"messages_in": 2600, "first_response_median_seconds": 260.0}, ["busier_slower"]),
        ({"first_response_median_seconds": 260.0}, ["slower"]),
        ({"messages_in": 2600}, ["busier_held"]),
        ({"messages_in": 2600, "first_response_median_seconds": None}, ["busier"]),
        ({"messages_in": 1500}, ["quieter"]),
        ({"first_response_median_seconds": 120.0}, ["faster"]),
        ({"threads_unanswered": 60}, ["unanswered_up"]),
        ({"threads_unanswered": 43}, []),
        ({"threads_unanswered": 20}, ["unanswered_down"]),
        ({"clients_new": 400}, ["new_clients_up"]),
        ({"clients_new": 100}, ["new_clients_down"]),
        ({"messages_in": 2100}, []),
    ],
)
def test_changes_of_the_whole(changed: dict[str, object], expected: list[str]) -> None:
    assert keys(with_total(**changed)) == expected


def test_a_silent_channel() -> None:
    silent = Line("Viber", "Viber", made.measures(0, None, unanswered=0), made.measures(50))
    quiet = Line("SMS", "SMS", made.measures(0, None, unanswered=0), made.measures(3))
    assert keys(replace(calm(), channels=[*calm().channels, silent, quiet])) == ["silent"]


def test_targets_that_were_met_less_often_or_more() -> None:
    week = made.week()
    assert keys(replace(calm(), sla=week.sla)) == ["sla_down", "sla_down"]
    better = replace(week.sla[0], share_before=0.5)
    assert keys(replace(calm(), sla=[better])) == ["sla_up"]
    assert keys(replace(calm(), sla=[replace(better, turns=4)])) == []


def test_operators_overloaded_or_alone() -> None:
    lines = [Line(str(n), f"Имя {n}", made.measures(100), None) for n in range(4)]
    assert keys(replace(calm(), operators=lines)) == []
    one = replace(lines[0], overloaded=True)
    found = findings(replace(calm(), operators=[one, *lines[1:]]), RU)
    assert [(f.key, f.personal) for f in found] == [("overloaded", True)]
    assert found[0].fact == "Перегружен 1 оператор: \u2068Имя 0\u2069."
    alone = replace(lines[0], now=made.measures(900))
    assert keys(replace(calm(), operators=[alone, *lines[1:]])) == ["alone"]


def test_messages_without_a_channel() -> None:
    unknown = Line("", "", made.measures(400), made.measures(400))
    assert keys(replace(calm(), channels=[*calm().channels, unknown])) == ["unknown_channel"]


def test_a_day_much_slower_than_the_others() -> None:
    by_date = made.by_date(made.WEEK, [285] * 7, [240.0] * 6 + [900.0])
    found = findings(replace(calm(), by_date=by_date), RU)
    assert [f.key for f in found] == ["slow_day"]
    assert "воскресенье, 22 ноября 2026 г." in found[0].fact


def test_volumes_of_an_incomplete_period_are_not_compared() -> None:
    figures = with_total(messages_in=900, threads_unanswered=400, clients_new=1)
    missing = Doubt("missing", "chats", date(2026, 11, 19))
    assert keys(replace(figures, doubts=[missing])) == []
    # Of another data set a missing day changes nothing.
    other = Doubt("missing", "statistics", date(2026, 11, 19))
    assert "quieter" in keys(replace(figures, doubts=[other]))


def test_the_worrying_come_first() -> None:
    tones = [f.tone for f in findings(made.week(), RU)]
    assert tones == sorted(tones, key=["bad", "plain", "good"].index)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_has_words(language: Language) -> None:
    words = words_of(language)
    for finding in findings(made.week(), words):
        assert finding.fact.endswith(".")
        assert finding.may.endswith(".")


def test_a_target_without_a_name_is_told_by_its_time() -> None:
    week = made.week()
    bare = [replace(s, target=name) for s, name in zip(week.sla, ("15m", "1h", "5 m"), strict=True)]
    assert [target_label(s, RU).replace("\u00a0", " ") for s in bare] == [
        "Первый ответ за 15 мин",
        "Ответ за 1 ч",
        "Первый ответ за 5 мин · WhatsApp",
    ]
    assert target_label(week.sla[2], RU) == "WhatsApp за 5 минут"


def test_who_is_new_is_compared_only_where_enough_is_known_from_before() -> None:
    """In the first weeks of the data nearly everybody writes for the first time that is known."""
    fewer = with_total(clients_new=10)
    assert keys(fewer) == ["new_clients_down"]
    first = fewer.period.first
    early = replace(fewer, known_since=first - timedelta(days=36))
    assert early.newcomers_known
    assert keys(early) == []
    younger = replace(fewer, known_since=fewer.period.previous().first)
    hints = [headline.hint for headline in headlines(younger, RU)]
    assert "из них новых: 10 (чаты известны с 9 ноября)" in hints
