"""A chart as SVG for a page, or as PNG: drawn by Vega without a browser and without JavaScript.

In an SVG colours are CSS variables, each mark tells its numbers when pointed at, and can be a link.
What Vega says in English to screen readers is left out: the picture has its own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from html import escape, unescape
from typing import Any, Literal
from urllib.parse import unquote

import altair as alt
import vl_convert
from babel import Locale
from markupsafe import Markup

from reports.paint import concrete, variable
from reports.words import Language

AnyChart = alt.Chart | alt.LayerChart
Href = Callable[[str, str], str | None]
Size = Literal["wide", "half", "phone"]
WIDTHS: dict[Size, int] = {"wide": 1040, "half": 504, "phone": 328}
FONT = "Liberation Sans"  # comes with vl-convert, so a server without fonts draws Cyrillic, too
# A link that Vega leaves alone; replaced by the real one, or taken out.
_PLACE = "https://mark.invalid/"
_LINK = re.compile(rf'<a xlink:href="{re.escape(_PLACE)}([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
_TOLD = re.compile(r'<(path|text|line|rect) aria-label="([^"]*)"([^>]*?)(?:/>|>([^<]*)</\1>)')
_NOISE = re.compile(
    r'<text[^>]* opacity="0"[^>]*>[^<]*</text>|'  # labels that would overlap
    r' (?:aria-roledescription|role|aria-hidden|pointer-events)="[^"]*"| opacity="1"|'
    r'<path class="(?:fore|back)ground"[^>]*? d="(?:M0,0h0v0h0Z)?"[^>]*/>'
)


@dataclass(frozen=True)
class Look:
    """How a chart is to be drawn: its width, and what a colour's name becomes."""

    size: Size
    colour: Callable[[str], str]

    @property
    def width(self) -> int:
        """Pixels from edge to edge."""
        return WIDTHS[self.size]

    @property
    def narrow(self) -> bool:
        """Whether it is for a phone."""
        return self.size == "phone"


@dataclass(frozen=True)
class Picture:
    """A chart with its words: `alt` tells the same in numbers, `note` stands beneath.

    `draw` is None where there is nothing to draw: `alt` then says so. `link` is what the key of a
    mark is: date, hour (weekday-hour), channel, operator or target.
    """

    name: str
    title: str
    alt: str
    language: Language
    draw: Callable[[Look], AnyChart] | None = None
    note: str = ""
    link: str = ""
    size: Size = "wide"


# The rows of the chart that is being drawn, by name: they go beside altair, which would copy each
# of them many times.
_ROWS: ContextVar[dict[str, list[dict[str, Any]]]] = ContextVar("rows of a chart")


def kept(rows: list[dict[str, Any]]) -> str:
    """Keep rows for the chart that is being drawn; returns their name."""
    there = _ROWS.get()
    name = f"rows-{len(there)}"
    there[name] = rows
    return name


def place(key: str) -> str:
    """The address under which a mark's real link is put in."""
    return _PLACE + "".join(f"%{byte:02X}" for byte in key.encode("utf-8", "replace"))


def specified(picture: Picture, look: Look, title: str = "") -> dict[str, Any]:
    """The picture's specification, rows included."""
    if picture.draw is None:
        raise ValueError(f"nothing to draw for {picture.name}: {picture.alt}")
    token = _ROWS.set({})
    try:
        specification = finish(picture.draw(look), look, title)
        specification["datasets"] = _ROWS.get()
    finally:
        _ROWS.reset(token)
    return specification


