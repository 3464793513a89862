"""On which line of a TOML text a key stands: `tomllib` tells it of broken syntax alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

_KEY = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_TABLE = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]")
_PAIR = re.compile(rf"\s*({_DOTTED})\s*=")


class LineIndex:
    """The lines of a text's tables and keys; the text has been parsed as TOML before.

    A key inside an inline table is on the line where that table begins.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.split("\n"), start=1):
            if header := _TABLE.match(line):
                table = _path(header[1])
                self._note(table, number)
            elif pair := _PAIR.match(line):
                self._note((*table, *_path(pair[1])), number)

    def _note(self, path: tuple[str, ...], number: int) -> None:
        for prefix in _prefixes(path):
            self._lines.setdefault(prefix, number)

    def line_of(self, path: tuple[str, ...]) -> int:
        """The line of a key, or of the nearest table around it; 1 where neither is found."""
        for prefix in reversed(list(_prefixes(path))):
            if prefix in self._lines:
                return self._lines[prefix]
        return 1


def _prefixes(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (path[:length] for length in range(1, len(path) + 1))


def _path(dotted: str) -> tuple[str, ...]:
    """A dotted key as TOML reads it: quotes and escapes resolved."""
    found: list[str] = []
    value: object = tomllib.loads(f"{dotted} = 0")
    while isinstance(value, dict):
        (key, value), *_ = value.items()
        found.append(str(key))
    return tuple(found)
