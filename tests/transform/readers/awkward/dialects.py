"""Delimiters, quotes and line ends."""

from __future__ import annotations

from awkward.case import IVAN, LEV, Case, lines, read, refused, table

_HEAD = "id;Имя;text"
_FIRST = "1001;Иван Петров;привет"
_LAST = "1003;Лев;да"
_IVAN, _LEV = _FIRST.split(";"), LEV
STRAY = "middle of an unquoted field"
AFTER = "after a closing quote"
UNCLOSED = "never closed"


def _around(*middle: str) -> bytes:
    return lines(_HEAD, _FIRST, *middle, _LAST)


_WIDE = [f"Вопрос {number}" for number in range(1000)]
_MONEY = [["1", "1 234,50", "12,5"], ["2", "0,99", "1 000 000,00"]]

DELIMITERS: list[Case] = [
    read("comma", "Commas between fields.", table(delimiter=",")),
    read("semicolon", "Semicolons, as Excel writes in Russia.", table()),
    read("tab", "Tabs.", table(delimiter="\t")),
    read("pipe", "Vertical bars.", table(delimiter="|")),
    read(
        "decimal-commas",
        "Semicolons, and a decimal comma in most cells.",
        table(_MONEY, header=["id", "sum", "rate"]),
        _MONEY,
        columns=["id", "sum", "rate"],
    ),
    read(
        "thousands-in-quotes",
        "Commas between fields and within quoted sums.",
        lines("id,sum,n", '1,"1,234,567.50",2', '2,"2,000",3', '3,"5",4'),
        [["1", "1,234,567.50", "2"], ["2", "2,000", "3"], ["3", "5", "4"]],
        columns=["id", "sum", "n"],
    ),
    read(
        "commas-in-every-text",
        "Semicolons; every unquoted text has two commas, which makes a table of commas too.",
        lines("id;text", "1;да, нет, да", "2;раз, два, три", "3;а, б, в"),
        [["1", "да, нет, да"], ["2", "раз, два, три"], ["3", "а, б, в"]],
        columns=["id", "text"],
    ),
    read("excel-sep-line", "Excel's first line `sep=;`.", b"sep=;\r\n" + table(end="\r\n")),
    read(
        "sep-line-of-no-use", "A first line `sep=` that names a letter.", lines("sep=Р") + table()
    ),
    read(
        "spaces-around-delimiters",
        "Blanks beside delimiters belong to the cells.",
        lines("id;Имя;text", "1; Иван ;да", "2;Анна; нет"),
        [["1", " Иван ", "да"], ["2", "Анна", " нет"]],
    ),
    read(
        "thousand-columns",
        "A thousand columns.",
        table([["x"] * 1000, ["y"] * 1000], header=_WIDE),
        [["x"] * 1000, ["y"] * 1000],
        columns=_WIDE,
    ),
    refused(
        "too-many-columns",
        "More columns than the cap.",
        table([["x"] * 1001] * 3, header=[*_WIDE, "more"]),
        "columns",
    ),
    refused(
        "one-column", "A single column.", lines("text", "да", "нет", "спасибо"), "no delimiter"
    ),
    refused(
        "word-columns",
        "Columns made by blanks.",
        lines("id   name   text", "1    Ivan   hello", "2    Anna   bye"),
        "no delimiter",
    ),
]

