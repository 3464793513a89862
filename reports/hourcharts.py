"""When clients write: a map of weekday and hour, or the hours of a single day."""

from __future__ import annotations

import altair as alt

from reports.daycharts import each_day
from reports.drawing import AnyChart, Look, Picture
from reports.paint import HEAT_STEPS
from reports.plotting import Row, amounts, layered, over, row, telling
from reports.words import Words
from warehouse.figures import Figures


def hours(figures: Figures, words: Words) -> Picture:
    """Messages of clients by hour: of a single day as bars, of more as a map with weekdays."""
    single = figures.period.days == 1
    title = words.say("chart.hours.one_title" if single else "chart.hours.title")
    counts: dict[tuple[int, int], int] = {}
    for r in figures.by_hour.to_pylist():
        at = (r["weekday"], r["hour"])
        counts[at] = counts.get(at, 0) + r["messages_in"]
    if not any(counts.values()):
        return Picture("hours", title, words.say("chart.nothing"), words.language)
    rows = _rows(counts, words, _weekdays(figures))
    (weekday, hour), most = max(counts.items(), key=lambda found: found[1])
    peak = words.say(
        "chart.hours.peak",
        weekday=words.weekday(weekday, "wide"),
        hour=_span(hour),
        messages=words.count("in_messages", most),
    )
    busiest = sorted((r for r in rows if r["value"]), key=lambda r: -r["value"])[:12]
    spoken = f"{title}. {peak} {'; '.join(r['told'] for r in busiest)}."

    def draw(look: Look) -> AnyChart:
        return _bars(rows, look) if single else _map(rows, look, most)

    return Picture("hours", title, spoken, words.language, draw, peak, link="hour")


def _span(hour: int) -> str:
    return f"{hour:02d}:00–{(hour + 1) % 24:02d}:00"


def _weekdays(figures: Figures) -> dict[int, bool]:
    """The weekdays of the period, Monday first: whether any of them is loaded."""
    lacking = set(figures.missing_days)
    found: dict[int, bool] = {}
    for day in each_day(figures):
        number = day.isoweekday()
        found[number] = found.get(number, False) or day not in lacking
    return dict(sorted(found.items()))


def _rows(counts: dict[tuple[int, int], int], words: Words, weekdays: dict[int, bool]) -> list[Row]:
    rows = []
    for weekday, loaded in weekdays.items():
        name = words.weekday(weekday)
        for hour in range(24):
            count = counts.get((weekday, hour), 0)
            shown = words.count("in_messages", count) if loaded else words.say("missing.day")
            told = f"{name} {_span(hour)}: {shown}"
            short = _compact(count, words)
            key, clock = f"{weekday}-{hour}", f"{hour:02d}"
            rows.append(row(name, count, told, key, hour=clock, short=short, loaded=loaded))
    return rows


def _compact(count: int, words: Words) -> str:
    """A number that fits a cell: 1,2k from a thousand on."""
    if count < 1000:
        return words.number(count) if count else ""
    thousands = words.number(count / 1000, 1 if count < 10_000 else 0)
    return words.say("form.thousands", n=thousands)


def _map(rows: list[Row], look: Look, most: int) -> AnyChart:
    rows = [{**r, **_paint(r, most)} for r in rows]
    weekdays = list(dict.fromkeys(r["label"] for r in rows))
    plain_axis = alt.Axis(title=None, domain=False, ticks=False, labelAngle=0)
    by_day = alt.Y if not look.narrow else alt.X
    by_hour = alt.X if not look.narrow else alt.Y
    top = alt.Axis(title=None, domain=False, ticks=False, labelAngle=0, orient="top")
    day = by_day("label:N", sort=weekdays, axis=top if look.narrow else plain_axis)
    hour = by_hour("hour:N", sort=None, axis=plain_axis)
    places = {
        "x" if not look.narrow else "y": hour.scale(paddingInner=0.06),
        "y" if not look.narrow else "x": day.scale(paddingInner=0.08),
    }
    cells = over(rows).mark_rect(cornerRadius=2)
    written = over([r for r in rows if r["short"]]).mark_text(aria=False, fontSize=11)
    grid = cells.encode(**places, color=_by_name("ground", rows, look), **telling())
    numbers = written.encode(**places, text="short:N", color=_by_name("ink", rows, look))
    return layered([grid, numbers], 24 * 19 if look.narrow else 34 * len(weekdays))


def _paint(found: Row, most: int) -> dict[str, str]:
    """The colours of a cell and of its number, by name; the last two steps need light letters."""
    if not found["loaded"]:
        return {"ground": "missing", "ink": "muted"}
    step = 0
    if found["value"]:
        step = 1 + min(HEAT_STEPS - 2, int(found["value"] * (HEAT_STEPS - 1) / (most + 1)))
    ink = "heat-ink-strong" if step >= HEAT_STEPS - 2 else "heat-ink"
    return {"ground": f"heat-{step}", "ink": ink}


def _by_name(column: str, rows: list[Row], look: Look) -> alt.Color:
    """A colour for each name that a column has."""
    names = list(dict.fromkeys(r[column] for r in rows))
    scale = alt.Scale(domain=names, range=[look.colour(name) for name in names])
    return alt.Color(f"{column}:N", legend=None, scale=scale)


def _bars(rows: list[Row], look: Look) -> AnyChart:
    most = max(r["value"] for r in rows)
    x = alt.X("hour:N", sort=None, axis=alt.Axis(
        title=None, labelAngle=0, ticks=False, labelOverlap="parity"))  # fmt: skip
    y = alt.Y("value:Q", **amounts("", look, most=most))
    base = over(rows).encode(x=x, y=y)
    layers: list[alt.Chart] = [
        base.mark_bar(color=look.colour("in"), cornerRadiusEnd=2).encode(**telling())
    ]
    if not look.narrow:
        layers.append(
            base.mark_text(aria=False, dy=-7, fontSize=12, color=look.colour("ink")).encode(
                text="short:N"
            )
        )
    return layered(layers, 200)
