"""Messages by day; of a single day, beside the days that it is to be compared with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import altair as alt

from reports.comparing import before_known, comparisons
from reports.drawing import AnyChart, Look, Picture
from reports.plotting import Row, amounts, days_axis, labels, layered, over, row, telling
from reports.words import Words
from warehouse.figures import Figures, Measures

LONGEST_BY_DAY = 92
_HEIGHT, PHONE_HEIGHT = 260, 210


def days(figures: Figures, words: Words) -> Picture:
    """Messages of clients and of the company: by day, by week in long periods."""
    title = words.say("chart.days.title")
    if figures.period.days == 1:
        return _one_day(figures, words)
    missing = set(figures.missing_days)
    weekly = figures.period.days > LONGEST_BY_DAY
    found = [r for r in figures.by_date.to_pylist() if r["date"] not in missing]
    if not found or not any(r["messages_in"] or r["messages_out"] for r in found):
        return nothing_drawn("days", title, words)
    rows = _by_week(found, words) if weekly else _by_day(figures, found, words)
    average = None
    note = ""
    if not weekly and before_known(figures):
        average = figures.before.messages_in / figures.period.previous().days
        note = words.say("chart.days.before", n=words.number(average))
    if weekly:
        title = words.say("chart.days.weekly")
    spoken = "; ".join(r["told"] for r in rows if r["told"])

    def draw(look: Look) -> AnyChart:
        return _grouped(rows, look, words, average)

    return Picture("days", title, f"{title}. {spoken}.", words.language, draw, note, link="date")


def nothing_drawn(name: str, title: str, words: Words) -> Picture:
    """A picture of nothing, which says so."""
    return Picture(name, title, words.say("chart.nothing"), words.language)


def each_day(figures: Figures) -> list[date]:
    """The days of the period."""
    first = figures.period.first
    return [first + timedelta(days=n) for n in range(figures.period.days)]


def day_label(day: date, figures: Figures, words: Words) -> str:
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
    for day in each_day(figures):
        label = day_label(day, figures, words)
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
    """Of one day a row of days would be one bar: the days to compare it with stand beside it."""
    title = words.say("chart.days.one_title")
    earlier = {
        "compare.same_weekday": ("compare.week_before", figures.period.a_week_before().first),
        "compare.before_day": ("compare.day_before", figures.period.previous().first),
    }
    sides: list[tuple[str, Measures, date]] = [
        (words.say(earlier[key][0]), measures, earlier[key][1])
        for key, measures in reversed(comparisons(figures))
    ]
    day = figures.period.first
    sides.append((words.day_and_month(day), figures.total, day))
    rows: list[Row] = []
    for label, m, day in sides:
        counts = {"messages_in": m.messages_in, "messages_out": m.messages_out}
        rows += _pair(words, label, counts, label, day.isoformat())
    if not figures.total.messages_in and not figures.total.messages_out:
        return nothing_drawn("days", title, words)
    spoken = "; ".join(r["told"] for r in rows)

    def draw(look: Look) -> AnyChart:
        return _grouped(rows, look, words, None)

    return Picture(
        "days", title, f"{title}. {spoken}.", words.language, draw, link="date", size="half"
    )


def _grouped(rows: list[Row], look: Look, words: Words, average: float | None) -> AnyChart:
    shown = labels(rows)
    height = PHONE_HEIGHT if look.narrow else _HEIGHT
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
    layers += gap_layers([r for r in rows if "gap" in r], x, look, height, words)
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


def gap_layers(gaps: list[Row], x: alt.X, look: Look, height: int, words: Words) -> list[alt.Chart]:
    """Days that were never loaded: a grey column each, with words in it where there is room."""
    if not gaps:
        return []
    columns = over(gaps).encode(x=x, y=alt.value(0), y2=alt.value(height))
    layers = [columns.mark_bar(color=look.colour("missing")).encode(**telling())]
    if len(gaps) <= 14:
        text = over(gaps).mark_text(
            aria=False, angle=270, color=look.colour("muted"), fontSize=12, fontStyle="italic"
        )
        said = alt.value(words.say("missing.day"))
        layers.append(text.encode(x=x, y=alt.value(height / 2), text=said))
    return layers
