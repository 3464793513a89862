"""Good files of several shapes, drawn at random: what damage is done to, and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from fuzz.reference import Dialect

NARROW = ("id", "Имя", "text")
WIDE = (
    "ID сообщения", "ID чата", "Дата и время", "Направление", "Тип автора", "ID оператора",
    "Оператор", "Клиент", "Телефон клиента", "Канал", "ID канала", "Категория", "Статус",
    "Текст сообщения",
)  # fmt: skip
ENGLISH = ("Message ID", "Chat ID", "Date", "Operator", "Client phone", "Status", "Text")
STATISTICS = ("Дата", "Канал", "ID оператора", "Оператор", "Входящих", "Исходящих", "Среднее, сек")
_NAME_COLUMNS = ("Имя", "Оператор", "Operator")
_NAMES = ("Иван Петров", "Анна Ким", 'ООО "Ромашка"', "O'Brien, Pat", "Жанна; отдел", "Лев", "")
_WORDS = (
    "здравствуйте", "где", "мой", "заказ", "спасибо", "всего доброго", "завтра", "да", "нет",
    "№ 15", "доставка", "итого", "оплата", "не", "прошла", "ещё", "раз", "по", "адресу", "ok",
    "help", "http://x.ru/?a=1",
)  # fmt: skip
_MARKS = (". ", ", ", "; ", " ", " ", " ", ": ", "\t", " | ", " - ", "\n", "\r\n", "\n\n", "\\")
_RARE = ('"', ' "да" ', "'", "🙂", "é", "\u2028", "\u200b", "«нет»", "\x85", '";"', '"\n', "\\n")
_ENCODINGS = ("utf-8",) * 10 + ("utf-8-sig",) * 2 + ("cp1251",) * 5 + ("utf-16", "cp866", "koi8-r")


@dataclass(frozen=True)
class GoodFile:
    """A file as its writer meant it; `records[0]` is the header."""

    dialect: Dialect
    encoding: str
    newline: str
    cells: list[list[str]]
    records: list[bytes]
    above: bytes = b""
    below: bytes = b""
    description: str = ""

    @property
    def rows(self) -> list[list[str]]:
        """What must come of it."""
        return self.cells[1:]

    @property
    def byte_encoding(self) -> str:
        """The encoding without its byte order mark."""
        return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(self.encoding, self.encoding)

    @property
    def mark(self) -> bytes:
        """The byte order mark."""
        return {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}.get(self.encoding, b"")

    @property
    def content(self) -> bytes:
        """The undamaged file."""
        return self.mark + self.above + b"".join(self.records) + self.below


def good_file(random: Random, *, most_rows: int = 40) -> GoodFile:
    """A file of a random shape, with at least four rows."""
    encoding = random.choice(_ENCODINGS)
    header, make = random.choice(
        [(NARROW, _narrow), (WIDE, _wide), (WIDE, _wide), (ENGLISH, _english), (STATISTICS, _count)]
    )
    escape = "\\" if random.random() < 0.06 else None
    dialect = Dialect(random.choice((";", ";", ",", ",", "\t", "|")), '"', escape)
    cells = [list(header)]
    cells += [
        [_encodable(cell, encoding) for cell in make(random, number)]
        for number in range(1, random.randint(4, most_rows) + 1)
    ]
    if escape:
        # Every record shows the escape: a cut or a lost line must not make it undecidable.
        name = next(index for index, title in enumerate(header) if title in _NAME_COLUMNS)
        for row in cells[1:]:
            row[name] = _NAMES[2]
    style = random.choice(("minimal", "minimal", "all", "text"))
    newline = random.choice(("\n", "\n", "\r\n", "\r\n", "\r"))
    lines = [written(row, dialect, style) + newline for row in cells]
    if random.random() < 0.25:
        lines[-1] = lines[-1].removesuffix(newline)
    plain = GoodFile(dialect, encoding, newline, cells, [])
    above = "" if random.random() < 0.9 else f"Отчёт по чатам{newline}{newline}"
    return GoodFile(
        dialect,
        encoding,
        newline,
        cells,
        [line.encode(plain.byte_encoding) for line in lines],
        above.encode(plain.byte_encoding),
        description=f"{len(header)} columns, {len(cells) - 1} rows, {dialect}, {encoding}, "
        f"{newline!r}, quotes: {style}, above: {bool(above)}",
    )


def written(cells: list[str], dialect: Dialect, style: str) -> str:
    """One record without its line end; `style`: which cells are quoted (minimal, all, text)."""
    return dialect.delimiter.join(_cell(cell, dialect, style) for cell in cells)


def _cell(cell: str, dialect: Dialect, style: str) -> str:
    special = set(cell) & {dialect.delimiter, dialect.quote, "\r", "\n"}
    wanted = style == "all" or (style == "text" and not cell.isdigit())
    if not special and not wanted:
        return cell
    if dialect.escape:
        cell = cell.replace(dialect.escape, dialect.escape * 2)
    inner = cell.replace(dialect.quote, (dialect.escape or dialect.quote) + dialect.quote)
    return dialect.quote + inner + dialect.quote


def _encodable(cell: str, encoding: str) -> str:
    return cell.encode(encoding, "ignore").decode(encoding)


def _text(random: Random) -> str:
    """A message as people write them; never blank at its ends, so that no reader need guess."""
    parts: list[str] = []
    for _ in range(random.choice((0, 1, 2, 4, 7, 12))):
        parts.append(random.choice(_WORDS))
        parts.append(random.choice(_RARE) if random.random() < 0.06 else random.choice(_MARKS))
    return "".join(parts).strip(" \t\r\n\u2028\u200b\x85")


def _phone(random: Random) -> str:
    return f"+7900{random.randint(0, 9_999_999):07}"


def _moment(random: Random) -> str:
    day, minute = random.randint(1, 28), random.randint(0, 1439)
    return f"{day:02}.02.2026 {minute // 60:02}:{minute % 60:02}:07"


def _narrow(random: Random, number: int) -> list[str]:
    return [str(1000 + number), random.choice(_NAMES), _text(random)]


def _wide(random: Random, number: int) -> list[str]:
    out = random.random() < 0.5
    return [
        str(77_000_000 + number), f"t{random.randint(1, 40)}", _moment(random),
        "Исходящее" if out else "Входящее", "Оператор" if out else "Клиент",
        str(random.randint(1, 9)) if out else "", random.choice(_NAMES), random.choice(_NAMES),
        _phone(random), random.choice(("WhatsApp", "Telegram", "ВКонтакте")),
        str(random.randint(10, 12)), random.choice(("", "Заказы", "Жалобы, срочно")),
        random.choice(("delivered", "read")), _text(random),
    ]  # fmt: skip


def _english(random: Random, number: int) -> list[str]:
    return [
        f"{number:08}", f"c-{number}", f"2026-02-{random.randint(1, 28):02} 10:00:00",
        random.choice(_NAMES), _phone(random), "read", _text(random),
    ]  # fmt: skip


def _count(random: Random, number: int) -> list[str]:
    day, month = (number - 1) % 28 + 1, (number - 1) // 28 + 2
    return [
        f"{day:02}.{month:02}.2026", random.choice(("Telegram", "ВКонтакте")),
        str(random.randint(1, 9)), random.choice(_NAMES), str(random.randint(0, 99)),
        str(random.randint(0, 99)), f"{random.randint(1, 900)},{random.randint(0, 9)}",
    ]  # fmt: skip
