"""A person sees how a file is understood, and no person's name, phone or words."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from transform.inspect import Inspection, inspect_file
from transform.mapping import MappingFile, parse_mapping
from transform.masking import safe_value, shape

CANARIES = ("Канарейкин", "9161234567", "секретное", "canary@example.com", "Наставникова")
HEADER = ["ID сообщения", "ID чата", "Дата и время", "Направление", "Клиент", "Телефон клиента",
          "Канал", "Оператор", "Текст", "Пометка"]  # fmt: skip
ROWS = [
    [str(1000 + n), "79161234567" if n == 3 else f"t-{n}", f"{n:02d}.02.2026 10:00:00",
     "Входящее", "Канарейкин Пётр", "+79161234567", "WhatsApp", "Наставникова Анна",
     f"секретное слово {n}", "canary@example.com"]
    for n in range(1, 21)
]  # fmt: skip


def csv(header: list[str], rows: list[list[str]], mark: str = ";") -> str:
    return "".join(mark.join(row) + "\r\n" for row in [header, *rows])


def xlsx(header: list[str], rows: list[list[str]]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Выгрузка")
        for number, row in enumerate([header, *rows]):
            sheet.write_row(number, 0, row)
    return buffer.getvalue()


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("export.csv", content)
    return buffer.getvalue()


FILES = {
    "csv": csv(HEADER, ROWS).encode(),
    "cp1251": csv(HEADER, ROWS).encode("cp1251"),
    "tabs": csv(HEADER, ROWS, "\t").encode("utf-8-sig"),
    "gzip": gzip.compress(csv(HEADER, ROWS).encode()),
    "zip": zipped(csv(HEADER, ROWS).encode("cp1251")),
    "xlsx": xlsx(HEADER, ROWS),
    "json": json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS]).encode(),
    "ndjson": "".join(
        json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in ROWS
    ).encode(),
}


def inspected(
    tmp_path: Path, content: bytes | str, mapping: str = "", dataset: str | None = None
) -> Inspection:
    path = tmp_path / "any.name"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    said = parse_mapping(mapping, "mapping.toml") if mapping else MappingFile()
    return inspect_file(path, said, dataset=dataset)


def fields(found: Inspection) -> dict[str, str]:
    return {column.header.strip("'"): column.field for column in found.columns}


def no_canary(found: Inspection) -> bool:
    told = repr(found)
    return not [word for word in CANARIES if word in told]


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_file_is_understood_and_nothing_personal_is_told(
    kind: str, tmp_path: Path
) -> None:
    found = inspected(tmp_path, FILES[kind])
    assert (found.problem, found.dataset) == (None, "chats")
    assert fields(found)["Телефон клиента"] == "client_phone"
    assert fields(found)["Пометка"] == "extra"
    assert found.report is not None
    assert (found.rows_read, found.report.rows_out) == (20, 20)
    assert no_canary(found)
    by_field = {column.field: column.samples for column in found.columns}
    assert by_field["client_name"] == ("Аааааааааа Аааа",)
    assert by_field["channel"] == ("WhatsApp",)
    assert by_field["message_id"] == ("1001", "1002", "1003")
    assert by_field["chat_id"][2] == "99999999999"
    assert by_field["extra"] == ("aaaaaa@aaaaaaa.aaa",)


def test_format_and_dates_are_told(tmp_path: Path) -> None:
    found = inspected(tmp_path, FILES["zip"])
    assert found.format is not None
    assert found.format.containers == ("zip",)
    assert (found.format.encoding, found.format.delimiter) == ("cp1251", ";")
    assert found.report is not None
    assert found.report.date_format == "dd.mm.yyyy HH:MM:SS"


def test_rejects_are_counted_and_placed_without_their_text(tmp_path: Path) -> None:
    rows = [list(row) for row in ROWS]
    rows[4][2] = "31.02.2026 10:00:00"
    rows[6] = [*rows[6], "секретное"]
    found = inspected(tmp_path, csv(HEADER, rows))
    assert [line for line, _ in found.unreadable] == [8]
    assert found.broken == [(5, "sent_at: a day that does not exist")]
    assert found.report is not None
    assert (found.rows_read, found.report.rows_out) == (20, 18)
    assert no_canary(found)


def test_lines_are_proposed_for_what_is_not_known_and_can_be_used_as_they_are(
    tmp_path: Path,
) -> None:
    header = ["№", "Тред", "Когда написано", "Вид", "Контактное лицо", "Связь", "Канал",
              "Кто отвечал", "Слова", "Пометка"]  # fmt: skip
    content = csv(header, ROWS)
    found = inspected(tmp_path, content, dataset="chats")
    assert found.problem is not None
    assert "Name the column that holds it in the mapping file" in found.problem
    proposed = "\n".join(found.proposals)
    assert '"Когда написано" = "sent_at"  # its values are dates' in proposed
    assert '"Вид" = "direction"' in proposed
    assert '"Связь" = "client_phone"' in proposed
    assert no_canary(found)
    mended = proposed.replace('"Слова" = "extra"', '"Слова" = "text"')
    again = inspected(tmp_path, content, mapping=mended, dataset="chats")
    assert again.problem is None, again.problem
    assert again.report is not None
    assert again.report.rows_out == 20
    assert not again.proposals


def test_dates_that_contradict_each_other_are_shown_with_what_may_be_said(tmp_path: Path) -> None:
    rows = [list(row) for row in ROWS]
    rows[10][2] = "04.23.2026 10:00:00"
    found = inspected(tmp_path, csv(HEADER, rows))
    assert found.problem is not None
    assert "only with day and month swapped" in found.problem
    assert list(found.proposals)[:2] == [
        "[chats]",
        'dates = "month first"  # if the file means that',
    ]
    assert len(found.columns) == len(HEADER)


def test_the_dataset_that_fits_best_is_found(tmp_path: Path) -> None:
    statistics = csv(["Дата", "Канал", "Оператор", "Чатов"], [["01.02.2026", "VK", "А", "3"]])
    assert inspected(tmp_path, statistics).dataset == "statistics"
    users = json.dumps(
        [{"id": 1, "name": "Канарейкин", "login": "k", "email": "canary@example.com"}]
    )
    found = inspected(tmp_path, users)
    assert (found.dataset, found.problem) == ("users", None)
    assert no_canary(found)


@pytest.mark.parametrize(
    "content", ["<html>502</html>", "", '{"status": 500, "description": "секретное"}']
)
def test_what_is_no_export_is_called_by_its_name(content: str, tmp_path: Path) -> None:
    found = inspected(tmp_path, content)
    assert found.problem
    assert found.format is None
    assert no_canary(found)


def test_a_file_without_a_header_line_shows_no_record(tmp_path: Path) -> None:
    found = inspected(tmp_path, csv(ROWS[0], ROWS[1:]))
    assert found.problem
    assert no_canary(found)
    forced = inspected(tmp_path, csv(ROWS[0], ROWS[1:]), mapping="[chats]\nheader_line = 1\n")
    assert forced.problem
    assert no_canary(forced)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("WhatsApp", "WhatsApp"),
        ("01.02.2026 10:00:00", "01.02.2026 10:00:00"),
        ("2026-02-01", "2026-02-01"),
        ("12345", "12345"),
        ("8 (916) 123-45-67", "9 (999) 999-99-99"),
        ("79161234567", "99999999999"),
        ("me@x.ru", "aa@a.aa"),
        ("a\nb\x1b[31mc", "a b·[31mc"),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
def test_a_value_is_shown_unless_it_is_a_phone_or_an_address(value: str, told: str) -> None:
    assert safe_value(value, secret=False) == told


def test_a_shape_keeps_no_letter_and_no_figure() -> None:
    assert shape("Ёж Petrov-Ünal ٣٤, 5½ 李!") == "Аа Aaaaaa-Aaaa 99, 99 a!"
