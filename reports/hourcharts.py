"""When clients write: a map of weekday and hour, or the hours of a single day."""

from __future__ import annotations

import altair as alt

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
    rows = _rows(counts, words, figures.period.first.isoweekday() if single else None)
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


def _rows(counts: dict[tuple[int, int], int], words: Words, single: int | None) -> list[Row]:
    rows = []
    for weekday in [single] if single else range(1, 8):
        for hour in range(24):
            count = counts.get((weekday, hour), 0)
            name = words.weekday(weekday)
            told = f"{name} {_span(hour)}: {words.count('in_messages', count)}"
            rows.append(
                row(
                    name,
                    count,
                    told,
                    f"{weekday}-{hour}",
                    hour=f"{hour:02d}",
                    short=_compact(count, words),
                )
            )
    return rows


def _compact(count: int, words: Words) -> str:
    """A number that fits a cell: 1,2k from a thousand on."""
    if count < 1000:
        return words.number(count) if count else ""
    thousands = words.number(count / 1000, 1 if count < 10_000 else 0)
    return words.say("form.thousands", n=thousands)


def _map(rows: list[Row], look: Look, most: int) -> AnyChart:
    for r in rows:
        r["step"] = (
            0
            if not r["value"]
            else 1 + min(HEAT_STEPS - 2, int(r["value"] * (HEAT_STEPS - 1) / (most + 1)))
        )
    steps = list(range(HEAT_STEPS))
    weekdays = [r["label"] for r in rows[::24]]
    day_axis = alt.Axis(title=None, domain=False, ticks=False, labelAngle=0, orient="left")
    hour_axis = alt.Axis(title=None, domain=False, ticks=False, labelAngle=0)
    if look.narrow:
        x = alt.X("label:N", sort=weekdays, axis=alt.Axis(
            title=None, domain=False, ticks=False, labelAngle=0, orient="top"))  # fmt: skip
        y = alt.Y("hour:N", sort=None, axis=hour_axis)
        height = 24 * 19
    else:
        x = alt.X("hour:N", sort=None, axis=hour_axis)
        y = alt.Y("label:N", sort=weekdays, axis=day_axis)
        height = 7 * 34
    cells = over(rows).encode(x=x.scale(paddingInner=0.06), y=y.scale(paddingInner=0.08))
    colour = alt.Color(
        "step:O",
        legend=None,
        scale=alt.Scale(domain=steps, range=[look.colour(f"heat-{n}") for n in steps]),
    )
    ink = alt.Color(
        "strong:N",
        legend=None,
        scale=alt.Scale(
            domain=[False, True], range=[look.colour("heat-ink"), look.colour("heat-ink-strong")]
        ),
    )
    for r in rows:
        r["strong"] = r["step"] >= 4
    written = over([r for r in rows if r["short"]])
    numbers = (
        written.encode(x=cells.encoding.x, y=cells.encoding.y)
        .mark_text(aria=False, fontSize=11)
        .encode(text="short:N", color=ink)
    )
    grid = cells.mark_rect(cornerRadius=2).encode(color=colour, **telling())
    return layered([grid, numbers], height)


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
