"""Messages and waiting times by day; of a single day, what it is to be compared with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import altair as alt

from reports.drawing import AnyChart, Look, Picture
from reports.plotting import Row, amounts, days_axis, labels, layered, over, row, telling
from reports.words import Words
from warehouse.figures import Figures, Measures, Sla

LONGEST_BY_DAY = 92
# A line so many times above all values would press them flat.
_FAR = 2.5
_HEIGHT, _PHONE_HEIGHT = 260, 210


def days(figures: Figures, words: Words) -> Picture:
    """Messages of clients and of the company: by day, by week in long periods."""
    title = words.say("chart.days.title")
    if figures.period.days == 1:
        return _one_day(figures, words)
    missing = set(figures.missing_days)
    weekly = figures.period.days > LONGEST_BY_DAY
    found = [r for r in figures.by_date.to_pylist() if r["date"] not in missing]
    if not found or not any(r["messages_in"] or r["messages_out"] for r in found):
        return _nothing("days", title, words)
    rows = _by_week(found, words) if weekly else _by_day(figures, found, words)
    average = None
    note = ""
    if not weekly and figures.before.messages_in:
        average = figures.before.messages_in / figures.period.previous().days
        note = words.say("chart.days.before", n=words.number(average))
    if weekly:
        title = words.say("chart.days.weekly")
    spoken = "; ".join(r["told"] for r in rows if r["told"])

    def draw(look: Look) -> AnyChart:
        return _grouped(rows, look, words, average)

    return Picture("days", title, f"{title}. {spoken}.", words.language, draw, note, link="date")


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
        return _nothing("response", title, words)
    if figures.period.days == 1:
        return _by_channel(figures, words)
    target = _line(figures)
    most = max(seconds for _, seconds in found)
    near = target is not None and target.within_seconds <= _FAR * most
    unit, divisor = _unit(most)
    by_day = dict(found)
    rows = []
    for day in _each(figures):
        seconds = by_day.get(day)
        told = f"{words.short_date(day)}: {words.duration(seconds)}" if seconds is not None else ""
        value = None if seconds is None else seconds / divisor
        rows.append(row(_label(day, figures, words), value, told, day.isoformat()))
    spoken = "; ".join(r["told"] for r in rows if r["told"])
    note = _target_note(target, near, words) if target else ""
    line = target.within_seconds / divisor if target and near else None

    def draw(look: Look) -> AnyChart:
        return _line_chart(rows, look, words.say(f"chart.unit.{unit}"), line)

    return Picture(
        "response", title, f"{title}. {spoken}. {note}".strip(), words.language, draw, note, "date"
    )


def _nothing(name: str, title: str, words: Words) -> Picture:
    return Picture(name, title, words.say("chart.nothing"), words.language)


def _each(figures: Figures) -> list[date]:
    first = figures.period.first
    return [first + timedelta(days=n) for n in range(figures.period.days)]


def _label(day: date, figures: Figures, words: Words) -> str:
    """«пн 16» within a fortnight, else «16 нояб.»: labels must differ."""
    if figures.period.days <= 14:
        return f"{words.weekday(day.isoweekday())} {day.day}"
    if figures.period.grain == "month":
        return str(day.day)
    return words.axis_date(day)


def _pair(words: Words, told: str, found: Any, label: str, key: str) -> list[Row]:
    sides = (("in", found["messages_in"]), ("out", found["messages_out"]))
    return [
        row(
            label,
            count,
            f"{told}: {words.count(f'{side}_messages', count)}",
            key,
            side=words.say(f"side.{side}"),
            short=words.number(count) if count else "",
        )
        for side, count in sides
    ]


def _by_day(figures: Figures, found: list[Row], words: Words) -> list[Row]:
    by_day = {r["date"]: r for r in found}
    rows: list[Row] = []
    for day in _each(figures):
        label = _label(day, figures, words)
        if day in by_day:
            rows += _pair(words, words.short_date(day), by_day[day], label, day.isoformat())
        elif day in set(figures.missing_days):
            told = f"{words.short_date(day)}: {words.say('missing.day')}"
            rows.append(row(label, None, told, day.isoformat(), side=words.say("side.in"), gap=1))
    return rows


def _by_week(found: list[Row], words: Words) -> list[Row]:
    weeks: dict[date, dict[str, int]] = {}
    for r in found:
        monday = r["date"] - timedelta(days=r["date"].weekday())
        week = weeks.setdefault(monday, {"messages_in": 0, "messages_out": 0})
        for side in week:
            week[side] += r[side]
    rows: list[Row] = []
    for monday, week in weeks.items():
        told = words.say("chart.days.week_of", day=words.axis_date(monday))
        rows += _pair(words, told, week, words.axis_date(monday), monday.isoformat())
    return rows


def _one_day(figures: Figures, words: Words) -> Picture:
    title = words.say("chart.days.one_title")
    sides: tuple[tuple[str, Measures, date], ...] = (
        (
            words.say("compare.week_before"),
            figures.week_before,
            figures.period.a_week_before().first,
        ),
        (words.say("compare.day_before"), figures.before, figures.period.previous().first),
        (words.day_and_month(figures.period.first), figures.total, figures.period.first),
    )
    rows: list[Row] = []
    for label, m, day in sides:
        if day == figures.period.first and figures.missing_days:
            continue
        counts = {"messages_in": m.messages_in, "messages_out": m.messages_out}
        rows += _pair(words, label, counts, label, day.isoformat())
    if not figures.total.messages_in and not figures.total.messages_out:
        return _nothing("days", title, words)
    spoken = "; ".join(r["told"] for r in rows)

    def draw(look: Look) -> AnyChart:
        return _grouped(rows, look, words, None)

    return Picture(
        "days", title, f"{title}. {spoken}.", words.language, draw, link="date", size="half"
    )


def _grouped(rows: list[Row], look: Look, words: Words, average: float | None) -> AnyChart:
    shown = labels(rows)
    height = _PHONE_HEIGHT if look.narrow else _HEIGHT
    most = max((r["value"] or 0 for r in rows), default=0)
    sides = [words.say("side.in"), words.say("side.out")]
    x = alt.X("label:N", sort=shown, axis=days_axis(len(shown), look)).scale(
        paddingInner=0.25, paddingOuter=0.1
    )
    y = alt.Y("value:Q", **amounts("", look, most=most))
    colour = alt.Color(
        "side:N",
        sort=sides,
        scale=alt.Scale(domain=sides, range=[look.colour("in"), look.colour("out")]),
    )
    offset = alt.XOffset("side:N", sort=sides, scale=alt.Scale(domain=sides))
    bars = (
        over([r for r in rows if r["value"] is not None])
        .mark_bar(cornerRadiusEnd=2)
        .encode(x=x, y=y, xOffset=offset, color=colour, **telling())
    )
    layers: list[alt.Chart] = [bars]
    gaps = [r for r in rows if r["value"] is None]
    if gaps:
        missing = over(gaps).encode(x=x, y=alt.value(0), y2=alt.value(height))
        layers.append(missing.mark_bar(color=look.colour("missing")).encode(**telling()))
        if len(shown) <= 14:
            words_over = over(gaps).mark_text(
                aria=False, angle=270, color=look.colour("muted"), fontSize=12, fontStyle="italic"
            )
            layers.append(
                words_over.encode(
                    x=x, y=alt.value(height / 2), text=alt.value(words.say("missing.day"))
                )
            )
    if len(shown) <= 7 and most < (1000 if look.narrow else 1_000_000):
        numbers = over([r for r in rows if r["value"] is not None]).mark_text(
            aria=False, dy=-7, fontSize=10 if look.narrow else 12, color=look.colour("ink")
        )
        layers.append(numbers.encode(x=x, y=y, xOffset=offset, text="short:N"))
    if average:
        rule = over([{"value": average}]).mark_rule(
            aria=False, color=look.colour("ink"), opacity=0.6, strokeDash=[5, 4], strokeWidth=1.5
        )
        layers.append(rule.encode(y="value:Q"))
    return layered(layers, height)


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


def _line_chart(rows: list[Row], look: Look, unit: str, line: float | None) -> AnyChart:
    shown = labels(rows)
    x = alt.X("label:N", sort=shown, axis=days_axis(len(shown), look))
    most = max([r["value"] or 0 for r in rows] + [line or 0])
    y = alt.Y("value:Q", **amounts(unit, look, most=most, whole=False))
    base = over(rows).encode(x=x, y=y)
    known = over([r for r in rows if r["value"] is not None]).encode(x=x, y=y)
    layers: list[alt.Chart] = [
        base.mark_line(
            aria=False, color=look.colour("in"), strokeWidth=2.5, invalid="break-paths-show-domains"
        )
    ]
    size = 70 if len(shown) <= 31 else 14
    layers.append(
        known.mark_circle(color=look.colour("in"), size=size, opacity=1).encode(**telling())
    )
    if line is not None:
        rule = over([{"value": line}]).mark_rule(
            aria=False, color=look.colour("out"), strokeDash=[6, 4], strokeWidth=2
        )
        layers.append(rule.encode(y="value:Q"))
    height = _PHONE_HEIGHT if look.narrow else 220
    return layered(layers, height)


def _by_channel(figures: Figures, words: Words) -> Picture:
    """Of one day a line would be a dot: the medians of the channels instead."""
    from reports.barcharts import bars  # noqa: PLC0415  (each knows the other)

    title = words.say("chart.response.by_channel")
    target = _line(figures)
    found = [
        (words.channel(c.key), c.now.response_median_seconds, c.key)
        for c in figures.channels
        if c.now.response_median_seconds is not None
    ]
    if not found:
        return _nothing("response", title, words)
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
