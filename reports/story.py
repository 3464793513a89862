"""What happened, in words: the sentences that page, workbook, picture and message have in common.

Nothing is said here that the figures don't show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reports.comparing import (
    Tone,
    before_known,
    comparisons,
    grain_of,
    isolated,
    relative,
    state_of,
    sums_comparable,
    target_label,
    told,
    tone_of,
)
from reports.words import Words, plain
from warehouse.figures import Figures, Mover, Sla

MOST_MOVERS: Final = 8


@dataclass(frozen=True)
class Compared:
    """A figure against an earlier one: «▲ +8 %», and «неделей раньше: 2 185»."""

    change: str
    was: str
    tone: Tone
    number: float


@dataclass(frozen=True)
class Headline:
    """A figure that is shown large."""

    name: str
    title: str
    value: str
    hint: str
    compared: list[Compared]
    number: float | None


def _newcomers(figures: Figures, words: Words) -> str:
    """How many are new, and since when that is judged where it isn't long."""
    new = words.number(figures.total.clients_new)
    if figures.newcomers_known or figures.known_since is None:
        return words.say("hint.clients_new", n=new)
    return words.say(
        "hint.clients_new_since", n=new, since=words.day_and_month(figures.known_since)
    )


def headlines(figures: Figures, words: Words) -> list[Headline]:
    """The large figures."""
    total, say = figures.total, words.say
    hints = {
        "messages_in": say("hint.messages_out", n=words.number(total.messages_out)),
        "clients": _newcomers(figures, words),
        "threads_opened": say("hint.threads_answered", n=words.number(total.threads_answered)),
        "threads_unanswered": say(
            "hint.unanswered_share",
            n=words.percent(_share(total.threads_unanswered, total.threads_opened)),
        ),
        "first_response_median_seconds": say(
            "hint.p90", n=words.duration(total.first_response_p90_seconds)
        ),
        "response_median_seconds": say("hint.p90", n=words.duration(total.response_p90_seconds)),
        "response_working_median_seconds": say(
            "hint.p90", n=words.duration(total.response_working_p90_seconds)
        ),
    }
    shown = [
        Headline(
            name,
            say(f"measure.{name}"),
            told(name, getattr(total, name), words),
            hint if getattr(total, name) is not None else "",
            _compared(name, figures, words),
            getattr(total, name),
        )
        for name, hint in hints.items()
    ]
    main = main_target(figures)
    if main is not None:
        shown.append(_target(main, figures, words))
    return shown


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _compared(name: str, figures: Figures, words: Words) -> list[Compared]:
    # Days that are missing make a sum smaller, not an average: sums aren't compared then.
    if figures.missing_days and not name.endswith("_seconds"):
        return []
    now: float | None = getattr(figures.total, name)
    found = []
    for key, measures in comparisons(figures):
        before: float | None = getattr(measures, name)
        if before is None or now is None:
            continue
        change = relative(now, before)
        arrow = "▲" if now > before else "▼" if now < before else "＝"
        text = words.change(change) if before else words.signed(now)
        text = f"{arrow} {text}" if now != before else words.say("compare.same")
        was = words.say("compare.line", against=words.say(key), was=told(name, before, words))
        found.append(Compared(text, was, tone_of(name, change if before else now), before))
    return found


def main_target(figures: Figures) -> Sla | None:
    """The SLA target to show first: the first that holds for all channels and applied at all."""
    applied = [s for s in figures.sla if s.share is not None]
    return next((s for s in applied if s.channel is None), applied[0] if applied else None)


def _target(target: Sla, figures: Figures, words: Words) -> Headline:
    compared = []
    if target.share is not None and target.share_before is not None and before_known(figures):
        change = target.share - target.share_before
        arrow = "▲" if change > 0 else "▼"
        same = abs(change) < 0.005
        against = words.say(f"compare.before_{grain_of(figures)}")
        was = words.percent(target.share_before)
        compared.append(
            Compared(
                words.say("compare.same") if same else f"{arrow} {words.points(change)}",
                words.say("compare.line", against=against, was=was),
                "plain" if same else "good" if change > 0 else "bad",
                target.share_before,
            )
        )
    hint = f"{isolated(target_label(target, words))}, " + words.say(
        "sla.of", met=words.number(target.met), turns=words.number(target.turns)
    )
    value = words.percent(target.share)
    return Headline("sla", words.say("measure.sla"), value, hint, compared, target.share)


def summary(figures: Figures, words: Words) -> list[str]:
    """The period in two or three sentences."""
    state, total = state_of(figures), figures.total
    if state in {"missing", "empty"}:
        return [words.say(f"summary.{state}")]
    found = [
        words.say(
            "summary.messages",
            clients=words.count("clients_wrote", total.clients),
            messages=words.count("messages", total.messages_in),
            answers=words.number(total.messages_out),
        ),
        words.say(
            "summary.threads",
            opened=words.count("threads_opened", total.threads_opened),
            unanswered=words.count("left_unanswered", total.threads_unanswered),
        ),
    ]
    if total.first_response_median_seconds is not None:
        found.append(
            words.say(
                "summary.response",
                median=words.duration(total.first_response_median_seconds),
                p90=words.duration(total.first_response_p90_seconds),
            )
        )
    if state == "whole":
        found += compared_told(figures, words) or [words.say("summary.nothing_before")]
    return found


def compared_told(figures: Figures, words: Words) -> list[str]:
    """«По сравнению с предыдущей неделей: сообщения клиентов +8 %, …», a sentence for each."""
    found = []
    for key, before in comparisons(figures):
        changes = []
        for name in ("messages_in", "threads_unanswered", "first_response_median_seconds"):
            change = relative(getattr(figures.total, name), getattr(before, name))
            if change is not None:
                told_change = (
                    words.change(change) if round(change, 2) else words.say("compare.same")
                )
                changes.append(f"{words.say(f'measure_low.{name}')} {told_change}")
        grain = "weekday" if key == "compare.same_weekday" else grain_of(figures)
        if changes:
            against = words.say(f"compare.against_{grain}")
            found.append(words.say("summary.compared", against=against, changes="; ".join(changes)))
    return found


def missing_told(figures: Figures, words: Words) -> str:
    """That days are missing, and which; "" where none is."""
    days = figures.missing_days
    if not days:
        return ""
    listed = words.listed([words.day_and_month(day) for day in sorted(days)], 7)
    return words.count("missing_days", len(days), days=listed)


def movers(figures: Figures, words: Words) -> list[tuple[str, Tone]]:
    """What changed most: «Канал WhatsApp, сообщения клиентов: 742 → 987 (+33 %)»."""
    if not sums_comparable(figures):
        return []
    return [(_moved(m, words), _mover_tone(m)) for m in figures.movers[:MOST_MOVERS]]


def _mover_tone(mover: Mover) -> Tone:
    return tone_of(mover.measure, mover.change)


def _moved(mover: Mover, words: Words) -> str:
    name = plain(mover.label) or plain(mover.key)
    if mover.kind == "total":
        who = words.say("mover.total")
    else:
        who = words.say(
            f"mover.{mover.kind}", name=isolated(name or words.say(f"unknown.{mover.kind}"))
        )
    share = mover.relative
    change = words.change(share) if share is not None else words.say("mover.new")
    written = mover.kind in {"operator", "team"} and mover.measure == "messages_out"
    measure = words.say(f"measure_low.{'written' if written else mover.measure}")
    was, now = (told(mover.measure, value, words) for value in (mover.before, mover.now))
    return words.say("mover.line", who=who, measure=measure, was=was, now=now, change=change)
