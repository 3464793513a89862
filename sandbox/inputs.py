"""What an operation is given, checked as far as it is published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime


class BadInput(Exception):
    """Malformed input: status 400."""


def parse_date(text: object) -> date:
    """`dd.mm.yyyy` (published)."""
    try:
        return datetime.strptime(str(text), "%d.%m.%Y").date()  # noqa: DTZ007
    except ValueError:
        raise BadInput("a date is written dd.mm.yyyy") from None


def whole_number(given: Mapping[str, object], name: str) -> int:
    """A whole number of the input."""
    value = given.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadInput(f"{name} is a whole number")
    return value


def text(given: Mapping[str, object], name: str) -> str:
    """A text of the input, not empty."""
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name} is a text")
    return value
