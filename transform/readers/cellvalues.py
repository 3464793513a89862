"""A cell as the file holds it (type, style, value) → its text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transform.readers.cellformats import (
    PLAIN,
    SAFE_DIGITS,
    NumberFormat,
    Shape,
    is_long,
    writer_of,
)
from transform.readers.kinds import refuse
from transform.readers.xmlparts import unescaped

_TRUTHS = {"1": "true", "0": "false", "true": "true", "false": "false"}
_NUMBERS = ("", "n")
_COUNTED = (Shape.NUMBER, Shape.PADDED)
_TEXTS = ("str", "inlineStr")


class CellValues:
    """Turns values into text, for a workbook's number formats and shared texts.

    Args:
        formats: the number format of each style.
        shared: shared texts by their number, as text.
        from_1904: whether dates count from 1904.
    """

    def __init__(
        self, formats: Sequence[NumberFormat], shared: dict[str, str], *, from_1904: bool
    ) -> None:
        self._formats = formats
        self._shared = {**shared, "": ""}
        self._from_1904 = from_1904
        self._writers: dict[str, tuple[NumberFormat, Callable[[str], str]]] = {}
        self.long_numbers = 0
        self.errors = 0

    def column(self, kind: str, style: str, values: Sequence[str]) -> list[str]:
        """The texts of cells of one type and style; "" stays "".

        Raises:
            UnreadableExport: a value that its type can't have.
        """
        try:
            if kind == "s":
                return list(map(self._shared.__getitem__, values))
            if kind in _TEXTS:
                return list(map(unescaped, values))
            if kind in _NUMBERS:
                return self._numbers(style, values)
            return [self._rare(kind, value) if value else "" for value in values]
        except (KeyError, ValueError, OverflowError):
            raise refuse("the workbook is damaged: a cell holds what its type can't be") from None

    def one(self, kind: str, style: str, value: str) -> str:
        """The text of one cell."""
        return self.column(kind, style, (value,))[0]

    def _numbers(self, style: str, values: Sequence[str]) -> list[str]:
        shown, write = self._writers.get(style) or self._writer(style)
        if shown.shape not in _COUNTED:
            return [write(value) if value else "" for value in values]
        if shown is PLAIN:
            texts = [v if (v.isdecimal() and v[0] != "0") or not v else write(v) for v in values]
        else:
            texts = [write(value) if value else "" for value in values]
        if len(max(texts, key=len)) > SAFE_DIGITS or "E+" in "".join(texts):
            self.long_numbers += sum(map(is_long, texts))
        return texts

    def _writer(self, style: str) -> tuple[NumberFormat, Callable[[str], str]]:
        number = int(style or "0")
        if number >= len(self._formats) and number:
            raise refuse("the workbook is damaged: a cell has a style that is not declared")
        shown = self._formats[number] if self._formats else PLAIN
        found = self._writers[style] = shown, writer_of(shown, from_1904=self._from_1904)
        return found

    def _rare(self, kind: str, value: str) -> str:
        if kind == "b":
            return _TRUTHS[value]
        if kind == "e":
            self.errors += 1
            return value
        if kind == "d":
            return _iso(value)
        raise ValueError(kind)


def _iso(value: str) -> str:
    """An ISO moment of a strict workbook, as our own dates are written."""
    return value.replace("T", " ").removesuffix(" 00:00:00")
