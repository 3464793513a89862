"""A report in a few lines, for the body of a mail and for a chat.

It goes where others may read along: counts, channels, durations, shares and days, nobody's names.
"""

from __future__ import annotations

from typing import Final

from reports.comparing import bare, state_of
from reports.page import title
from reports.story import compared_told, main_target, missing_told, summary
from reports.words import Language, Words, plain, words_of
from warehouse.figures import Figures

LONGEST: Final = 700
_MOST_CHANNELS = 4
_LONGEST_CHANNEL = 24


def short_text(figures: Figures, language: Language) -> str:
    """At most 700 characters; what doesn't fit is left out from the end, whole lines at a time."""
    words = words_of(language)
    lines = [
        words.say("message.title", title=title(figures, words), period=words.period(figures.period))
    ]
    missing = missing_told(figures, words)
    if missing:
        lines.append(missing)
    state = state_of(figures)
    lines += (
        summary(figures, words)[:2] if state in {"whole", "partial"} else summary(figures, words)
    )
    if state in {"whole", "partial"}:
        lines += _figures(figures, words)
    return _fitting([line for line in lines if line])


def _figures(figures: Figures, words: Words) -> list[str]:
    total = figures.total
    lines = []
    if total.first_response_median_seconds is not None:
        median = words.duration(total.first_response_median_seconds)
        p90 = words.duration(total.first_response_p90_seconds)
        lines.append(words.say("message.response", median=median, p90=p90))
    target = main_target(figures)
    if target is not None:
        of = words.say("sla.of", met=words.number(target.met), turns=words.number(target.turns))
        lines.append(words.say("message.sla", share=words.percent(target.share), of=of))
    if state_of(figures) == "whole":
        lines += compared_told(figures, words)
        silent = [
            plain(words.channel(c.key), _LONGEST_CHANNEL)
            for c in figures.channels
            if c.before is not None and c.before.messages_in and not c.now.messages_in
        ]
        if silent:
            lines.append(words.say("message.silent", names=words.listed(silent, _MOST_CHANNELS)))
    channels = [
        f"{plain(words.channel(c.key), _LONGEST_CHANNEL)} {words.number(c.now.messages_in)}"
        for c in sorted(figures.channels, key=lambda c: -c.now.messages_in)
        if c.now.messages_in
    ]
    if channels:
        lines.append(words.say("message.channels", list=words.listed(channels, _MOST_CHANNELS)))
    overloaded = sum(o.overloaded for o in figures.operators)
    if overloaded:
        lines.append(words.count("overloaded", overloaded) + ".")
    return lines


def _fitting(lines: list[str]) -> str:
    shown = bare(lines[0])[:LONGEST]
    for line in lines[1:]:
        longer = f"{shown}\n{bare(line)}"
        if len(longer) > LONGEST:
            break
        shown = longer
    return shown
