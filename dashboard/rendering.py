"""Templates, escaped by default, and what they may call: words, numbers, addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from dashboard.asking import LONGEST_TEXT, Asked, address, channel_value
from dashboard.words import Words, words_of
from reports.paint import DARK, LIGHT, declarations
from reports.rendering import named
from reports.words import Language, plain

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
STATIC_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    environment.filters["names"] = named
    return environment


@cache
def static_files() -> Mapping[str, tuple[bytes, str]]:
    """The files beside the pages, by name: content and type; the themes are those of reports."""
    found = {
        path.name: (path.read_bytes(), STATIC_TYPES[path.suffix])
        for path in STATIC.iterdir()
        if path.suffix in STATIC_TYPES
    }
    light, dark = declarations(LIGHT), declarations(DARK)
    themes = (
        f":root{{color-scheme:light;{light}}}"
        f"@media(prefers-color-scheme:dark){{:root:not([data-theme]){{color-scheme:dark;{dark}}}}}"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}"
        f"@media print{{:root:root{{color-scheme:light;{light}}}}}"
    )
    css, kind = found["dashboard.css"]
    found["dashboard.css"] = (themes.encode() + b"\n" + css, kind)
    return found


@cache
def static_address(name: str) -> str:
    """Its address, another one once its content is."""
    return f"/static/{name}?v={sha256(static_files()[name][0]).hexdigest()[:12]}"


@dataclass(frozen=True)
class Links:
    """Addresses that keep what was asked, but for what is changed."""

    asked: Asked

    def __call__(self, path: str, **changes: object) -> str:
        """The address of `path`."""
        return address(path, self.asked, **changes)

    def threads(self, kind: str, **part: object) -> str:
        """The list of threads behind a number: of a channel, an operator, a day, an hour …

        Empty where a name is too long for an address.
        """
        if any(len(str(value)) > LONGEST_TEXT for value in part.values()):
            return ""  # no name that anybody gave on purpose
        changes: dict[str, object] = {"kind": kind, "page": 1}
        if "channel" in part:
            changes["channel"] = part.pop("channel")
        told = ((k, v.isoformat() if isinstance(v, date) else str(v)) for k, v in part.items())
        return self("/threads", **changes, part=tuple(told))

    def thread(self, chat: str) -> str:
        """A thread's messages."""
        return self("/thread", chat=chat)


def rendered(template: str, asked: Asked, language: Language, **context: Any) -> str:
    """A page as HTML."""
    words: Words = words_of(language)
    text = (
        _environment()
        .get_template(template)
        .render(
            words=words,
            say=lambda key, **values: words.say(f"page.{key}", **values),
            language=language,
            asked=asked,
            link=Links(asked),
            static=static_address,
            channel_value=channel_value,
            **context,
        )
    )
    return text.encode("utf-8", "replace").decode()  # half a character is shown as "?"
