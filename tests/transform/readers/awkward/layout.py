"""Headers, what stands around a table, ragged records, cut files."""

from __future__ import annotations

from awkward.case import (
    ANNA,
    HEADER,
    IVAN,
    LEV,
    Case,
    lines,
    nothing_read,
    read,
    refused,
    table,
)

_HEAD = ";".join(HEADER)
_PLAIN = [["1001", "Иван", "да"], ["1002", "Анна", "нет"], ["1003", "Лев", "спасибо"]]
_BODY = [";".join(row) for row in _PLAIN]


def _below(*more: str) -> bytes:
    return lines(_HEAD, *_BODY, *more)


HEADERS: list[Case] = [
    read("header-only", "A header and no record.", lines(_HEAD), []),
    refused("header-only-no-line-end", "A header alone, without a line end: it may be cut off.", _HEAD.encode(), "cut off"),
    read("one-record", "A header and one record.", table([IVAN]), [IVAN]),
    read("lines-above", "Two lines and a blank one above the header.", lines("Отчёт по чатам", "за 01.02.2026", "") + table()),
    read("lines-above-padded", "A line above the header, filled up with delimiters.", lines("Отчёт по чатам;;", ";;") + table()),
    read("comments-above", "Comments above the header.", lines("# made by: export", "# rows: 3") + table()),
    read("blank-lines-above", "Blank lines above the header.", b"\r\n\n" + table()),
    read("repeated-header-cells", "Two header cells with one name.", table(_PLAIN, header=["id", "Имя", "Имя"]), _PLAIN, columns=["id", "Имя", "Имя.2"]),
    read("blank-header-cells", "A header cell with nothing in it.", table(_PLAIN, header=["id", "", "text"]), _PLAIN, columns=["id", "column_2", "text"]),
    read("newline-in-header", "A line end within a quoted header cell.", table(_PLAIN, header=["id", "Имя\nклиента", "text"]), _PLAIN, columns=["id", "Имя\nклиента", "text"]),
    read("blanks-in-header", "Blanks around header cells.", table(_PLAIN, header=[" id", "Имя ", " text "]), _PLAIN),
    refused("year-headers", "Header cells that look like data: a person must name the header's line.", table([["Лев", "5", "7"], ["Анна", "6", "8"]], header=["Оператор", "2024", "2025"]), "reads like data"),
    nothing_read("header-lost-a-delimiter", "The header has a delimiter too few.", lines("id;Имяtext", *_BODY)),
    nothing_read("header-gained-a-delimiter", "The header has a delimiter too many.", lines("id;Имя;;text", *_BODY)),
    nothing_read("header-unclosed-quote", "A header cell's quote is never closed.", lines('id;"Имя;text', *_BODY)),
    nothing_read("header-broken-in-two", "A line end within the header.", lines("id;И", "мя;text", *_BODY)),
    nothing_read("header-joined-with-a-record", "The line end behind the header is lost.", lines(_HEAD + _BODY[0], *_BODY[1:])),
    nothing_read("records-end-with-a-delimiter", "Every record ends with a delimiter, the header doesn't.", lines(_HEAD, *(body + ";" for body in _BODY))),
    nothing_read("header-in-other-encoding", "The header in Windows-1251 over records in UTF-8.", lines(_HEAD, encoding="cp1251") + lines(*_BODY)),
    refused("no-header", "Records without a header.", lines(*_BODY), "header"),
    refused("no-header-statistics", "Statistics without a header.", lines("01.02.2026;Telegram;15;3,5", "02.02.2026;Telegram;9;1,5", "03.02.2026;WhatsApp;11;0,5"), "header"),
]  # fmt: skip

