"""Bars that lie: channels, operators and SLA targets, the largest first."""

from __future__ import annotations

from typing import Final

import altair as alt

from reports.comparing import before_known, sums_comparable, target_label
from reports.drawing import AnyChart, Look, Picture
from reports.plotting import Row, layered, over, row, telling
from reports.words import Words, plain
from warehouse.figures import Figures, Line

MOST_BARS: Final = 20
LONGEST_LABEL: Final = 40


def channels(figures: Figures, words: Words) -> Picture:
    """Messages of clients by channel, with a mark where the period before was."""
    title = words.say("chart.channels.title")
    found = sorted(figures.channels, key=lambda c: -c.now.messages_in)
    if not any(c.now.messages_in or c.now.messages_out for c in found):
        return Picture("channels", title, words.say("chart.nothing"), words.language)
    rows = []
    for c in found[:MOST_BARS]:
        label, now = words.channel(c.key), c.now.messages_in
        told = f"{label}: {words.count('in_messages', now)}"
        before = None
        if c.before is not None and sums_comparable(figures):
            before = c.before.messages_in
            told += f" ({words.say('compare.was', n=words.number(before))})"
        rows.append(row(_short(label), now, told, c.key, short=words.number(now), before=before))
    marked = any(r["before"] is not None for r in rows)
    return Picture(
        "channels", title, _spoken(title, rows), words.language,
        lambda look: bars(rows, look), words.say("chart.before_mark") if marked else "",
        link="channel", size="half",
    )  # fmt: skip


def operators(figures: Figures, words: Words) -> Picture:
    """Messages that operators wrote: the twenty who wrote most, and the average of the others."""
    title = words.say("chart.operators.title")
    found = sorted(figures.operators, key=lambda o: -o.now.messages_out)
    found = [o for o in found if o.now.messages_out or o.threads]
    if not found:
        return Picture("operators", title, words.say("chart.nothing"), words.language)
    rows = [_operator(o, words) for o in found[:MOST_BARS]]
    others = found[MOST_BARS:]
    note = words.say("chart.operators.note")
    if others:
        average = sum(o.now.messages_out for o in others) / len(others)
        label = words.say("chart.operators.others", n=words.number(len(others)))
        told = words.number(average, 1)
        rows.append(row(label, average, f"{label}: {told}", "", short=told, mark="before"))
    if any(o.overloaded for o in found):
        note += " " + words.say("chart.operators.overloaded")
    return Picture(
        "operators", title, _spoken(title, rows), words.language,
        lambda look: bars(rows, look), note, link="operator",
    )  # fmt: skip


def _operator(found: Line, words: Words) -> Row:
    label = plain(found.label) or plain(found.key) or words.say("unknown.operator")
    count = found.now.messages_out
    short, told = words.number(count), f"{label}: {words.count('messages', count)}"
    if found.threads_per_busy_hour is not None:
        per_hour = words.number(found.threads_per_busy_hour, 1)
        short += f" · {words.say('chart.operators.per_hour', n=per_hour)}"
        told += f", {words.count('threads_per_hour', found.threads_per_busy_hour, digits=1)}"
    if found.overloaded:
        short += " ▲"
        told += f", {words.say('operator.overloaded')}"
    mark = "bad" if found.overloaded else "out"
    return row(_short(label), count, told, found.key, short=short, mark=mark)


def sla(figures: Figures, words: Words) -> Picture:
    """How often each target was met, as a share of all that it applies to."""
    title = words.say("chart.sla.title")
    found = [s for s in figures.sla if s.share is not None]
    if not found:
        return Picture("sla", title, words.say("chart.nothing"), words.language)
    rows = []
    for s in found[:MOST_BARS]:
        share = s.share or 0.0
        label = target_label(s, words)
        of_all = words.say("sla.of", met=words.number(s.met), turns=words.number(s.turns))
        told = f"{label}: {words.percent(share)} ({of_all})"
        before = None
        if s.share_before is not None and before_known(figures):
            before = s.share_before * 100
            told += f"; {words.say('compare.was', n=words.percent(s.share_before))}"
        short = words.percent(share)
        rows.append(row(_short(label), share * 100, told, s.target, short=short, before=before))
    marked = any(r["before"] is not None for r in rows)
    return Picture(
        "sla", title, _spoken(title, rows), words.language,
        lambda look: bars(rows, look, most=100), words.say("chart.before_mark") if marked else "",
        link="target", size="half",
    )  # fmt: skip


