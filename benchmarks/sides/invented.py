"""Invented chats exports, the same for the same arguments, a million rows in two seconds.

The headers are the sandbox's Russian ones. One text in two hundred has a line break, one in
forty has quotes, two in seven a comma: what a plain `split` would break on is there.

python -m benchmarks.sides.invented days FOLDER --days 10 --rows 100000
python -m benchmarks.sides.invented csv FILE --rows 2000000 --delimiter ';'
python -m benchmarks.sides.invented recode FILE --to FILE --encoding cp1251
python -m benchmarks.sides.invented xlsx FILE --rows 200000
"""

from __future__ import annotations

import argparse
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import xlsxwriter

FIRST_DAY = date(2026, 2, 1)
FIRST_ID = 40_000_001
_CHARACTERS_AT_ONCE = 4 * 1024**2
_CHATS = """
    SELECT
        ($first_id + i)::VARCHAR AS "ID сообщения",
        'T' || (100000 + ($first_id + i) // 12) AS "ID чата",
        strftime($day::TIMESTAMP + to_seconds((i * 86400 // $rows)::BIGINT),
                 '%d.%m.%Y %H:%M:%S') AS "Дата и время",
        CASE WHEN incoming THEN 'Входящее' ELSE 'Исходящее' END AS "Направление",
        CASE WHEN incoming THEN 'Клиент' ELSE 'Оператор' END AS "Тип автора",
        CASE WHEN NOT incoming THEN (100 + thread % 9)::VARCHAR END AS "ID оператора",
        CASE WHEN NOT incoming THEN operators[1 + thread % 9] END AS "Оператор",
        clients[1 + thread % 10] AS "Клиент",
        '+7900' || lpad((thread * 7919 % 10000000)::VARCHAR, 7, '0') AS "Телефон клиента",
        channels[1 + thread % 4] AS "Канал",
        (700 + thread % 4)::VARCHAR AS "ID канала",
        categories[1 + thread % 5] AS "Категория",
        CASE WHEN pick % 9 = 0 THEN 'новый' ELSE 'прочитано' END AS "Статус",
        CASE WHEN pick % 200 = 7 THEN 'Адрес:' || chr(10) || 'Мира, ' || pick
             WHEN pick % 40 = 8 THEN 'Пишет "Ошибка ' || pick || '"'
             ELSE texts[1 + pick % 7] || ' ' || pick END || $ending AS "Текст сообщения"
    FROM (
        SELECT i, ($first_id + i) // 12 AS thread, ($first_id + i) * 48271 % 100003 AS pick,
               (i % 2) = 0 AS incoming
        FROM range($rows) AS numbers(i)
    ), (
        SELECT ['Анна', 'Борис', 'Вера', 'Глеб', 'Дарья', 'Егор', 'Жанна', 'Илья', 'Кира']
                   AS operators,
               ['Орлов П.', 'Лис А.', 'Ким О.', 'Яна', 'Рой', 'ООО Луч', 'Ева', 'Лев', 'Ян', 'Ия']
                   AS clients,
               ['Telegram', 'WhatsApp', 'VK', 'Viber'] AS channels,
               ['Заказ', 'Оплата', 'Возврат', NULL, 'Доставка'] AS categories,
               ['Да, жду', 'Номер заказа', 'Спасибо', 'Добрый день, заказ', 'Уже, оплатил',
                'Проверьте; пожалуйста', 'Когда'] AS texts
    )
    ORDER BY i
"""


def chats_sql() -> str:
    """A query for one day's export, of parameters day, rows, first_id and ending; all text."""
    return _CHATS


def write_chats(
    path: Path,
    day: date,
    rows: int,
    *,
    first_id: int = FIRST_ID,
    delimiter: str = ",",
    ending: str = "",
) -> None:
    """Write one day's export in UTF-8: `rows` messages over the day, each text with `ending`."""
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY ({_CHATS}) TO '{path}' (FORMAT csv, HEADER, DELIMITER '{delimiter}')",
            {"day": day, "rows": rows, "first_id": first_id, "ending": ending},
        )


def write_workbook(path: Path, rows: int) -> None:
    """An XLSX of one sheet: ten of the columns, times as date cells."""
    with duckdb.connect() as connection:
        found = connection.execute(
            f"""SELECT * EXCLUDE ("Тип автора", "ID оператора", "ID канала", "Статус")
                    REPLACE (strptime("Дата и время", '%d.%m.%Y %H:%M:%S') AS "Дата и время")
                FROM ({_CHATS})""",
            {"day": FIRST_DAY, "rows": rows, "first_id": FIRST_ID, "ending": ""},
        )
        names = [str(column[0]) for column in found.description or []]
        records = found.fetchall()
    settings = {"constant_memory": True, "strings_to_urls": False, "strings_to_formulas": False}
    with xlsxwriter.Workbook(str(path), settings) as workbook:
        clock = workbook.add_format({"num_format": "dd.mm.yyyy hh:mm:ss"})
        sheet = workbook.add_worksheet("Export")
        sheet.write_row(0, 0, names)
        for number, record in enumerate(records, start=1):
            for column, value in enumerate(record):
                if isinstance(value, datetime):
                    sheet.write_datetime(number, column, value, clock)
                elif value is not None:
                    sheet.write_string(number, column, value)


def write_days(folder: Path, days: int, rows_a_day: int) -> None:
    """Write daily exports into `folder`; ids go on from day to day."""
    folder.mkdir(parents=True)
    for number in range(days):
        day = FIRST_DAY + timedelta(days=number)
        write_chats(
            folder / f"{day.isoformat()}.csv",
            day,
            rows_a_day,
            first_id=FIRST_ID + number * rows_a_day,
        )


def recoded(path: Path, target: Path, encoding: str) -> None:
    """Write a UTF-8 file anew in another encoding."""
    with (
        path.open(encoding="utf-8", newline="") as source,
        target.open("w", encoding=encoding, newline="") as copy,
    ):
        while text := source.read(_CHARACTERS_AT_ONCE):
            copy.write(text)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("days", "csv", "recode", "xlsx"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--delimiter", default=",")
    parser.add_argument("--ending", default="", help="of each text")
    parser.add_argument("--day", type=date.fromisoformat, default=FIRST_DAY)
    parser.add_argument("--first-id", type=int, default=FIRST_ID)
    parser.add_argument("--to", type=Path)
    parser.add_argument("--encoding", default="cp1251")
    given = parser.parse_args()
    if given.what == "days":
        write_days(given.path, given.days, given.rows)
    elif given.what == "csv":
        write_chats(
            given.path,
            given.day,
            given.rows,
            first_id=given.first_id,
            delimiter=given.delimiter,
            ending=given.ending,
        )
    elif given.what == "recode":
        recoded(given.path, given.to, given.encoding)
    else:
        write_workbook(given.path, given.rows)


if __name__ == "__main__":
    main()
