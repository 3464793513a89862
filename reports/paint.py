"""The colours of page, charts and pictures: two themes, each a table of names.

In a page a colour is a CSS variable, so that a dark screen, a light one and paper each get their
own; in a PNG it is the light theme's. Client and company are blue and amber, which every kind of
colour blindness tells apart, also by lightness; nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HEAT_STEPS: Final = 6
LIGHT: Final[Mapping[str, str]] = {
    "page": "#f4f6f9",
    "card": "#ffffff",
    "ink": "#1b2330",
    "muted": "#566070",
    "line": "#d5dbe4",
    "grid": "#e7ebf1",
    "link": "#1554b0",
    "in": "#1d5fbf",
    "out": "#b96a00",
    "before": "#747f8f",
    "missing": "#e4e7ec",
    "bad": "#b3261e",
    "bad-ground": "#fdeceb",
    "good": "#176f42",
    "heat-0": "#eef3fb",
    "heat-1": "#cfe0f5",
    "heat-2": "#9dc0ea",
    "heat-3": "#6ba0de",
    "heat-4": "#2a66b8",
    "heat-5": "#153f7a",
    "heat-ink": "#1b2330",
    "heat-ink-strong": "#ffffff",
}
DARK: Final[Mapping[str, str]] = {
    "page": "#10141a",
    "card": "#1a202a",
    "ink": "#e9edf3",
    "muted": "#a9b3c1",
    "line": "#37414f",
    "grid": "#2a323f",
    "link": "#8fbcff",
    "in": "#6ea8ff",
    "out": "#f0a53c",
    "before": "#8b96a7",
    "missing": "#2b323d",
    "bad": "#ff9188",
    "bad-ground": "#3a1f20",
    "good": "#6bd3a0",
    "heat-0": "#1f2733",
    "heat-1": "#20395b",
    "heat-2": "#284f82",
    "heat-3": "#2f62a3",
    "heat-4": "#7fb0f0",
    "heat-5": "#bcd8fc",
    "heat-ink": "#e9edf3",
    "heat-ink-strong": "#0d1117",
}


def variable(name: str) -> str:
    """The colour as CSS, with the light one where the variables are unknown."""
    return f"var(--{name},{LIGHT[name]})"


def concrete(name: str) -> str:
    """The light theme's colour."""
    return LIGHT[name]


def declarations(theme: Mapping[str, str]) -> str:
    """The theme as CSS declarations."""
    return "".join(f"--{name}:{colour};" for name, colour in theme.items())