_MORE = [[str(number), "Лев", "да; нет"] for number in range(1001, 1009)]
_QUOTED = [";".join(f'"{cell}"' for cell in row) for row in _MORE]
_FIELDS = "fields where the header has 3"
RAGGED: list[Case] = [
    read("short-record", "A record with a field too few.", lines(_HEAD, _BODY[0], "1002;Анна", _BODY[2]), [_PLAIN[0], _PLAIN[2]], rejects=[(3, f"2 {_FIELDS}")], doubtful=[0, 1]),
    read("long-record", "A record with a field too many.", lines(_HEAD, _BODY[0], "1002;Анна;нет;да", _BODY[2]), [_PLAIN[0], _PLAIN[2]], rejects=[(3, f"4 {_FIELDS}")]),
    read("unquoted-delimiters", "Texts with unquoted semicolons in the last column: nobody can say which.", lines(_HEAD, "1;Иван;да; нет", _BODY[1], "3;Лев;да; да; да", _BODY[2]), [_PLAIN[1], _PLAIN[2]], rejects=[(2, f"4 {_FIELDS}"), (4, f"5 {_FIELDS}")]),
    read("record-broken-in-two", "A line end within a record: both halves are rejected.", lines(_HEAD, _BODY[0], "1002;Ан", "на;нет", _BODY[2]), [_PLAIN[0], _PLAIN[2]], rejects=[(3, f"2 {_FIELDS}"), (4, f"2 {_FIELDS}")], doubtful=[0, 1]),
    read("first-field-broken-in-two", "A line end within the first field: what follows looks whole and is not.", lines(_HEAD, _BODY[0], "10", "02;Анна;нет", _BODY[2]), [_PLAIN[0], _PLAIN[2]], rejects=[(3, f"1 {_FIELDS}"), (4, "")], doubtful=[0]),
    read("last-field-broken-in-two", "A line end within the last field: what precedes looks whole and is not.", lines(_HEAD, _BODY[0], "1002;Анна;не", "т", _BODY[2]), [_PLAIN[0], _PLAIN[2]], rejects=[(3, ""), (4, f"1 {_FIELDS}")], doubtful=[1]),
    read("quote-moved-to-a-line-end", "A text of two lines whose closing quote has slipped to the first.", lines(_HEAD, _BODY[0], '1002;Анна;"раз"', "два", _BODY[2]), [_PLAIN[0], _PLAIN[2]], rejects=[(3, ""), (4, f"1 {_FIELDS}")], doubtful=[0, 1]),
    read("quote-inserted-at-a-line-end", "A quote too many at the end of a text's first line.", lines(_HEAD, _BODY[0], '1002;Анна;"раз"', 'два; три"', _BODY[2]), [_PLAIN[0], _PLAIN[2]], rejects=[(3, ""), (4, "quote")], doubtful=[0, 1]),
    read("lines-like-records-behind-a-lost-quote", "The closing quote of a text is lost, and one of its lines has just as many fields.", lines('"id";"Имя";"text"', *_QUOTED[:4], '"1005";"Анна";"раз', "два;три;четыре", *_QUOTED[5:]), [row for row in _MORE if row[0] != "1005"], rejects=[(6, "quote"), (7, "")], doubtful=[3, 4]),
    read("lost-opening-quote", "The opening quote of a text of two lines is lost.", lines(_HEAD, _BODY[0], "1002;Анна;не", 'т"', _BODY[2]), [_PLAIN[0], _PLAIN[2]], rejects=[(3, ""), (4, "quote")], doubtful=[1]),
    read("line-of-blanks", "A line of blanks between records.", lines(_HEAD, _BODY[0], "  ", *_BODY[1:]), _PLAIN),
    read("joined-records", "The line end between two records is lost.", lines(_HEAD, _BODY[0] + _BODY[1], _BODY[2]), [_PLAIN[2]], rejects=[(2, f"5 {_FIELDS}")]),
    read("comment-between", "A comment between records: rejected, and so is what it may have been a part of.", lines(_HEAD, _BODY[0], "# второй день", *_BODY[1:]), _PLAIN, rejects=[(3, "")], doubtful=[0, 1]),
    read("total-below", "A total of fewer fields below.", _below("Всего;3"), _PLAIN, rejects=[(5, f"2 {_FIELDS}")], doubtful=[2]),
    read("total-in-one-cell", "A total of one cell below a blank line.", _below("", "Всего: 3"), _PLAIN, rejects=[(6, f"1 {_FIELDS}")], doubtful=[2]),
    read("second-page", "The header comes again in the middle.", lines(_HEAD, *_BODY[:2], _HEAD, _BODY[2]), _PLAIN[:2], rejects=[(4, "header"), (5, "another table")]),
    read("second-table-narrower", "Another table below, with fewer columns.", _below("", "Оператор;Чатов", "Лев;5", "Анна;7"), _PLAIN, rejects=[(6, f"2 {_FIELDS}"), (7, f"2 {_FIELDS}"), (8, f"2 {_FIELDS}")], doubtful=[2]),
    read("second-table-wider", "Another table below, with more columns.", _below("a;b;c;d", "1;2;3;4"), _PLAIN, rejects=[(5, f"4 {_FIELDS}"), (6, f"4 {_FIELDS}")], doubtful=[2]),
    read("joined-files", "Two exports one behind the other, each with its byte order mark.", table([IVAN, ANNA], encoding="utf-8-sig") + table([LEV], encoding="utf-8-sig"), [IVAN, ANNA], rejects=[(4, ""), (5, "")]),
]  # fmt: skip

CUT: list[Case] = [
    read("cut-between-fields", "The file ends behind a field.", lines(_HEAD, *_BODY[:2]) + "1003;Ле".encode(), _PLAIN[:2], rejects=[(4, "cut off")], doubtful=[1]),
    read("cut-inside-quotes", "The file ends within quotes.", lines(_HEAD, *_BODY[:2]) + '1003;Лев;"спаси'.encode(), _PLAIN[:2], rejects=[(4, "cut off")]),
    read("cut-inside-two-lines", "The file ends in the second line of a quoted text.", lines(_HEAD, *_BODY[:2]) + '1003;Лев;"спасибо\nи до'.encode(), _PLAIN[:2], rejects=[(4, "never closed"), (5, "")]),
    read("cut-inside-the-last-field", "The file ends within the last field: no reader can see that.", lines(_HEAD, *_BODY[:2]) + "1003;Лев;спаси".encode(), [*_PLAIN[:2], ["1003", "Лев", "спаси"]], doubtful=[2]),
    read("cut-with-decimal-commas", "A short file cut off, in which commas agree better than semicolons.", lines("Дата;Канал;Чатов;Среднее, сек", "01.02.2026;Telegram;5;209,3", "02.02.2026;Telegram;7;450,3") + b"03.02.2026;O'Brien, Pa", [["01.02.2026", "Telegram", "5", "209,3"], ["02.02.2026", "Telegram", "7", "450,3"]], columns=["Дата", "Канал", "Чатов", "Среднее, сек"], rejects=[(4, "cut off")], doubtful=[1]),
    nothing_read("cut-inside-the-header", "The file ends within the header.", 'id;"Им'.encode()),
]  # fmt: skip