def _short(label: str) -> str:
    return plain(label, LONGEST_LABEL)


def _spoken(title: str, rows: list[Row]) -> str:
    return f"{title}. " + "; ".join(r["told"] for r in rows) + "."


def bars(
    rows: list[Row], look: Look, *, most: float | None = None, line: float | None = None
) -> AnyChart:
    """Lying bars with their numbers at the end, a mark at `before`, a dashed line at `line`.

    On a phone a label stands above its bar, so that long ones can be read.
    """
    # Two rows of the same label would lie on each other: the axis goes by place, not by label.
    # The number stands clear of the mark of the period before where that lies further out.
    rows = [
        {**r, "place": f"{n:04d}", "end": max(r["value"], r.get("before") or 0)}
        for n, r in enumerate(rows)
    ]
    largest = max([r["end"] for r in rows] + [line or 0])
    longest = max(len(r["short"]) for r in rows)
    room = 1.0 + longest * (8.5 if look.narrow else 8.0) / (
        look.width * (0.8 if look.size != "half" else 0.6)
    )
    end = (most or largest or 1) * room
    y = _places(rows, look)
    x = alt.X("value:Q", axis=None, scale=alt.Scale(domain=[0, end], nice=False, zero=True))
    marks = list(dict.fromkeys(r.get("mark", "in") for r in rows))
    colour = alt.Color(
        "mark:N",
        legend=None,
        scale=alt.Scale(domain=marks, range=[look.colour(m) for m in marks]),
    )
    size = 13 if look.narrow else alt.Undefined
    bar = over([{"mark": "in", **r} for r in rows]).mark_bar(cornerRadiusEnd=2, size=size)
    layers: list[alt.Chart] = [bar.encode(y=y, x=x, color=colour, **telling())]
    marked = [r for r in rows if r.get("before") is not None]
    if marked:
        ticks = over(marked).mark_tick(
            aria=False, color=look.colour("ink"), thickness=2, size=17 if look.narrow else 22
        )
        layers.append(ticks.encode(y=y, x=alt.X("before:Q")))
    if line is not None:
        rule = over([{"value": line}]).mark_rule(
            aria=False, color=look.colour("out"), strokeDash=[6, 4], strokeWidth=2
        )
        layers.append(rule.encode(x="value:Q"))
    numbers = over(rows).mark_text(
        aria=False, align="left", dx=7, color=look.colour("ink"), fontSize=12
    )
    layers.append(numbers.encode(y=y, x=alt.X("end:Q"), text="short:N"))
    if look.narrow:
        names = over(rows).mark_text(
            aria=False,
            align="left",
            dy=-15,
            color=look.colour("ink"),
            fontSize=12.5,
            limit=look.width - 20,
        )
        layers.append(names.encode(y=y, x=alt.value(0), text="label:N"))
    return layered(layers, alt.Step(42 if look.narrow else 30))


def _places(rows: list[Row], look: Look) -> alt.Y:
    names = {r["place"]: r["label"] for r in rows}
    axis = alt.Axis(
        title=None,
        domain=False,
        ticks=False,
        labels=not look.narrow,
        labelExpr=f"{_literal(names)}[datum.value]",
        labelLimit=190 if look.size == "half" else 280,
        labelColor=look.colour("ink"),
        labelFontSize=13,
    )
    return alt.Y("place:N", sort=None, axis=axis).scale(
        paddingInner=0.35, paddingOuter=0.35 if look.narrow else 0.1
    )


def _literal(names: dict[str, str]) -> str:
    """A table of labels as an expression of Vega: every character that could end it is escaped."""

    def quoted(text: str) -> str:
        units = text.encode("utf-16-be", "replace")
        pairs = (units[n : n + 2] for n in range(0, len(units), 2))
        return "'" + "".join(f"\\u{int.from_bytes(p, 'big'):04x}" for p in pairs) + "'"

    return "{" + ", ".join(f"{quoted(k)}: {quoted(v)}" for k, v in names.items()) + "}"
