"""Workbooks: what a person sees in a cell is what comes out, or the workbook is refused by name."""

from __future__ import annotations

import datetime as dt
import gc
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from transform.readers import (
    ReaderLimits,
    Reject,
    SourceMapping,
    UnreadableExport,
    open_export,
    spreadsheet,
)

Row = list[str]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_RELATIONS = "http://purl.oclc.org/ooxml/officeDocument/relationships"
HEADER = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c>'
    '<c r="B1" t="inlineStr"><is><t>text</t></is></c></row>'
)


def read(path: Path, **mapping: Any) -> tuple[list[str], list[Row], list[Reject], tuple[str, ...]]:
    export = open_export(path, SourceMapping(**mapping))
    rows = [list(row.values()) for batch in export for row in batch.to_pylist()]
    return export.columns, rows, export.rejects, export.format.notes


def refusal(path: Path, limits: ReaderLimits | None = None, **mapping: Any) -> str:
    with pytest.raises(UnreadableExport) as caught:
        open_export(path, SourceMapping(**mapping), limits)
    return caught.value.came


def workbook(path: Path, fill: Callable[[Any, Any], None], **options: Any) -> Path:
    with xlsxwriter.Workbook(path, options) as book:
        fill(book, book.add_worksheet("Выгрузка"))
    return path


def crafted(
    path: Path,
    sheet_data: str,
    *,
    main: str = MAIN,
    relations: str = RELATIONS,
    before: str = "",
    after: str = "",
    shared: str = "",
    styles: str = "",
    book: str = "",
    declaration: str = '<?xml version="1.0" encoding="UTF-8"?>',
) -> Path:
    """A workbook written by hand, for what no polite writer would write."""
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{relations}/officeDocument" Target="/xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}">{book}'
        '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
        f'<Relationship Id="r1" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{relations}/sharedStrings" Target="sharedStrings.xml"/>'
        f'<Relationship Id="r3" Type="{relations}/styles" Target="styles.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'{declaration}<sst xmlns="{main}">{shared}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}">{styles}</styleSheet>',
        "xl/worksheets/sheet1.xml": f'{declaration}{before}<worksheet xmlns="{main}">'
        f"<sheetData>{sheet_data}</sheetData>{after}</worksheet>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def number_rows(*values: str) -> str:
    return HEADER + "".join(
        f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>a</t></is></c><c r="B{n}">{value}</c></row>'
        for n, value in enumerate(values, start=2)
    )


def test_a_cell_comes_as_its_format_shows_it(tmp_path: Path) -> None:
    moment = dt.datetime(2026, 4, 3, 23, 59, 59)
    cells: list[tuple[object, str | None, str]] = [
        ("00123", None, "00123"),
        ("NA", None, "NA"),
        (" two \n lines ", None, " two \n lines "),
        (123, None, "123"),
        (123, "00000", "00123"),
        (1234, '"№"000-000', "001234"),
        (0.5, "0%", "0.5"),
        (1234.5, "# ##0,00 ₽", "1234.5"),
        (0.1 + 0.2, None, "0.3"),
        (0.00001, None, "0.00001"),
        (79123456789, None, "79123456789"),
        (moment, "dd.mm.yyyy hh:mm:ss", "2026-04-03 23:59:59"),
        (dt.datetime(2026, 4, 3), "dd.mm.yyyy hh:mm:ss", "2026-04-03 00:00:00"),
        (dt.datetime(2026, 4, 3), "dd.mm.yyyy", "2026-04-03"),
        (moment, "dd.mm.yyyy", "2026-04-03 23:59:59"),
        (dt.datetime(2026, 4, 3), "[$-419]d mmmm yyyy;@", "2026-04-03"),
        (dt.datetime(2026, 4, 3), "ДД.ММ.ГГГГ", "2026-04-03"),
        (dt.time(9, 5, 7), "hh:mm:ss", "09:05:07"),
        (dt.timedelta(hours=26, minutes=15), "[h]:mm:ss", "26:15:00"),
        (moment.replace(microsecond=123_000), "dd.mm.yyyy hh:mm:ss.000", "2026-04-03 23:59:59.123"),
        (5, '0 "дней"', "5"),
        (True, None, "true"),
    ]

    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["Название", "Значение"])
        for row, (value, code, _) in enumerate(cells, start=1):
            shown = book.add_format({"num_format": code}) if code else None
            sheet.write_string(row, 0, f"строка {row}")
            sheet.write(row, 1, value, shown)

    _, rows, rejects, _ = read(
        workbook(tmp_path / "x", fill, strings_to_numbers=False, strings_to_formulas=False)
    )
    assert [row[1] for row in rows] == [text for _, _, text in cells]
    assert rejects == []


