"""What befalls a file on its way: marks and bytes lost, doubled, moved, strewn in, cut, recoded."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from fuzz.damage import Damage, Edit
from fuzz.shapes import GoodFile, written

_STRAY_BYTES = tuple(bytes([byte]) for byte in b"\0\";,\n\r\t'\\ 1\xd0\x98")
_STRAY_MARKS = (" ", ";", ",", "\t", "|", "'")
_STRAY_LINES = ("# 2", "Итого: 5", "Всего;5", "-----", "   ", "да", "...", '"', "да; нет, да")
# Records between two damages: each can then be judged by itself.
_APART = 4
MakeDamage = Callable[[Random, GoodFile, int], Damage | None]
MakeEdits = Callable[[Random, GoodFile, int, int, bytes], tuple[Edit, ...]]


def some_damages(random: Random, good: GoodFile) -> list[Damage]:
    """One to three mishaps, far enough from each other to be told apart."""
    found: list[Damage] = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        record = 0 if random.random() < 0.08 else random.randrange(len(good.records))
        damage = random.choice(_KINDS)(random, good, record)
        if damage is None or any(_close(damage, other) for other in found):
            continue
        found.append(damage)
    cut = [damage for damage in found if damage.cuts]
    if cut:
        end = cut[0].touched.start
        found = [d for d in found if d.touched.stop <= end - _APART and not d.cuts] + cut[:1]
    return found


def _close(one: Damage, other: Damage) -> bool:
    return (
        one.touched.start < other.touched.stop + _APART
        and other.touched.start < one.touched.stop + _APART
    )


def _marks(good: GoodFile, kind: str) -> tuple[bytes, ...]:
    marks = {
        "delimiter": (good.dialect.delimiter,),
        "quote": (good.dialect.quote,),
        "newline": ("\r\n", "\n", "\r"),
    }
    return tuple(mark.encode(good.byte_encoding) for mark in marks[kind])


def _places(good: GoodFile, record: int, kind: str) -> list[tuple[int, bytes]]:
    """Where the marks of a kind stand in a record, in quotes or not."""
    content, found, position = good.records[record], [], 0
    step = len(good.dialect.delimiter.encode(good.byte_encoding))
    while position < len(content):
        mark = next((m for m in _marks(good, kind) if content.startswith(m, position)), b"")
        if mark:
            found.append((position, mark))
        position += len(mark) or step
    return found


def _boundary(random: Random, good: GoodFile, record: int) -> int:
    """A place between two characters of a record."""
    text = good.records[record].decode(good.byte_encoding)
    return len(text[: random.randint(0, len(text))].encode(good.byte_encoding))


def _inserted(kind: str) -> MakeDamage:
    def damage(random: Random, good: GoodFile, record: int) -> Damage | None:
        place = _boundary(random, good, record)
        mark = random.choice(_marks(good, kind))
        return Damage(f"insert a {kind}", (Edit(record, place, place, mark),))

    return damage


def _at_a_mark(kind: str, what: str, edits: MakeEdits) -> MakeDamage:
    """Damage that begins with a mark that is there."""

    def damage(random: Random, good: GoodFile, record: int) -> Damage | None:
        places = _places(good, record, kind)
        if not places:
            return None
        place, mark = random.choice(places)
        return Damage(f"{what} a {kind}", edits(random, good, record, place, mark))

    return damage


def _drop(_: Random, __: GoodFile, record: int, place: int, mark: bytes) -> tuple[Edit, ...]:
    return (Edit(record, place, place + len(mark)),)


def _double(_: Random, __: GoodFile, record: int, place: int, mark: bytes) -> tuple[Edit, ...]:
    return (Edit(record, place, place, mark),)


def _change(
    random: Random, good: GoodFile, record: int, place: int, mark: bytes
) -> tuple[Edit, ...]:
    others = [m for m in (m.encode(good.byte_encoding) for m in _STRAY_MARKS) if m != mark]
    return (Edit(record, place, place + len(mark), random.choice(others)),)


def _move(random: Random, good: GoodFile, record: int, place: int, mark: bytes) -> tuple[Edit, ...]:
    target = _boundary(random, good, record)
    if place < target < place + len(mark):
        target = place
    return Edit(record, place, place + len(mark)), Edit(record, target, target, mark)


def _cut(random: Random, good: GoodFile, record: int) -> Damage | None:
    content = good.records[record]
    place = random.randint(0, len(content) - 1)
    return Damage("cut the end", (Edit(record, place, len(content)),), cuts=True)


def _recoded(_: Random, good: GoodFile, record: int) -> Damage | None:
    """One record in another encoding, as when files are joined."""
    if good.byte_encoding == "utf-16-le":
        return None
    text = good.records[record].decode(good.byte_encoding)
    other = "cp1251" if good.byte_encoding == "utf-8" else "utf-8"
    content = text.encode(other, "ignore")
    if content == good.records[record] or not any("а" <= letter <= "я" for letter in text):
        return None
    return Damage("mix encodings", (Edit(record, 0, len(good.records[record]), content),))


def _byte(what: str) -> MakeDamage:
    def damage(random: Random, good: GoodFile, record: int) -> Damage | None:
        place = random.randrange(len(good.records[record]))
        stop = place + (what != "insert")
        instead = b"" if what == "drop" else random.choice(_STRAY_BYTES)
        return Damage(f"{what} a byte", (Edit(record, place, stop, instead),))

    return damage


def _block(random: Random, good: GoodFile, record: int) -> Damage | None:
    """Some bytes in a row are lost, line ends too."""
    later = min(record + random.choice((0, 1, 1, 2)), len(good.records) - 1)
    start = random.randrange(len(good.records[record]))
    stop = random.randint(0, len(good.records[later]))
    if later == record:
        return Damage("lose a block", (Edit(record, min(start, stop), max(start, stop)),))
    between = [Edit(n, 0, len(good.records[n])) for n in range(record + 1, later)]
    edits = (Edit(record, start, len(good.records[record])), *between, Edit(later, 0, stop))
    return Damage("lose a block", edits)


def _stray_line(random: Random, good: GoodFile, record: int) -> Damage | None:
    """A line between records that is none: a comment, a total, the header again."""
    line = random.choice((*_STRAY_LINES, written(good.cells[0], good.dialect, "minimal")))
    content = (line + good.newline).encode(good.byte_encoding)
    return Damage("insert a line", (Edit(record, 0, 0, content),)) if record else None


def _rewritten(random: Random, good: GoodFile, record: int) -> Damage | None:
    """One record as another programme would write it: other marks, or no quotes at all."""
    delimiter, quote = random.choice((good.dialect.delimiter, ";", ",", " ")), good.dialect.quote
    text = good.records[record].decode(good.byte_encoding)
    what = random.choice(("no quotes", "apostrophes", "delimiters"))
    if what == "no quotes":
        text = text.replace(quote, "")
    elif what == "apostrophes":
        text = text.replace(quote, "'")
    else:
        text = text.replace(good.dialect.delimiter, delimiter)
    content = text.encode(good.byte_encoding)
    if content == good.records[record]:
        return None
    edit = Edit(record, 0, len(good.records[record]), content)
    return Damage(f"rewrite a record ({what})", (edit,))


_AT_A_MARK: dict[str, MakeEdits] = {
    "drop": _drop,
    "double": _double,
    "change": _change,
    "move": _move,
}
_KINDS: tuple[MakeDamage, ...] = (
    *(
        _at_a_mark(kind, what, edits)
        for kind in ("delimiter", "quote", "newline")
        for what, edits in _AT_A_MARK.items()
    ),
    *(_inserted(kind) for kind in ("delimiter", "quote", "newline")),
    *(_byte(what) for what in ("drop", "insert", "replace")),
    _cut,
    _cut,
    _recoded,
    _stray_line,
    _rewritten,
    _block,
)
