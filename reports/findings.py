"""What stands out in the figures, and why it may matter: facts first, guesses said as guesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reports.comparing import (
    FEW,
    NOTABLE,
    Tone,
    before_known,
    comparisons,
    isolated,
    relative,
    state_of,
    sums_comparable,
    target_label,
)
from reports.words import Words, plain
from warehouse.figures import Figures, Line, Measures

MOST_NAMES: Final = 5
_OF_PEOPLE = frozenset({"overloaded", "alone"})
_POINTS = 0.03
_ALONE = 0.4
_UNKNOWN = 0.1
_SLOW_DAY = 1.6


@dataclass(frozen=True)
class Finding:
    """A fact, and what it may mean; `personal` where the fact names people."""

    key: str
    fact: str
    may: str
    tone: Tone
    personal: bool = False


def findings(figures: Figures, words: Words) -> list[Finding]:
    """What stands out, the worrying first."""
    if state_of(figures) in {"missing", "empty"}:
        return []
    found: list[Finding] = []
    if sums_comparable(figures):
        before = comparisons(figures)[0][1]
        found += _volume_and_speed(figures.total, before, words)
        found += _unanswered(figures.total, before, words)
        found += _silent(figures, words)
        found += _new_clients(figures, words)
    if before_known(figures):
        found += _targets(figures, words)
    found += _overloaded(figures, words)
    found += _alone(figures, words)
    found += _unknown_channel(figures, words)
    found += _slow_day(figures, words)
    order: list[Tone] = ["bad", "plain", "good"]
    return sorted(found, key=lambda f: order.index(f.tone))


def _made(key: str, tone: Tone, words: Words, **values: str) -> Finding:
    fact, may = words.say(f"finding.{key}.fact", **values), words.say(f"finding.{key}.may")
    return Finding(key, fact, may, tone, personal=key in _OF_PEOPLE)


def _volume_and_speed(now: Measures, before: Measures, words: Words) -> list[Finding]:
    more = relative(now.messages_in, before.messages_in) or 0.0
    slower = relative(now.first_response_median_seconds, before.first_response_median_seconds)
    if before.messages_in < FEW:
        return []
    values = {
        "change": words.change(more),
        "was": words.duration(before.first_response_median_seconds),
        "now": words.duration(now.first_response_median_seconds),
    }
    if slower is not None and slower >= NOTABLE:
        key = "busier_slower" if more >= NOTABLE / 3 else "slower"
        return [_made(key, "bad", words, **values)]
    if more >= NOTABLE:
        key, tone = ("busier_held", "good") if slower is not None else ("busier", "plain")
        return [_made(key, "good" if tone == "good" else "plain", words, **values)]
    if more <= -NOTABLE:
        return [_made("quieter", "plain", words, **values)]
    if slower is not None and slower <= -NOTABLE:
        return [_made("faster", "good", words, **values)]
    return []


def _unanswered(now: Measures, before: Measures, words: Words) -> list[Finding]:
    more = now.threads_unanswered - before.threads_unanswered
    values = {
        "now": words.count("threads", now.threads_unanswered),
        "was": words.number(before.threads_unanswered),
    }
    if (
        more >= FEW / 2
        and (relative(now.threads_unanswered, before.threads_unanswered) or 1) > NOTABLE
    ):
        return [_made("unanswered_up", "bad", words, **values)]
    if -more >= FEW / 2 and -more > NOTABLE * before.threads_unanswered:
        return [_made("unanswered_down", "good", words, **values)]
    return []


def _silent(figures: Figures, words: Words) -> list[Finding]:
    return [
        _made(
            "silent", "bad", words,
            channel=isolated(words.channel(c.key)), was=words.number(c.before.messages_in),
        )
        for c in figures.channels
        if c.before is not None and c.before.messages_in >= FEW and not c.now.messages_in
    ][:MOST_NAMES]  # fmt: skip


def _new_clients(figures: Figures, words: Words) -> list[Finding]:
    now, before = figures.total, figures.before
    change = relative(now.clients_new, before.clients_new)
    if (
        change is None
        or not figures.newcomers_comparable
        or abs(change) < 2 * NOTABLE
        or now.clients_new + before.clients_new < 2 * FEW
    ):
        return []
    key = "new_clients_up" if change > 0 else "new_clients_down"
    return [
        _made(
            key, "plain", words, now=words.number(now.clients_new),
            was=words.number(before.clients_new), change=words.change(change),
        )
    ]  # fmt: skip


def _targets(figures: Figures, words: Words) -> list[Finding]:
    found = []
    for s in figures.sla:
        if s.share is None or s.share_before is None or s.turns < FEW:
            continue
        change = s.share - s.share_before
        if abs(change) < _POINTS:
            continue
        key, tone = ("sla_down", "bad") if change < 0 else ("sla_up", "good")
        label = isolated(target_label(s, words))
        found.append(
            _made(
                key, "bad" if tone == "bad" else "good", words, target=label,
                now=words.percent(s.share), was=words.percent(s.share_before),
                change=words.points(change),
            )
        )  # fmt: skip
    return found[:3]


def named(line: Line, words: Words) -> str:
    """What an operator is called, else the id, else "unknown"."""
    return isolated(plain(line.label) or plain(line.key) or words.say("unknown.operator"))


def _overloaded(figures: Figures, words: Words) -> list[Finding]:
    found = [o for o in figures.operators if o.overloaded]
    if not found:
        return []
    return [
        _made(
            "overloaded", "bad", words, count=words.count("overloaded", len(found)),
            names=words.listed([named(o, words) for o in found], MOST_NAMES),
        )
    ]  # fmt: skip


def _alone(figures: Figures, words: Words) -> list[Finding]:
    written = sum(o.now.messages_out for o in figures.operators)
    if len(figures.operators) < 3 or written < FEW * 3:
        return []
    most = max(figures.operators, key=lambda o: o.now.messages_out)
    share = most.now.messages_out / written
    if share < _ALONE:
        return []
    return [
        _made(
            "alone", "plain", words, name=named(most, words),
            share=words.percent(share),
        )
    ]  # fmt: skip


def _unknown_channel(figures: Figures, words: Words) -> list[Finding]:
    unknown = sum(c.now.messages_in for c in figures.channels if not c.key)
    share = unknown / figures.total.messages_in if figures.total.messages_in else 0.0
    if len(figures.channels) < 2 or share < _UNKNOWN:
        return []
    return [
        _made(
            "unknown_channel", "plain", words, share=words.percent(share),
            count=words.count("messages", unknown),
        )
    ]  # fmt: skip


def _slow_day(figures: Figures, words: Words) -> list[Finding]:
    usual = figures.total.response_median_seconds
    found = [
        (r["response_median_seconds"], r["date"])
        for r in figures.by_date.to_pylist()
        if r["response_median_seconds"] is not None and r["turns"] >= FEW
    ]
    if not usual or len(found) < 3:
        return []
    slowest, day = max(found)
    if slowest < _SLOW_DAY * usual:
        return []
    return [
        _made(
            "slow_day", "plain", words, day=words.full_date(day), median=words.duration(slowest),
            usual=words.duration(usual),
        )
    ]  # fmt: skip
