"""The charts of a report: from figures to pictures, each with its numbers in words as well.

Every axis of amounts begins at 0. A day that was never loaded is shown as missing and never as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import altair as alt

from reports.barcharts import channels, operators, sla
from reports.daycharts import days, response
from reports.drawing import Href, Look, Picture, figure, place, png, svg
from reports.hourcharts import hours
from reports.words import Words
from warehouse.figures import Figures

__all__ = ["CHARTS", "Href", "Look", "Picture", "alt", "figure", "place", "png", "svg"]

Maker = Callable[[Figures, Words], Picture]
CHARTS: Final[Mapping[str, Maker]] = {
    "days": days,
    "response": response,
    "hours": hours,
    "channels": channels,
    "sla": sla,
    "operators": operators,
}


def all_charts(figures: Figures, words: Words) -> dict[str, Picture]:
    """Every chart of these figures, in the order of a page."""
    return {name: make(figures, words) for name, make in CHARTS.items()}