def test_dates_from_1904_and_a_strict_workbook(tmp_path: Path) -> None:
    date = dt.datetime(2026, 4, 3)

    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["Дата", "Текст"])
        sheet.write_datetime(1, 0, date, book.add_format({"num_format": "dd.mm.yyyy"}))

    assert read(workbook(tmp_path / "x", fill, date_1904=True))[1] == [["2026-04-03", ""]]
    strict = crafted(
        tmp_path / "y",
        number_rows('<v>1</v></c><c r="C2" s="1" t="d"><v>2026-04-03T10:00:00</v>').replace(
            "</row>", '<c r="C1" t="inlineStr"><is><t>at</t></is></c></row>', 1
        ),
        main=STRICT,
        relations=STRICT_RELATIONS,
        styles='<cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>',
    )
    assert read(strict)[1] == [["a", "1", "2026-04-03 10:00:00"]]


def test_texts_are_put_together_from_runs_and_unescaped_once(tmp_path: Path) -> None:
    shared = (
        "<si><t>id</t></si><si><t>text</t></si>"
        '<si><r><t xml:space="preserve">rich </t></r><r><rPr><b/></rPr><t>text</t></r>'
        "<rPh><t>hint</t></rPh></si>"
        "<si><t>a_x000D_b _x005F_x000D_ _x0041_</t></si><si><t>&lt;&amp;lt;&gt;&#10;</t></si>"
    )
    cells = "".join(
        f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c><c r="B{n}" t="s"><v>{n}</v></c></row>'
        for n in (1, 2, 3, 4)
    )
    rows = read(crafted(tmp_path / "x", cells, shared=shared))[1]
    assert [row[1] for row in rows] == ["rich text", "a\rb _x000D_ A", "<&lt;>\n"]


def test_digits_are_never_invented_and_long_numbers_are_told(tmp_path: Path) -> None:
    values = ["<v>12345678901234567890</v>", "<v>1.23456789012345E+19</v>", "<v>1E3</v>"]
    _, rows, _, notes = read(crafted(tmp_path / "x", number_rows(*values)))
    assert [row[1] for row in rows] == ["12345678901234567890", "1.23456789012345E+19", "1000"]
    assert any(note.startswith("2 numbers have more than 15 digits") for note in notes)


def test_what_a_person_should_know_is_told(tmp_path: Path) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["id", "Текст", "Итог"])
        for row in range(1, 6):
            sheet.write_row(row, 0, [row, "слово", "x"])
        sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!")
        sheet.write_formula(2, 2, '="a"&"b"', None, "ab")
        sheet.merge_range("B5:B6", "вместе", book.add_format())
        sheet.set_row(3, None, None, {"hidden": True})
        sheet.set_column("C:C", None, None, {"hidden": True})
        book.add_worksheet("Тайная").hide()
        book.add_chartsheet("График").add_series = None

    _, rows, _, notes = read(workbook(tmp_path / "x", fill))
    assert [row[1:] for row in rows] == [
        ["слово", "#DIV/0!"],
        ["слово", "ab"],
        ["слово", "x"],
        ["вместе", "x"],
        ["", "x"],
    ]
    told = "\n".join(notes)
    for expected in ("hidden sheets are not read: 'Тайная'", "B5:B6", "hidden rows", "error"):
        assert expected in told


def test_a_formula_without_a_value_is_told(tmp_path: Path) -> None:
    path = crafted(tmp_path / "x", number_rows("<f>1+1</f>", "<v>7</v>"))
    _, rows, _, notes = read(path)
    assert [row[1] for row in rows] == ["", "7"]
    assert any("formulas have no value" in note for note in notes)


def test_the_header_is_found_below_a_title_and_rows_beyond_it_are_rejected(tmp_path: Path) -> None:
    def fill(_: Any, sheet: Any) -> None:
        sheet.write(0, 0, "Отчёт за февраль")
        sheet.write_row(2, 0, ["id", "Имя", "Имя", "", "Сумма"])
        sheet.write_row(3, 0, [1, "Иван", "Ива", "x", 10])
        sheet.write_row(5, 0, [2, "Пётр", "Пет", "", 20, "лишнее"])
        sheet.write_row(6, 0, [3, "Анна", "", "y", 30])
        sheet.write_row(8, 0, ["Итого", "", "", "", 60])

    path = workbook(tmp_path / "x", fill)
    columns, rows, rejects, notes = read(path)
    assert columns == ["id", "Имя", "Имя.2", "column_4", "Сумма"]
    assert rows == [["1", "Иван", "Ива", "x", "10"], ["3", "Анна", "", "y", "30"]]
    assert rejects == [
        Reject(6, "2\tПётр\tПет\t\t20\tлишнее", "cells beyond the header's last column"),
        Reject(9, "Итого\t\t\t\t60", "a totals line, not a record"),
    ]
    assert open_export(path).format.header_line == 3
    assert any("above the header" in note for note in notes)


