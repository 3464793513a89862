"""How far the figures can be trusted: doubts, freshness, and what every number means."""

from __future__ import annotations

from dashboard.words import Words
from reports.words import NOTHING, plain
from warehouse.figures import Doubt, Figures


def doubts_of(figures: Figures, words: Words) -> list[dict[str, str]]:
    """What makes the period's figures less than sure, the newest day first."""
    found = sorted(figures.doubts, key=lambda doubt: (-doubt.day.toordinal(), doubt.dataset))
    return [
        {
            "kind": doubt.kind,
            "day": words.full_date(doubt.day),
            "dataset": dataset_name(doubt.dataset, words),
            "text": _told(doubt, words),
        }
        for doubt in found
    ]


def _told(doubt: Doubt, words: Words) -> str:
    if doubt.kind == "quarantined":
        return words.count("rejected", doubt.count or 0)
    if doubt.kind == "disagreeing":
        return words.say(
            "page.doubt.disagreeing",
            compared=plain(doubt.compared or "", 80),
            expected=words.number(doubt.expected),
            found=words.number(doubt.found),
        )
    return words.say(f"page.doubt.{doubt.kind}")


def fresh_of(figures: Figures, words: Words) -> list[dict[str, str]]:
    """When each source was last known to be so."""
    return [
        {
            "source": dataset_name(fresh.source, words),
            "seen_at": words.moment(fresh.seen_at, figures.time_zone),
            "last_day": words.date(fresh.last_day) if fresh.last_day else NOTHING,
        }
        for fresh in figures.fresh
    ]


def dataset_name(key: str, words: Words) -> str:
    """What people call a dataset."""
    return words.say(f"page.dataset.{key}") if words.has(f"page.dataset.{key}") else plain(key, 40)
