"""What a run would cost in calls of the API, and whether it may: said before anything is started.

The figure is the fewest calls possible: one start, and as many polls as the vendor's last exports
took; retries and a slower vendor come on top. A run that meets its bound on the way starts nothing
more (`extract.budget`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flows.errors import OverBudget
from flows.pipeline import DayKey
from flows.run import Run

Seconds = Mapping[str, float | None]


def fewest_calls(run: Run, days: Sequence[DayKey], export_seconds: Seconds) -> list[int]:
    """For each day, the fewest calls that it can cost; one under way already isn't started."""
    polls = {name: run.polling.fewest_polls(export_seconds.get(name)) for name, _ in days}
    under_way = run.jobs.under_way([run.request(name, day) for name, day in days])
    return [
        polls[name] + (0 if known else 1) for (name, _), known in zip(days, under_way, strict=True)
    ]


def budget_line(run: Run, days: Sequence[DayKey], export_seconds: Seconds) -> str:
    """The cost of a plan beside what may be spent, in a sentence."""
    left, needed = run.client.budget.left(), sum(fewest_calls(run, days, export_seconds))
    bounds = [
        f"{count:,} may still be made by {whom}"
        for count, whom in ((left.of_run, "a run"), (left.of_day, "all runs of today"))
        if count is not None
    ]
    said = "; ".join(bounds) or "no bound is set"
    over = left.fewest is not None and needed > left.fewest
    return f"Calls: at least {needed:,}; {said}{': too many, it would be refused' if over else ''}."


def require_budget(run: Run, days: Sequence[DayKey], export_seconds: Seconds) -> None:
    """Refuse a run that would make more calls than it may.

    Raises:
        OverBudget: nothing was started.
    """
    left = run.client.budget.left().fewest
    if left is None:
        return
    needed = sum(fewest_calls(run, days, export_seconds))
    if needed > left:
        raise OverBudget(
            f"{len(days)} exports need {needed:,} calls or more, and {left:,} may be made; nothing "
            "was started. Ask for fewer days, wait for tomorrow, or raise "
            "SMARTCONNECT_CALLS_PER_RUN or SMARTCONNECT_CALLS_PER_DAY."
        )


def within_budget(
    run: Run, days: Sequence[DayKey], export_seconds: Seconds, *, kept_back: int
) -> tuple[list[DayKey], str | None]:
    """The newest days that may be asked for, and what is to be said of the others.

    A nightly must go on by itself: what it leaves out is still missing tomorrow, and asked for.

    Args:
        run: the current run.
        days: what is planned.
        export_seconds: how long the last exports took, by dataset.
        kept_back: calls that the run needs besides.
    """
    left = run.client.budget.left().fewest
    if left is None:
        return list(days), None
    room = left - kept_back
    kept: list[DayKey] = []
    newest_first = sorted(days, key=lambda key: (key[1], key[0]), reverse=True)
    costs = fewest_calls(run, newest_first, export_seconds)
    for key, cost in zip(newest_first, costs, strict=True):
        room -= cost
        if room < 0:
            break
        kept.append(key)
    kept.sort(key=lambda key: (key[1], key[0]))
    if len(kept) == len(days):
        return kept, None
    return kept, (
        f"{len(days) - len(kept)} exports were left for later runs: {left:,} calls may be made "
        "(SMARTCONNECT_CALLS_PER_RUN, SMARTCONNECT_CALLS_PER_DAY)."
    )
