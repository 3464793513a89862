"""What changed most, and who is overloaded: what is told, and what is chance and isn't."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_company import Said, published
from test_marts_by_hand import MONDAY, TUESDAY

from warehouse.answers import read_figures
from warehouse.business import parse_business
from warehouse.figures import Line, Measures, Mover, Period
from warehouse.marts import release_reader
from warehouse.measuring import NOTHING
from warehouse.movers import movers

THOUSAND = replace(NOTHING, messages_in=1000)


def told(now: Measures, before: Measures) -> list[tuple[str, float, float]]:
    return [(m.measure, m.before, m.now) for m in movers((now, before), [])]


@pytest.mark.parametrize(
    ("before", "now", "is_news"),
    [
        (1, 2, False),  # twice as many, of nothing
        (0, 9, False),
        (0, 10, True),  # a channel that wasn't there
        (100, 125, False),  # a quarter more: 1.7 times chance
        (100, 160, True),
        (1000, 1150, False),  # beyond chance, and not a fifth
        (1000, 1300, True),
        (1000, 0, True),
    ],
)
def test_a_count_is_news_where_it_is_large_and_no_chance(
    before: int, now: int, is_news: bool
) -> None:
    counts = [replace(NOTHING, messages_in=n) for n in (now, before)]
    assert told(counts[0], counts[1]) == ([("messages_in", before, now)] if is_news else [])


@pytest.mark.parametrize(
    ("before", "now", "answers", "is_news"),
    [
        (60.0, 600.0, 5, False),  # five answers tell nothing
        (5.0, 50.0, 1000, False),  # less than a minute more
        (600.0, 700.0, 1000, False),  # a sixth
        (600.0, 1800.0, 40, True),
        (1800.0, 600.0, 40, True),
        (None, 600.0, 40, False),
    ],
)
def test_a_median_is_news_where_enough_answers_tell_it(
    before: float | None, now: float, answers: int, is_news: bool
) -> None:
    lines = [
        replace(NOTHING, response_median_seconds=value, turns_answered=answers)
        for value in (now, before)
    ]
    assert bool(told(lines[0], lines[1])) is is_news


def test_the_most_certain_change_comes_first_and_operators_are_told_by_what_they_wrote() -> None:
    channel = Line("VK", "VK", replace(THOUSAND, messages_in=1600), THOUSAND)
    wrote = [replace(NOTHING, messages_in=n, messages_out=n) for n in (50, 150)]
    operator = Line("501", "Olga", wrote[0], wrote[1])
    same = (THOUSAND, THOUSAND)
    assert movers(same, [("operator", [operator]), ("channel", [channel])]) == [
        Mover("channel", "VK", "VK", "messages_in", 1000, 1600),  # 11.8 times chance
        Mover("operator", "501", "Olga", "messages_out", 150, 50),  # 7.1 times
    ]
    assert len(movers(same, [("channel", [channel] * 30)])) == 10


def test_newcomers_are_no_news_where_nothing_is_known_from_before() -> None:
    changed = (replace(THOUSAND, clients_new=10), replace(THOUSAND, clients_new=900))
    assert [m.measure for m in movers(changed, [])] == ["clients_new"]
    assert movers(changed, [], newcomers=False) == []


def busy(operator: str, threads_an_hour: int, hours: int = 3) -> list[Said]:
    """An operator who answers so many threads in each of some hours."""
    return [
        Said(f"2026-03-02 {9 + hour:02}:{n:02}", f"{operator}-{hour}-{n}", operator)
        for hour in range(hours)
        for n in range(threads_an_hour)
    ]


@pytest.mark.parametrize(("above", "overloaded"), [("1.5", {"503"}), ("4.0", set())])
def test_who_has_far_more_threads_an_hour_than_others_is_overloaded(
    tmp_path: Path, above: str, overloaded: set[str]
) -> None:
    # The median of 4, 4 and 7 is 4: above 6 is overloaded. 504 wrote in one hour only.
    said = [*busy("501", 4), *busy("502", 4), *busy("503", 7), *busy("504", 30, hours=1)]
    business = parse_business(f"overloaded_above = {above}", "a test")
    layout = published(tmp_path / "data", said, business)
    with release_reader(layout) as reader:
        figures = read_figures(reader, Period.day(MONDAY))
    assert {line.key for line in figures.operators if line.overloaded} == overloaded
    rates = {line.key: line.threads_per_busy_hour for line in figures.operators}
    assert rates == {"501": 4, "502": 4, "503": 7, "504": 30}


def test_nobody_is_overloaded_among_two(tmp_path: Path) -> None:
    layout = published(tmp_path / "data", [*busy("501", 1), *busy("502", 20)])
    with release_reader(layout) as reader:
        figures = read_figures(reader, Period.day(MONDAY))
    assert [line.overloaded for line in figures.operators] == [False, False]


def test_a_change_is_told_only_where_both_periods_are_loaded(tmp_path: Path) -> None:
    said = [Said(f"2026-03-03 10:{n:02}", f"T{n}", "client") for n in range(60)]
    for empty, changes in ((("2026-03-02",), True), ((), False)):
        layout = published(tmp_path / f"data-{changes}", said, empty_days=empty)
        with release_reader(layout) as reader:
            figures = read_figures(reader, Period.day(TUESDAY))
        assert bool(figures.movers) is changes
        assert figures.missing_days == []
