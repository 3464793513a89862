"""What can be compared with what, and whether a change is good news: for words and charts alike.

Names stand between FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE in sentences, and `plain` takes
both out of names themselves: a page makes `<bdi>` of them, others take them out.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from reports.words import Words, plain
from warehouse.figures import Figures, Measures, Sla

State = Literal["whole", "partial", "missing", "empty"]
Tone = Literal["good", "bad", "plain"]
OPEN, CLOSE = "\u2068", "\u2069"
# Below these a change is no news: a share of before, and a number of messages or threads.
NOTABLE: Final = 0.15
FEW: Final = 10
_NOISE: Final = 0.05
LONGEST_NAME: Final = 60
# More of these is worse, of the others neither good nor bad.
WORSE_UPWARDS: Final = frozenset(
    {"threads_unanswered"}
    | {
        f"{turn}_{kind}_seconds"
        for turn in ("first_response", "response")
        for kind in ("median", "p90", "working_median", "working_p90")
    }
)
# A target's name that says no more than its time: «15m», «1h 30m».
_BARE_TIME = re.compile(r"(\d+\s?[smhd]\s?)+")
BETTER_UPWARDS: Final = frozenset({"threads_answered", "turns_answered"})


def isolated(name: str) -> str:
    """A name inside a sentence, so that its direction doesn't turn the words around it."""
    return f"{OPEN}{plain(name, LONGEST_NAME)}{CLOSE}"


def bare(sentence: str) -> str:
    """The sentence without the marks around names."""
    return sentence.replace(OPEN, "").replace(CLOSE, "")


def state_of(figures: Figures) -> State:
    """Whether the period is whole, lacks days, lacks all of them, or has no message."""
    missing = len(figures.missing_days)
    if missing >= figures.period.days:
        return "missing"
    if missing:
        return "partial"
    return "whole" if figures.total.messages_in or figures.total.messages_out else "empty"


def comparisons(figures: Figures) -> list[tuple[str, Measures]]:
    """What the period is compared with: (key of words, measures); only what has any messages."""
    found = [(f"compare.before_{grain_of(figures)}", figures.before)]
    if figures.period.days == 1:
        found.append(("compare.same_weekday", figures.week_before))
    earlier = [figures.period.previous(), figures.period.a_week_before()]
    return [
        (key, m)
        for (key, m), span in zip(found, earlier, strict=False)
        if (m.messages_in or m.messages_out)
        and not any(span.first <= day <= span.last for day in figures.missing_before)
    ]


def before_known(figures: Figures) -> bool:
    """Whether the period before is whole and has messages, so that it can be compared with."""
    return any(key.startswith("compare.before") for key, _ in comparisons(figures))


def sums_comparable(figures: Figures) -> bool:
    """Whether sums can be compared: both periods have all their days."""
    return before_known(figures) and not figures.missing_days


def grain_of(figures: Figures) -> str:
    """What the period is, for words: day, week, month or other."""
    grain = figures.period.grain
    return "day" if figures.period.days == 1 else grain if grain in {"week", "month"} else "other"


def relative(now: float | None, before: float | None) -> float | None:
    """The change as a share of before; None where either is unknown or before is 0."""
    return None if now is None or not before else (now - before) / before


def tone_of(measure: str, change: float | None) -> Tone:
    """Whether the change of a measure is good or bad news, if it is any."""
    if not change or abs(change) < _NOISE:
        return "plain"
    if measure in WORSE_UPWARDS:
        return "bad" if change > 0 else "good"
    if measure in BETTER_UPWARDS:
        return "good" if change > 0 else "bad"
    return "plain"


def told(measure: str, value: float | None, words: Words) -> str:
    """A measure's value: a duration or a number."""
    return words.duration(value) if measure.endswith("_seconds") else words.number(value)


def target_label(target: Sla, words: Words) -> str:
    """What a target is called: its name in words, with the channel where it is of one."""
    name = plain(target.target)
    if _BARE_TIME.fullmatch(name):
        kind = "first_within" if target.first_only else "any_within"
        name = words.say(f"sla.{kind}", within=words.duration(target.within_seconds))
    if target.channel is None or plain(target.channel) in name:
        return name
    return f"{name} · {words.channel(target.channel)}"
