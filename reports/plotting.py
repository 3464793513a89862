"""What the charts share: rows, marks that tell their numbers and lead somewhere, axes from 0."""

from __future__ import annotations

from typing import Any

import altair as alt

from reports.drawing import AnyChart, Look, kept, place

Row = dict[str, Any]


def over(rows: list[Row]) -> alt.Chart:
    """A chart over rows, which are put into its specification at the end (`drawing.specified`)."""
    return alt.Chart(alt.NamedData(name=kept(rows)))


def row(label: str, value: float | None, told: str, key: str = "", **more: object) -> Row:
    """A mark: its label, its value, what it tells when pointed at, and the key it leads to."""
    return {"label": label, "value": value, "told": told, "link": place(key), **more}


def telling(*, linked: bool = True) -> dict[str, Any]:
    """The channels by which a mark tells its numbers and leads somewhere."""
    found: dict[str, Any] = {"description": alt.Description("told:N")}
    if linked:
        found["href"] = alt.Href("link:N")
    return found


def amounts(title: str, look: Look, *, most: float = 0, whole: bool = True) -> dict[str, Any]:
    """The settings of an axis of amounts: from 0, few ticks, counts in whole numbers."""
    axis = alt.Axis(
        title=title or None,
        titleAnchor="start",
        titleAngle=0,
        titleAlign="left",
        titleY=-10,
        titleX=0,
        domain=False,
        ticks=False,
        tickCount=4 if look.narrow else 5,
        tickMinStep=1 if whole else alt.Undefined,
        format=",d" if whole else ",~r",
    )
    # Where all is 0, an axis from 0 to 1 and not one around nothing.
    scale = alt.Scale(zero=True, nice=True, domainMax=1) if most <= 0 else alt.Scale(zero=True)
    return {"axis": axis, "scale": scale}


def days_axis(count: int, look: Look) -> alt.Axis:
    """The axis of days: labels that would overlap are left out."""
    return alt.Axis(
        title=None,
        labelAngle=0,
        ticks=False,
        labelOverlap="greedy" if count > 7 else "parity",
        labelSeparation=4 if look.narrow else 8,
    )


def labels(rows: list[Row]) -> list[str]:
    """The labels in the order of the rows, each once."""
    return list(dict.fromkeys(str(found["label"]) for found in rows))


def layered(layers: list[alt.Chart], height: int | alt.Step) -> AnyChart:
    """The layers upon each other; each has colours of its own."""
    chart: alt.LayerChart = alt.LayerChart(layer=layers, height=height).resolve_scale(
        color="independent"
    )
    return chart
