"""The charts and a card of the large figures as PNG, drawn without a browser.

The card is for places that show one picture: Prefect's UI, a chat, a README.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

import vl_convert

from reports.charts import all_charts, png
from reports.comparing import state_of
from reports.drawing import FONT
from reports.page import fresh_told, title
from reports.paint import LIGHT
from reports.story import Headline, headlines, missing_told, summary
from reports.words import Language, Words, words_of
from warehouse.figures import Figures

_WIDTH: Final = 1000
_MARGIN: Final = 40
_CELL: Final = (222, 128, 10)
# A character of Liberation Sans is about half as wide as it is high; Cyrillic a little more.
_WIDE = 0.56


def write_pictures(
    figures: Figures, language: Language, folder: Path, company: str = ""
) -> list[Path]:
    """Write the card and every chart that has something to show; returns their paths."""
    words = words_of(language)
    written = [folder / "card.png"]
    written[0].write_bytes(card(figures, language, company))
    for name, picture in all_charts(figures, words).items():
        if picture.draw is not None:
            path = folder / f"{name}.png"
            path.write_bytes(png(picture))
            written.append(path)
    return written


def card(figures: Figures, language: Language, company: str = "") -> bytes:
    """The large figures of a period as one picture, or that there are none."""
    words = words_of(language)
    drawn: bytes = vl_convert.svg_to_png(_card(figures, words, company), scale=2)
    return drawn


def _card(figures: Figures, words: Words, company: str) -> str:
    parts: list[str] = []
    y = 52.0
    above = title(figures, words) + (f" · {company}" if company else "")
    parts.append(_text(_MARGIN, y, above, 17, "muted"))
    parts.append(_text(_MARGIN, y + 42, words.titled(figures.period), 34, "ink", bold=True))
    y += 72
    missing = missing_told(figures, words)
    if missing:
        parts.append(_box(_MARGIN, y, _WIDTH - 2 * _MARGIN, 46, "bad-ground"))
        parts.append(_text(_MARGIN + 16, y + 29, missing, 17, "bad", bold=True))
        y += 62
    if state_of(figures) in {"missing", "empty"}:
        for sentence in summary(figures, words):
            parts.append(_text(_MARGIN, y + 24, sentence, 19, "ink"))
            y += 34
    else:
        shown = headlines(figures, words)
        width, height, gap = _CELL
        for n, headline in enumerate(shown):
            x = _MARGIN + (n % 4) * (width + gap)
            parts.append(_cell(x, y + (n // 4) * (height + gap), headline))
        y += -(-len(shown) // 4) * (height + gap)
    parts.append(_text(_MARGIN, y + 32, fresh_told(figures, words), 14, "muted"))
    y += 56
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y:.0f}" '
        f'viewBox="0 0 {_WIDTH} {y:.0f}"><rect width="100%" height="100%" fill="{LIGHT["page"]}"/>'
        f"{''.join(parts)}</svg>"
    )


def _cell(x: float, y: float, headline: Headline) -> str:
    width, height, _ = _CELL
    parts = [
        _box(x, y, width, height, "card"),
        _text(x + 14, y + 26, headline.title, 14, "muted", room=width - 28),
        _text(x + 14, y + 64, headline.value, 30, "ink", bold=True, room=width - 28),
    ]
    if headline.compared:
        first = headline.compared[0]
        tone = {"good": "good", "bad": "bad", "plain": "ink"}[first.tone]
        parts.append(_text(x + 14, y + 90, first.change, 15, tone, bold=True, room=width - 28))
        parts.append(_text(x + 14, y + 111, first.was, 13, "muted", room=width - 28))
    return "".join(parts)


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{LIGHT[colour]}" '
        f'stroke="{LIGHT["line"]}"/>'
    )


def _text(
    x: float, y: float, text: str, size: float, colour: str, *, bold: bool = False,
    room: float = _WIDTH - 2 * _MARGIN,
) -> str:  # fmt: skip
    """A line of text; one that is too long for its room is set smaller, and at last cut."""
    wide = _WIDE * (1.06 if bold else 1.0)
    fitting = max(min(size, room / (max(len(text), 1) * wide)), size * 0.7)
    most = int(room / (fitting * wide))
    shown = text if len(text) <= most else text[: most - 1] + "…"
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" font-family="{FONT}" font-size="{fitting:.1f}"{weight} '
        f'fill="{LIGHT[colour]}" xml:space="preserve">{escape(shown)}</text>'
    )
