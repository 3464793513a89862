"""What an awkward file is: its bytes, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from transform.readers import ReaderLimits

HEADER = ["id", "Имя", "text"]
IVAN = ["1001", "Иван Петров", "здравствуйте, где мой заказ?"]
ANNA = ["1002", "Анна Ким", "спасибо большое; до свидания"]
LEV = ["1003", "Лев", "да"]
ROWS = [IVAN, ANNA, LEV]


class Outcome(Enum):
    """What becomes of a whole file."""

    READ = "read"
    REFUSED = "refused"
    # A header that fits no record: nothing may be read, whether file or records are refused.
    NOTHING_READ = "nothing is read"


@dataclass(frozen=True)
class Case:
    """One awkward file.

    Attributes:
        name: what the file is called, without its ending.
        what: what is awkward about it, for a person.
        build: makes its bytes.
        columns, rows: what must be read.
        rejects: (line, a part of the reason) of every record that must be rejected.
        refused: a part of the reason of a refusal.
        doubtful: numbers of `rows` (from 0) that a careful reader may reject as well.
    """

    name: str
    what: str
    build: Callable[[], bytes]
    columns: Sequence[str] = tuple(HEADER)
    rows: Sequence[Sequence[str]] = ()
    rejects: Sequence[tuple[int, str]] = ()
    refused: str | None = None
    outcome: Outcome = Outcome.READ
    doubtful: Sequence[int] = ()
    limits: ReaderLimits | None = None


def read(
    name: str,
    what: str,
    content: bytes | Callable[[], bytes],
    rows: Sequence[Sequence[str]] = tuple(ROWS),
    *,
    columns: Sequence[str] = tuple(HEADER),
    rejects: Sequence[tuple[int, str]] = (),
    doubtful: Sequence[int] = (),
) -> Case:
    """A file that is read, with or without rejects."""
    return Case(name, what, _builder(content), columns, rows, rejects, doubtful=doubtful)


def refused(
    name: str,
    what: str,
    content: bytes | Callable[[], bytes],
    reason: str,
    *,
    limits: ReaderLimits | None = None,
) -> Case:
    """A file that is refused as a whole."""
    build = _builder(content)
    return Case(name, what, build, refused=reason, outcome=Outcome.REFUSED, limits=limits)


def nothing_read(name: str, what: str, content: bytes | Callable[[], bytes]) -> Case:
    """A file of which no row may be read: it is refused, or every record is."""
    return Case(name, what, _builder(content), outcome=Outcome.NOTHING_READ)


def _builder(content: bytes | Callable[[], bytes]) -> Callable[[], bytes]:
    return (lambda: content) if isinstance(content, bytes) else content


def lines(*texts: str, end: str = "\n", encoding: str = "utf-8") -> bytes:
    """Lines as bytes, each with the same end."""
    return "".join(text + end for text in texts).encode(encoding)


def table(
    rows: Sequence[Sequence[str]] = tuple(ROWS),
    *,
    header: Sequence[str] = tuple(HEADER),
    delimiter: str = ";",
    quote: str = '"',
    everywhere: bool = False,
    end: str = "\n",
    encoding: str = "utf-8",
) -> bytes:
    """A good table as bytes: cells are quoted where they must be, or everywhere."""

    def written(cell: str) -> str:
        if not everywhere and not set(cell) & {delimiter, quote, "\r", "\n"}:
            return cell
        return quote + cell.replace(quote, quote * 2) + quote

    texts = (delimiter.join(map(written, row)) for row in (header, *rows))
    return lines(*texts, end=end, encoding=encoding)
