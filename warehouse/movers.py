"""What changed most against the period before: changes that are large and no play of chance.

Two independent counts of the same rate differ by about the root of their sum; a median's logarithm
wavers by about 1.25 over the root of its number. A change is told if it is three times that, and
large enough for people: a fifth of a count and ten, a quarter of a time and a minute. So 2 messages
after 1 are no news, and 1300 after 1000 are.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log, sqrt
from typing import Literal

from warehouse.figures import Line, Measures, Mover
from warehouse.measuring import NOTHING

SHOWN = 10
Kind = Literal["total", "channel", "operator", "team", "category"]
# Of each measure the weight that its change has, and how many it is told from.
_COUNTS = ("messages_in", "threads_opened", "threads_unanswered", "clients", "clients_new")
_WORK = ("messages_out",)  # what operators and teams are told by
_TIMES = {
    "first_response_median_seconds": "threads_answered",
    "response_median_seconds": "turns_answered",
}
_CERTAIN, _MEDIAN_WAVERS = 3.0, 1.25
_LEAST_COUNT, _LEAST_SHARE = 10, 0.2
_LEAST_ANSWERS, _LEAST_RATIO, _LEAST_SECONDS = 20, 1.25, 60.0


def movers(
    total: tuple[Measures, Measures],
    lines: Iterable[tuple[Kind, list[Line]]],
    shown: int = SHOWN,
    *,
    newcomers: bool = True,
) -> list[Mover]:
    """The largest changes, the most certain first; of all and of each key.

    `newcomers`: whether clients who wrote for the first time can be compared at all.
    """
    told = _of_line("total", Line("", "", *total))
    for kind, of_kind in lines:
        for line in of_kind:
            told += _of_line(kind, line)
    told.sort(key=lambda pair: (-pair[0], pair[1].kind, pair[1].key, pair[1].measure))
    return [m for _, m in told if newcomers or m.measure != "clients_new"][:shown]


def _of_line(kind: Kind, line: Line) -> list[tuple[float, Mover]]:
    """A line's changes that are news, each with its weight."""
    before, told = line.before or NOTHING, []
    for measure in _WORK if kind in ("operator", "team") else _COUNTS:
        was, now = getattr(before, measure), getattr(line.now, measure)
        told.append((_count_weight(was, now), measure, was, now))
    for measure, number in _TIMES.items():
        was, now = getattr(before, measure), getattr(line.now, measure)
        answers = min(getattr(before, number), getattr(line.now, number))
        if was is not None and now is not None:
            told.append((_time_weight(was, now, answers), measure, was, now))
    return [
        (weight, Mover(kind, line.key, line.label, measure, float(was), float(now)))
        for weight, measure, was, now in told
        if weight >= _CERTAIN
    ]


def _count_weight(was: int, now: int) -> float:
    """How many times larger than chance a count's change is; 0: too small for people."""
    change = abs(now - was)
    if change < max(_LEAST_COUNT, _LEAST_SHARE * was):
        return 0.0
    return change / sqrt(now + was)


def _time_weight(was: float, now: float, answers: int) -> float:
    """As `_count_weight`, of a median of so many answers."""
    if answers < _LEAST_ANSWERS or abs(now - was) < _LEAST_SECONDS:
        return 0.0
    ratio = max(was, now) / max(min(was, now), 1.0)
    if ratio < _LEAST_RATIO:
        return 0.0
    return log(ratio) * sqrt(answers / 2) / _MEDIAN_WAVERS