def test_a_title_above_two_columns_is_no_header(tmp_path: Path) -> None:
    def fill(_: Any, sheet: Any) -> None:
        sheet.write(0, 0, "Отчёт")
        sheet.write_row(1, 0, ["id", "Текст"])
        sheet.write_row(2, 0, [1, "да"])

    assert read(workbook(tmp_path / "x", fill))[:2] == (["id", "Текст"], [["1", "да"]])


def test_data_is_never_taken_for_a_header(tmp_path: Path) -> None:
    def fill(_: Any, sheet: Any) -> None:
        for row in range(3):
            sheet.write_row(row, 0, [1001 + row, "Иван", "+79120000000"])

    assert "looks like a header" in refusal(workbook(tmp_path / "x", fill))


def test_a_header_over_two_rows_is_refused(tmp_path: Path) -> None:
    def fill(_: Any, sheet: Any) -> None:
        sheet.merge_range("A1:A2", "id")
        sheet.merge_range("B1:C1", "Клиент")
        sheet.write_row(1, 1, ["Имя", "Город"])
        sheet.write_row(2, 0, [1, "Иван", "Омск"])

    assert "spread over several rows" in refusal(workbook(tmp_path / "x", fill))


def test_several_sheets_need_a_name(tmp_path: Path) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["id", "text"])
        book.add_worksheet("Вторая").write_row(0, 0, ["id", "name"])
        book.add_worksheet("Пустая")

    path = workbook(tmp_path / "x", fill)
    assert refusal(path) == "the workbook has several tables: 'Выгрузка', 'Вторая'"
    assert "no sheet 'Третья'" in refusal(path, sheet="Третья")
    assert read(path, sheet="Вторая")[0] == ["id", "name"]


ENTITIES = '<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("sheet_data", "extra", "expected"),
    [
        (number_rows("<v>&x;</v>"), {"before": ENTITIES}, "document type"),
        (number_rows("<v>1</v>") + "<row r='2'/>", {}, "out of order"),
        (HEADER + '<row r="2"><c r="A3"><v>1</v></c></row>', {}, "names another place"),
        (HEADER + '<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row>', {}, "one place"),
        (HEADER + '<row r="4294967295"><c><v>1</v></c></row>', {}, "last one there can be"),
        (HEADER + '<row r="2"><c r="ZZZ2"><v>1</v></c></row>', {}, "last one there can be"),
        (number_rows("<v>NaN</v>"), {}, "what its type can't be"),
        (number_rows("<v>1_000</v>"), {}, "what its type can't be"),
        (number_rows('<v>1</v></c><c r="C2" t="s"><v>9</v>'), {}, "what its type can't be"),
        (number_rows("<v>1</v>")[:-9], {}, "damaged"),
        (
            number_rows("<v>1</v>"),
            {"declaration": '<?xml version="1.0" encoding="UTF-9"?>'},
            "damaged",
        ),
        ("", {}, "empty"),
    ],
)
def test_damaged_and_crafted_sheets_are_refused(
    sheet_data: str, extra: dict[str, str], expected: str, tmp_path: Path
) -> None:
    assert expected in refusal(crafted(tmp_path / "x", sheet_data, **extra))


def test_a_reader_that_dies_or_floods_takes_nobody_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = tmp_path / "x"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + os.urandom(8_192))
    assert "workbook" in refusal(path)
    bomb = "<si><t>" + "a" * 10_000_000 + "</t></si>"
    crafted(path, number_rows(*['</c><c r="C2" t="s"><v>0</v>'] * 1), shared=bomb * 40)
    assert "memory" in refusal(path, ReaderLimits(child_memory_bytes=400 * 1024**2))
    assert "unpacks to more than" in refusal(path, ReaderLimits(max_decoded_bytes=10**7))
    assert "0 seconds" in refusal(path, ReaderLimits(child_seconds=0))
    gc.collect()
    assert [left.name for left in tmp_path.iterdir()] == ["x"]


def test_one_long_text_named_a_million_times_is_refused(tmp_path: Path) -> None:
    cells = "".join(
        f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c><c r="B{n}" t="s"><v>1</v></c></row>'
        for n in range(2, 3_000)
    )
    path = crafted(
        tmp_path / "x",
        HEADER + cells,
        shared="<si><t>" + "b" * 32_000 + "</t></si><si><t>c</t></si>",
    )
    assert "unpacks to more than" in refusal(path, ReaderLimits(max_decoded_bytes=50_000_000))


def test_the_child_is_told_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTCONNECT_TOKEN", "secret-of-the-test")
    script = "import os, json; open('seen', 'w').write(json.dumps(dict(os.environ)))"
    monkeypatch.setattr(spreadsheet, "_START", script)
    assert spreadsheet._run("{}", tmp_path, 10) == 0
    assert "secret-of-the-test" not in (tmp_path / "seen").read_text()


def test_what_is_no_spreadsheet_inside_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    )
    assert "password-protected" in refusal(path)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("word/document.xml", "")
    path.write_bytes(content.getvalue())
    assert "Word" in refusal(path)