QUOTES: list[Case] = [
    read("all-quoted", "Every cell in quotes.", table(everywhere=True)),
    read(
        "doubled-quotes",
        "Quotes inside quotes are doubled; empty ones; a cell that is one quote.",
        lines(_HEAD, '1;"ООО ""Ромашка""";""', '2;"";""""', '3;"""да""";"а "" б"'),
        [["1", 'ООО "Ромашка"', ""], ["2", "", '"'], ["3", '"да"', 'а " б']],
    ),
    read(
        "backslash-quotes",
        "Quotes inside quotes behind a backslash, as MySQL writes.",
        lines(_HEAD, r'1;"ООО \"Ромашка\"";"да; нет"', r'2;"C:\\temp";"x"', r'3;"a";"\"да\" - нет"'),
        [["1", 'ООО "Ромашка"', "да; нет"], ["2", "C:\\temp", "x"], ["3", "a", '"да" - нет']],
    ),
    read(
        "backslash-at-the-end",
        "A backslash before a closing quote, where quotes are doubled.",
        lines(_HEAD, '1;"C:\\";"да ""нет"""', '2;"D:\\";"x"', '3;"E:\\temp\\";"y"'),
        [["1", "C:\\", 'да "нет"'], ["2", "D:\\", "x"], ["3", "E:\\temp\\", "y"]],
    ),
    read(
        "apostrophe-quotes",
        "Apostrophes as quotes.",
        table([["1", "О; нет", "д'Артаньян"], ["2", "а;б", "нет"], ["3", "в", "да; да"]], quote="'", everywhere=True),
        [["1", "О; нет", "д'Артаньян"], ["2", "а;б", "нет"], ["3", "в", "да; да"]],
    ),
    read(
        "apostrophes-are-text",
        "Apostrophes in names, and one at the beginning of a cell.",
        lines(_HEAD, "1;O'Brien;'tis", "2;д'Артаньян;да'", "3;Лев;нет"),
        [["1", "O'Brien", "'tis"], ["2", "д'Артаньян", "да'"], ["3", "Лев", "нет"]],
    ),
    read(
        "newlines-in-quotes",
        "LF, CRLF, CR and blank lines within quotes.",
        lines(_HEAD, '1;а;"раз\nдва"', '2;б;"раз\r\n\r\nдва\rтри\n"', '3;"\n";да'),
        [["1", "а", "раз\nдва"], ["2", "б", "раз\r\n\r\nдва\rтри\n"], ["3", "\n", "да"]],
    ),
    read(
        "a-table-in-quotes",
        "A quoted text whose lines look like records of the file.",
        lines(_HEAD, '1;а;"id;Имя;text\n7;x;y\n8;x;y"', "2;б;да"),
        [["1", "а", "id;Имя;text\n7;x;y\n8;x;y"], ["2", "б", "да"]],
    ),
    read("quote-inside-a-field", "A quote in the middle of an unquoted field.", _around('1002;труба 12" медь;да'), [_IVAN, _LEV], rejects=[(3, STRAY)]),
    read("text-after-a-quote", "Text behind a closing quote.", _around('1002;"Анна" Ким;да'), [_IVAN, _LEV], rejects=[(3, AFTER)]),
    read("lost-delimiter-between-quotes", "A lost delimiter leaves two quotes that look doubled.", table(everywhere=True).replace(b'"1002";', b'"1002"'), [IVAN, LEV], rejects=[(3, "2 fields")], doubtful=[0]),
    read("excel-text-trick", 'Excel\'s `="0123"`, unquoted.', _around('1002;="0123";да'), [_IVAN, _LEV], rejects=[(3, STRAY)]),
    read(
        "excel-text-trick-quoted",
        'Excel\'s `="0123"`, properly quoted: kept as it is written.',
        _around('1002;"=""0123""";да'),
        [_IVAN, ["1002", '="0123"', "да"], _LEV],
    ),
    read(
        "blank-before-quote",
        "A blank between a delimiter and a quote.",
        _around('1002; "Анна; Ким";да'),
        [_IVAN, _LEV],
        rejects=[(3, STRAY)],
    ),
    read("unclosed-first-record", "The first record's quote is never closed.", lines(_HEAD, '1001;"Иван;да', "1002;Анна;нет", _LAST), [["1002", "Анна", "нет"], _LEV], rejects=[(2, UNCLOSED)]),
    read("unclosed-first-field", "A quote opens the first field and is never closed.", _around('"1002;Анна;нет'), [_IVAN, _LEV], rejects=[(3, UNCLOSED)]),
    read("unclosed-last-field", "A quote opens the last field and is never closed.", _around('1002;Анна;"нет'), [_IVAN, _LEV], rejects=[(3, UNCLOSED)]),
    read("unclosed-last-record", "The last record's quote is never closed.", lines(_HEAD, _FIRST, '1003;Лев;"да'), [_IVAN], rejects=[(3, UNCLOSED)]),
    read(
        "unclosed-before-quotes",
        "An unclosed quote with quoted records behind it.",
        lines(_HEAD, '1;"а";"б"', '2;"в";"г', '3;"д";"е"', '4;"ж";"з"'),
        [["1", "а", "б"], ["3", "д", "е"], ["4", "ж", "з"]],
        rejects=[(3, "quote")],
    ),
    read(
        "unclosed-before-a-thousand",
        "An unclosed quote before a thousand good records.",
        lines(_HEAD, '0;а;"б', *(f"{n};а;б" for n in range(1, 1001))),
        [[str(n), "а", "б"] for n in range(1, 1001)],
        rejects=[(2, UNCLOSED)],
    ),
]  # fmt: skip

LINE_ENDS: list[Case] = [
    read("crlf", "CRLF ends lines.", table(end="\r\n")),
    read("cr", "CR alone ends lines.", table(end="\r")),
    read("mixed-line-ends", "LF, CRLF and CR in one file.", b"id;n;t\n1;a;b\r\n2;c;d\r3;e;f\n", [["1", "a", "b"], ["2", "c", "d"], ["3", "e", "f"]], columns=["id", "n", "t"]),
    read("doubled-cr", "CR CR LF, as when a file went through Windows twice.", table(end="\r\r\n")),
    read("no-last-line-end", "No line end behind the last record: unless it is known that the file came whole, that may be a cut.", table()[:-1], doubtful=[2]),
    read("blank-lines", "Blank lines between records and below them.", table().replace(b"\n", b"\n\n") + b"\n\r\n"),
    read(
        "unicode-line-ends-are-text",
        "U+2028, U+2029, NEL, VT and FF end no line.",
        table([["1", "а\u2028б", "в\u2029г"], ["2", "д\x85е", "ж\x0bз\x0c"]]),
        [["1", "а\u2028б", "в\u2029г"], ["2", "д\x85е", "ж\x0bз\x0c"]],
    ),
]  # fmt: skip
