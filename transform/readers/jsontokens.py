"""JSON as a stream: values one after the other from a window over the text.

Numbers keep their text; what JSON's grammar forbids, and what would be silently lost (a key that
comes twice in an object), is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

from transform.readers.kinds import refuse

WINDOW_CHARACTERS = 1024**2
END: Final = ""
_BLANKS = re.compile(r"[ \t\r\n]*")
_DEPTH = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


class Number(str):
    """A number's own text."""

    __slots__ = ()


class BadValue(ValueError):
    """A value is well-formed JSON, but can't be taken truthfully; the message says why."""


class BrokenText(ValueError):
    """The text is no JSON from here on, or it ends too early."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadValue("a key comes twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise BadValue(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=Number, parse_float=Number, parse_constant=_constant
)
_SKIPPER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)


def decoded(text: str, max_nesting: int) -> Any:
    """One value that is all of `text`.

    Raises:
        BadValue: it is none, or none that can be taken truthfully.
    """
    value, end = _value(text, _BLANKS.match(text).end(), max_nesting)  # type: ignore[union-attr]
    if text[end:].strip(" \t\r\n"):
        raise BadValue("more follows on its line")
    return value


def _value(text: str, start: int, max_nesting: int) -> tuple[Any, int]:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise BadValue(f"it is no JSON: {error.msg}") from None
    except RecursionError:
        raise BadValue(f"it is nested more than {max_nesting} deep") from None
    if end - start > max_nesting and _depth(text[start:end]) > max_nesting:
        raise BadValue(f"it is nested more than {max_nesting} deep")
    return value, end


def _depth(text: str) -> int:
    if text.count("{") + text.count("[") <= 1:
        return 1
    depth = deepest = 0
    for found in _DEPTH.finditer(text):
        mark = found.group()
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


class Window:
    """A place in a JSON text that moves on; only the text around it is in memory.

    Args:
        path: the file.
        encoding: how it is written.
        max_value_bytes: a cap on one value.
        max_nesting: a cap on objects and arrays within each other.
        window_characters: how much is read at once.
    """

    def __init__(
        self,
        path: Path,
        encoding: str,
        max_value_bytes: int,
        max_nesting: int,
        window_characters: int = WINDOW_CHARACTERS,
    ) -> None:
        # Bytes that the encoding doesn't know become lone surrogates, which no record may hold.
        errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
        self._file = path.open(encoding=encoding, errors=errors, newline="")
        self._max_value = max_value_bytes
        self._max_nesting = max_nesting
        self._window_characters = window_characters
        self._text = ""
        self._place = 0
        self._ended = False

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def peek(self) -> str:
        """The next character that is no blank; `END` at the end."""
        while True:
            self._place = _BLANKS.match(self._text, self._place).end()  # type: ignore[union-attr]
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more():
                return END

    def take(self, character: str) -> bool:
        """Pass over `character`, if it is next."""
        if self.peek() != character:
            return False
        self._place += 1
        return True

    def value(self) -> tuple[Any, str]:
        """The next value and its text.

        Raises:
            BadValue: it can't be taken truthfully; the place is behind it.
            BrokenText: it is no JSON, so that nobody knows where the next value begins.
        """
        self.peek()
        try:
            value, end = _value(self._text, self._place, self._max_nesting)
        except BadValue:
            return self._checked_value()
        if end == len(self._text):  # a number there may go on behind the window
            return self._checked_value()
        start, self._place = self._place, end
        return value, self._text[start:end]

    def _checked_value(self) -> tuple[Any, str]:
        end = self._end_of_value()
        start, self._place = self._place, end
        text = self._text[start:end]
        try:
            return _value(text, 0, self._max_nesting)[0], text
        except BadValue as error:
            raise BadValue(str(error), text) from None

    def _end_of_value(self) -> int:
        """By a decoder that takes more than is JSON, for values that are cut by the window too."""
        while True:
            try:
                end = int(_SKIPPER.raw_decode(self._text, self._place)[1])
            except (json.JSONDecodeError, RecursionError) as error:
                problem = error.msg if isinstance(error, json.JSONDecodeError) else "too deep"
                if len(self._text) - self._place > self._max_value:
                    raise BrokenText(f"{problem}, or a value is too long") from None
                if not self._more():
                    raise BrokenText(problem) from None
            else:
                if end < len(self._text) or not self._more():
                    return end

    def _more(self) -> bool:
        if self._ended:
            return False
        try:
            more = self._file.read(self._window_characters)
        except UnicodeDecodeError as error:
            raise refuse(f"it is no {error.encoding} text") from None
        self._ended = not more
        self._text = self._text[self._place :] + more
        self._place = 0
        return not self._ended


def json_lines(path: Path, encoding: str, max_line_bytes: int) -> Iterator[tuple[int, str]]:
    """The lines of a text that aren't blank, with their numbers.

    Raises:
        UnreadableExport: a line is too long, or not in the encoding at all.
    """
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    number = 0
    with path.open(encoding=encoding, errors=errors, newline="\n") as file:
        try:
            while line := file.readline(max_line_bytes + 1):
                number += 1
                if len(line) > max_line_bytes:
                    raise refuse(f"line {number:,} is longer than {max_line_bytes:,} characters")
                if line.strip():
                    yield number, line
        except UnicodeDecodeError as error:
            raise refuse(f"it is no {error.encoding} text") from None
