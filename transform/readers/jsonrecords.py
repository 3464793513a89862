"""Where the records are in a JSON file: an array, an object around one, or an object a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from transform.readers.export import ReaderLimits
from transform.readers.jsontokens import END, BadValue, BrokenText, Window, decoded, json_lines
from transform.readers.kinds import refuse

_DEEPEST_LIST = 3
_LISTS = frozenset(
    "data rows items records results result list entries values content export messages chats "  # noqa: SIM905
    "threads statistics users".split()
)
_ENVELOPE = frozenset(
    "status code success ok error errors message description detail timestamp time total count "  # noqa: SIM905
    "page pages per_page limit offset size next prev previous first last links meta paging "
    "pagination has_more hasmore cursor request_id trace_id path version".split()
)


class Item(NamedTuple):
    """What stands where a record should: its number or line, its value, its text, what is wrong."""

    place: int
    value: Any
    text: str
    problem: str = ""


class JsonSource:
    """A JSON file's items; `kind` and `notes` are complete once all were read.

    Args:
        path: the file.
        encoding: how it is written.
        limits: caps on a value's length and nesting.

    Raises:
        UnreadableExport: while reading, where it is cut off, damaged, or no list of records.
    """

    def __init__(self, path: Path, encoding: str, limits: ReaderLimits) -> None:
        self.kind = "json"
        self.notes: list[str] = []
        self._path = path
        self._encoding = encoding
        self._limits = limits
        self._read = 0
        self._list: tuple[str, ...] | None = None
        self._beside: list[str] = []

    def items(self) -> Iterator[Item]:
        """Read the file."""
        window = self._window()
        try:
            if window.peek() == "[":
                yield from self._array(window)
                self._expect_end(window)
            elif _is_object_a_line(self._path, self._encoding, self._limits):
                self.kind = "ndjson"
                yield from self._lines()
            else:
                yield from self._object(window, ())
                self._expect_end(window)
                yield from self._single_object()
        except BrokenText as error:
            raise refuse(
                f"the JSON is cut off or damaged behind record {self._read:,} ({error})"
            ) from None
        finally:
            window.close()

    def _window(self) -> Window:
        limits = self._limits
        return Window(self._path, self._encoding, limits.max_record_bytes, limits.max_nesting)

    def _array(self, window: Window) -> Iterator[Item]:
        window.take("[")
        if window.take("]"):
            return
        while True:
            self._read += 1
            try:
                value, text = window.value()
                yield Item(self._read, value, text)
            except BadValue as error:
                yield Item(self._read, None, str(error.args[1]), str(error.args[0]))
            if window.take("]"):
                return
            if not window.take(","):
                raise BrokenText("the list is not closed" if window.peek() == END else "no comma")

    def _lines(self) -> Iterator[Item]:
        for number, line in json_lines(self._path, self._encoding, self._limits.max_record_bytes):
            try:
                yield Item(number, decoded(line, self._limits.max_nesting), line)
            except BadValue as error:
                yield Item(number, None, line, str(error.args[0]))

    def _object(self, window: Window, path: tuple[str, ...]) -> Iterator[Item]:
        """The items of the one list of objects in an object, or in objects within it."""
        window.take("{")
        while not window.take("}"):
            place = (*path, self._key(window))
            following = window.peek()
            if following == "[":
                yield from self._list_in(window, place)
            elif following == "{" and len(place) < _DEEPEST_LIST:
                yield from self._object(window, place)
            else:
                self._beside.append(".".join(place))
                self._skip(window)
            if not window.take(",") and window.peek() != "}":
                raise BrokenText("an object is not closed")

    def _key(self, window: Window) -> str:
        try:
            key, _ = window.value()
        except BadValue:
            key = None
        if not isinstance(key, str) or not window.take(":"):
            raise BrokenText("a key is no text")
        return key

    def _list_in(self, window: Window, place: tuple[str, ...]) -> Iterator[Item]:
        items = self._array(window)
        first = next(items, None)
        if first is None or not isinstance(first.value, dict | type(None)):
            self._beside.append(".".join(place))
            for _ in items:
                pass
            self._read = 0 if self._list is None else self._read
            return
        if self._list is not None:
            both = f"`{'.'.join(self._list)}` and `{'.'.join(place)}`"
            raise refuse(f"it holds several lists of records: {both}", "Have one of them exported.")
        self._list = place
        self._read = 1
        yield first
        yield from items

    @staticmethod
    def _skip(window: Window) -> None:
        try:
            window.value()
        except BadValue as error:
            raise BrokenText(str(error.args[0])) from None

    @staticmethod
    def _expect_end(window: Window) -> None:
        if window.peek() != END:
            raise refuse("more follows behind the end of the JSON")

    def _single_object(self) -> Iterator[Item]:
        """What an object means in which there was a list of records, or none."""
        names = {place.rpartition(".")[2].lower() for place in self._beside}
        if self._list is not None:
            where = ".".join(self._list)
            if self._list[-1].lower() not in _LISTS and not names <= _ENVELOPE:
                raise refuse(f"it is one JSON object with a list `{where}` in it, and no export")
            self.notes.append(f"the records are the list `{where}`")
            if self._beside:
                self.notes.append(f"beside it, not read: {', '.join(self._beside[:20])}")
        elif not names:
            raise refuse("it is an empty JSON object")
        elif names <= _ENVELOPE:
            raise refuse("it is an answer of the API (such as an error message), not an export")
        elif names <= _ENVELOPE | _LISTS:
            self.notes.append("its list of records is empty")
        else:
            self.kind = "ndjson"
            yield from self._lines_or_whole()

    def _lines_or_whole(self) -> Iterator[Item]:
        window = self._window()
        try:
            value, text = window.value()
            yield Item(1, value, text)
        except BadValue as error:
            yield Item(1, None, str(error.args[1]), str(error.args[0]))
        finally:
            window.close()


def _is_object_a_line(path: Path, encoding: str, limits: ReaderLimits) -> bool:
    """Two lines that begin objects, the first of which doesn't go on in the second."""
    with path.open(encoding=encoding, errors="replace", newline="\n") as file:
        first = second = ""
        while not second and (line := file.readline(limits.max_record_bytes)):
            if line.strip():
                first, second = (first, line.strip()) if first else (line.strip(), "")
    return second.startswith("{") and first[-1] not in "[{:,"