def finish(chart: AnyChart, look: Look, title: str = "") -> dict[str, Any]:
    """The chart's specification, with the fonts and lines that all of them share."""
    ink, muted = look.colour("ink"), look.colour("muted")
    small = {"wide": 13, "half": 12, "phone": 11}[look.size]
    shown: AnyChart = chart.properties(
        width=look.width,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        padding={"left": 2, "right": 4, "top": 6, "bottom": 2} if not title else 24,
        background=look.colour("card") if title else "transparent",
    )
    if title:
        shown = shown.properties(
            title=alt.TitleParams(
                title, anchor="start", frame="bounds", fontSize=17, color=ink, offset=16
            )
        )
    configured = (
        shown.configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            aria=False,
            labelColor=muted,
            titleColor=muted,
            labelFontSize=small,
            titleFontSize=small,
            titleFontWeight="normal",
            gridColor=look.colour("grid"),
            domainColor=look.colour("line"),
            tickColor=look.colour("line"),
            labelPadding=6,
        )
        .configure_legend(
            aria=False,
            orient="top",
            title=None,
            labelColor=ink,
            labelFontSize=small + 1,
            symbolSize=120,
            padding=0,
            offset=10,
            columnPadding=18,
            symbolType="square",
        )
    )
    specification: dict[str, Any] = configured.to_dict(validate=False)
    return specification


@cache
def _numerals(language: Language) -> dict[str, Any]:
    symbols = Locale(language).number_symbols["latn"]
    return {
        "decimal": symbols["decimal"],
        "thousands": symbols["group"],
        "grouping": [3],
        "currency": ["", ""],
        "minus": "\u2212",
    }


def png(picture: Picture, scale: float = 2) -> bytes:
    """The picture in the light theme with its title; nothing to draw raises ValueError."""
    specification = specified(picture, Look(picture.size, concrete), picture.title)
    drawn: bytes = vl_convert.vegalite_to_png(
        specification, scale=scale, format_locale=_numerals(picture.language)
    )
    return drawn


def svg(picture: Picture, size: Size | None = None, href: Href | None = None) -> str:
    """The picture for a page; `href` says where a mark of a key (and kind) leads, if anywhere."""
    look = Look(size or picture.size, variable)
    drawn: str = vl_convert.vegalite_to_svg(
        specified(picture, look), format_locale=_numerals(picture.language)
    )
    return _for_page(drawn, picture, look.size, href)


def _for_page(drawn: str, picture: Picture, size: Size, href: Href | None) -> str:
    def link(found: re.Match[str]) -> str:
        target = href(picture.link, unquote(unescape(found[1]))) if href else None
        return f'<a href="{escape(target)}">{found[2]}</a>' if target else found[2]

    def tell(found: re.Match[str]) -> str:
        tag, told, rest, inside = found.groups()
        title = f"<title>{told}</title>" if told else ""
        label = f' aria-label="{told}" role="graphics-symbol"' if told else ""
        return f"<{tag}{label}{rest}>{title}{inside or ''}</{tag}>"

    unique = f"{picture.name}-{size}"
    inner = _LINK.sub(link, drawn[drawn.index(">") + 1 : drawn.rindex("</svg>")])
    inner = _TOLD.sub(tell, _NOISE.sub("", inner))
    inner = re.sub(r'(id="|url\(#)(clip\d+)', rf"\1{unique}-\2", inner)
    box = re.search(r'viewBox="([^"]*)"', drawn)
    assert box is not None  # Vega always writes one
    # A picture is one thing to a screen reader, unless there are links in it to be reached.
    role = "group" if "<a href=" in inner else "img"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart-{size}" viewBox="{box[1]}" '
        f'role="{role}" aria-labelledby="{unique}-title {unique}-desc">'
        f'<title id="{unique}-title">{escape(picture.title)}</title>'
        f'<desc id="{unique}-desc">{escape(picture.alt)}</desc>{inner}</svg>'
    )


def figure(picture: Picture, href: Href | None = None) -> Markup:
    """The picture as `<figure>`: one drawing for wide screens and paper, one for phones."""
    if picture.draw is None:
        body = f'<p class="nothing">{escape(picture.alt)}</p>'
    else:
        body = svg(picture, picture.size, href) + svg(picture, "phone", href)
    note = f'<p class="note">{escape(picture.note)}</p>' if picture.note else ""
    return Markup(  # noqa: S704  (every text in it is escaped above)
        f'<figure class="chart chart-is-{picture.size}" id="chart-{picture.name}">'
        f"<figcaption><h3>{escape(picture.title)}</h3></figcaption>{body}{note}</figure>"
    )
