"""What pages have in common: templates that escape by default, cells, names, the style.

The dashboard's pages use the same: `environment`, `stylesheet`, and the macro of `table.html`.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports.paint import DARK, LIGHT, declarations
from reports.story import CLOSE, OPEN, isolated
from reports.tables import Kind, Value
from reports.words import NOTHING, Language, Words, words_of

TEMPLATES = Path(__file__).parent / "templates"
_NAME = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")


def told(value: Value, kind: Kind, words: Words) -> str:  # noqa: PLR0911  (a kind a line)
    """A table's value as text."""
    if value is None or value == "":
        return NOTHING if kind != "text" else ""
    if isinstance(value, dt.datetime):
        return words.moment(value)
    if isinstance(value, dt.date):
        return words.short_date(value)
    if isinstance(value, str):
        return value
    if kind == "duration":
        return words.duration(value)
    if kind == "share":
        return words.percent(value)
    if kind == "change":
        return words.change(value)
    return words.number(value, 1 if kind == "decimal" else 0)


def named(sentence: str) -> Markup:
    """A sentence with its names in `<bdi>`: a name can't turn the words around it."""
    escaped = str(escape(sentence))
    return Markup(_NAME.sub(r"<bdi>\1</bdi>", escaped))  # noqa: S704  (escaped the line above)


@cache
def environment(language: Language) -> Environment:
    """Templates in a language; a variable that isn't there is an error."""
    words = words_of(language)

    def cell(value: Value, kind: Kind) -> Markup:
        text = told(value, kind, words)
        if kind == "name":
            return named(isolated(text))
        return escape(text)

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["cell"] = cell
    made.filters["names"] = named
    return made


@cache
def stylesheet() -> str:
    """The style of page and charts: light, dark as the screen asks, light on paper."""
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    light, dark = declarations(LIGHT), declarations(DARK)
    return (
        f":root{{{light}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"@media print{{:root{{{light}color-scheme:light}}}}{style}"
    )
