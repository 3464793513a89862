"""How long clients wait for an answer: by day, of a single day by channel, with the SLA's line."""

from __future__ import annotations

import altair as alt

from reports.barcharts import bars
from reports.daycharts import PHONE_HEIGHT, day_label, each_day, gap_layers, nothing_drawn
from reports.drawing import AnyChart, Look, Picture
from reports.plotting import Row, amounts, days_axis, labels, layered, over, row, telling
from reports.words import Words
from warehouse.figures import Figures, Sla

# A line so many times above all values would press them flat.
_FAR = 2.5


def response(figures: Figures, words: Words) -> Picture:
    """The median time to an answer by day, with the SLA's line."""
    title = words.say("chart.response.title")
    missing = set(figures.missing_days)
    found = [
        (r["date"], r["response_median_seconds"])
        for r in figures.by_date.to_pylist()
        if r["date"] not in missing and r["response_median_seconds"] is not None
    ]
    if not found:
        return nothing_drawn("response", title, words)
    if figures.period.days == 1:
        return _by_channel(figures, words)
    target = _line(figures)
    most = max(seconds for _, seconds in found)
    near = target is not None and target.within_seconds <= _FAR * most
    unit, divisor = _unit(most)
    by_day = dict(found)
    rows = []
    for day in each_day(figures):
        label, name = day_label(day, figures, words), words.short_date(day)
        seconds = by_day.get(day)
        if seconds is not None:
            told = f"{name}: {words.duration(seconds)}"
            rows.append(row(label, seconds / divisor, told, day.isoformat()))
        elif day in missing:
            told = f"{name}: {words.say('missing.day')}"
            rows.append(row(label, None, told, day.isoformat(), gap=1))
        else:
            rows.append(row(label, None, "", day.isoformat()))
    spoken = "; ".join(r["told"] for r in rows if r["told"])
    note = _target_note(target, near, words) if target else ""
    line = target.within_seconds / divisor if target and near else None

    def draw(look: Look) -> AnyChart:
        return _line_chart(rows, look, words, unit, line)

    return Picture(
        "response", title, f"{title}. {spoken}. {note}".strip(), words.language, draw, note, "date"
    )


def _line(figures: Figures) -> Sla | None:
    """The target that the line shows: one for all channels, of every answer before first ones."""
    general = [s for s in figures.sla if s.channel is None]
    return next((s for s in general if not s.first_only), general[0] if general else None)


def _target_note(target: Sla, near: bool, words: Words) -> str:
    """What the dashed line is; a target far above all values is told and not drawn."""
    kind = "working" if target.working_hours else "calendar"
    within = words.say(
        f"chart.response.{'line' if near else 'far'}", within=words.duration(target.within_seconds)
    )
    return f"{within} {words.say(f'chart.response.target_{kind}')}".strip()


def _unit(most_seconds: float) -> tuple[str, int]:
    if most_seconds < 180:
        return "seconds", 1
    if most_seconds < 3 * 3600:
        return "minutes", 60
    return "hours", 3600


def _line_chart(
    rows: list[Row], look: Look, words: Words, unit: str, line: float | None
) -> AnyChart:
    shown = labels(rows)
    x = alt.X("label:N", sort=shown, axis=days_axis(len(shown), look))
    most = max([r["value"] or 0 for r in rows] + [line or 0])
    y = alt.Y("value:Q", **amounts(words.say(f"chart.unit.{unit}"), look, most=most, whole=False))
    base = over(rows).encode(x=x, y=y)
    known = over([r for r in rows if r["value"] is not None]).encode(x=x, y=y)
    height = PHONE_HEIGHT if look.narrow else 220
    layers = gap_layers([r for r in rows if "gap" in r], x, look, height, words)
    layers.append(
        base.mark_line(
            aria=False, color=look.colour("in"), strokeWidth=2.5, invalid="break-paths-show-domains"
        )
    )
    size = 70 if len(shown) <= 31 else 14
    layers.append(
        known.mark_circle(color=look.colour("in"), size=size, opacity=1).encode(**telling())
    )
    if line is not None:
        rule = over([{"value": line}]).mark_rule(
            aria=False, color=look.colour("out"), strokeDash=[6, 4], strokeWidth=2
        )
        layers.append(rule.encode(y="value:Q"))
    return layered(layers, height)


def _by_channel(figures: Figures, words: Words) -> Picture:
    """Of one day a line would be a dot: the medians of the channels instead."""
    title = words.say("chart.response.by_channel")
    target = _line(figures)
    found = [
        (words.channel(c.key), c.now.response_median_seconds, c.key)
        for c in figures.channels
        if c.now.response_median_seconds is not None
    ]
    if not found:
        return nothing_drawn("response", title, words)
    most = max(seconds or 0.0 for _, seconds, _ in found)
    _, divisor = _unit(most)
    rows = [
        row(
            label, (s or 0) / divisor, f"{label}: {words.duration(s)}", key, short=words.duration(s)
        )
        for label, s, key in found
    ]
    near = target is not None and target.within_seconds <= _FAR * most
    note = _target_note(target, near, words) if target else ""
    line = target.within_seconds / divisor if target and near else None
    spoken = "; ".join(r["told"] for r in rows)

    def draw(look: Look) -> AnyChart:
        return bars(rows, look, line=line)

    return Picture(
        "response", title, f"{title}. {spoken}. {note}".strip(), words.language, draw, note,
        link="channel", size="half",
    )  # fmt: skip
