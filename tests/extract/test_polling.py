"""An export is asked for seldom until others say that it is due, and often about then."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from extract.polling import REMEMBERED, Pace, Polling

DURATIONS = st.floats(0.05, 3600)
POLLING = Polling()


def polls(export_seconds: float, expected_seconds: float | None) -> list[float]:
    """When an export that takes so long is asked for, the last time that it is ready."""
    asked, elapsed = [0.0], 0.0
    while elapsed < export_seconds:
        elapsed += POLLING.wait_seconds(elapsed, None, expected_seconds)
        asked.append(elapsed)
    return asked


@given(DURATIONS)
@example(3.0)
def test_an_export_that_takes_as_long_as_others_is_noticed_at_once_with_fewer_polls(
    seconds: float,
) -> None:
    asked = polls(seconds, seconds)
    late = max(0.021 * seconds, POLLING.first_seconds / 4)
    assert asked[-1] - seconds <= late
    # By the first of a run nothing is known: it may be lucky, never by much.
    assert len(asked) <= len(polls(seconds, None)) + 3


def test_a_known_export_of_half_a_minute_costs_a_third_of_the_polls() -> None:
    assert len(polls(30, 30)) <= 14
    assert len(polls(30, None)) >= 35


@given(DURATIONS, DURATIONS)
def test_one_that_takes_longer_or_shorter_than_others_is_noticed_all_the_same(
    seconds: float, expected: float
) -> None:
    late = polls(seconds, expected)[-1] - seconds
    shares = (0.25 * seconds, 0.2 * expected, POLLING.first_seconds)
    assert late <= min(max(shares), POLLING.max_seconds) + 1e-6


@given(DURATIONS)
def test_the_fewest_polls_are_no_more_than_are_made(seconds: float) -> None:
    assert POLLING.fewest_polls(seconds) <= len(polls(seconds, seconds))


def test_the_fastest_of_the_last_ones_is_expected_of_each_dataset_by_itself() -> None:
    pace = Pace()
    assert pace.expected_seconds("chats") is None
    for seconds in (2.0, 8.0, 9.0):
        pace.note("chats", seconds)
    assert pace.expected_seconds("chats") == 2.0
    assert pace.expected_seconds("statistics") is None
    for _ in range(REMEMBERED - 1):
        pace.note("chats", 8.5)
    assert pace.expected_seconds("chats") == 8.5


def test_what_the_vendor_asks_for_is_waited_where_it_is_longer() -> None:
    assert POLLING.wait_seconds(2.9, 10, 3.0) >= 9
    assert POLLING.wait_seconds(2.9, 0.001, 3.0) >= 0.009
