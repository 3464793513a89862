"""Export files: whatever their format, the same rows; whatever the vendor's habits, its truth."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import date, datetime

import httpx
import pytest
from python_calamine import CalamineWorkbook

from sandbox.files import as_csv, xlsx
from sandbox.options import Fault
from sandbox.server import RunningSandbox

StartSandbox = Callable[..., RunningSandbox]
Rows = list[list[str]]


def exported(
    sandbox: RunningSandbox, first: str, last: str, kind: str = "chats", **filters: object
) -> tuple[bytes, str]:
    """The bytes and the name of one export file."""
    with httpx.Client(base_url=sandbox.base_url, timeout=30) as http:
        dates = {"date_from": first, "date_to": last}
        token = {"token": sandbox.token}
        started = http.post(f"/export/{kind}", json={**token, **dates, **filters}).json()
        asked = {**token, "task_id": started["task_id"]}
        location = http.post(f"/export/{kind}/task", json=asked).json()["location"]
        url = location if "//" in location else sandbox.root_url + location
        return http.get(url).content, url


def decoded(content: bytes, name: str, encoding: str = "utf-8", delimiter: str = ";") -> Rows:
    """The file's cells as text, read by means of its format alone."""
    if name.endswith(".zip"):
        archive = zipfile.ZipFile(io.BytesIO(content))
        (name,) = archive.namelist()
        content = archive.read(name)
    if name.endswith(".gz"):
        content, name = gzip.decompress(content), name.removesuffix(".gz")
    if name.endswith(".xlsx"):
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        return [[cell_text(cell) for cell in row] for row in sheet.to_python()]
    if name.endswith(".json"):
        records = json.loads(content)
        return [list(records[0]), *(list(record.values()) for record in records)]
    return list(csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter))


def cell_text(cell: object) -> str:
    return f"{cell:%d.%m.%Y %H:%M:%S}" if isinstance(cell, datetime) else str(cell)


def rows_of(sandbox: RunningSandbox, first: str, last: str, **filters: object) -> Rows:
    return decoded(*exported(sandbox, first, last, **filters))[1:]


@pytest.mark.parametrize("wrap", ["none", "gzip", "zip"])
@pytest.mark.parametrize(
    "habits",
    [
        {"format": "csv", "delimiter": ","},
        {"format": "csv", "delimiter": "\t", "encoding": "utf-8-sig"},
        {"format": "csv", "encoding": "cp1251"},
        {"format": "xlsx"},
        {"format": "json", "location": "relative"},
    ],
    ids=["comma", "tab-bom", "cp1251", "xlsx", "json"],
)
def test_every_format_and_wrap_holds_the_same_rows(
    habits: dict[str, str], wrap: str, start_sandbox: StartSandbox
) -> None:
    plain = start_sandbox(messages_per_day=30)
    other = start_sandbox(messages_per_day=30, wrap=wrap, **habits)
    expected = decoded(*exported(plain, "02.02.2026", "02.02.2026"))
    content, name = exported(other, "02.02.2026", "02.02.2026")
    # Smileys are in this day: cp1251 can't hold them, so UTF-8 with a mark is served.
    encoding = {"cp1251": "utf-8-sig"}.get(habits.get("encoding", ""), habits.get("encoding"))
    found = decoded(content, name, encoding or "utf-8", habits.get("delimiter", ";"))
    assert found == expected
    assert len(found) > 20


def test_cp1251_is_served_where_it_can_hold_the_text_and_else_utf_8_with_a_mark() -> None:
    assert as_csv((["Имя"], [["Пётр"]]), ";", "cp1251") == "Имя\r\nПётр\r\n".encode("cp1251")
    assert as_csv((["Имя"], [["Пётр 🙏"]]), ";", "cp1251").decode("utf-8-sig") == (
        "Имя\r\nПётр 🙏\r\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "\x01\x08\x1e",
        "_x0001_",
        "_x005F_",
        "a\nb\tc",
        " both ",
        "=1+1",
        "http://x.ru",
        "00123",
        "🙏",
    ],
)
def test_a_workbook_holds_every_text_as_it_is(text: str) -> None:
    content = xlsx((["Текст", "ID"], [[text, "1"]]))
    assert decoded(content, "export.xlsx") == [["Текст", "ID"], [text, "1"]]


def test_messages_are_selected_by_their_date_or_by_their_threads_start(
    start_sandbox: StartSandbox,
) -> None:
    days = ("02.02.2026", "02.02.2026")
    by_message = rows_of(start_sandbox(selection="message"), *days)
    by_thread = rows_of(start_sandbox(selection="thread"), *days)
    assert {row[2][:10] for row in by_message} == {"02.02.2026"}
    assert {row[1][:8] for row in by_thread} == {"20260202"}
    assert {row[2][:10] for row in by_thread} > {"02.02.2026"}
    assert {row[1][:8] for row in by_message} > {"20260202"}


def test_date_to_is_included_or_not(start_sandbox: StartSandbox) -> None:
    inclusive, exclusive = start_sandbox(), start_sandbox(date_to="exclusive")
    days = {
        name: {row[2][:10] for row in rows_of(sandbox, "02.02.2026", "03.02.2026")}
        for name, sandbox in {"inclusive": inclusive, "exclusive": exclusive}.items()
    }
    assert days == {"inclusive": {"02.02.2026", "03.02.2026"}, "exclusive": {"02.02.2026"}}
    assert rows_of(exclusive, "02.02.2026", "02.02.2026") == []


def test_nothing_is_dated_after_the_sandboxs_clock(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(today=date(2026, 2, 3))
    assert rows_of(sandbox, "04.02.2026", "05.02.2026") == []
    assert len(rows_of(sandbox, "02.02.2026", "02.02.2026")) > 100


def test_filters_leave_a_part_of_the_day(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox()
    day = ("02.02.2026", "02.02.2026")
    whole = rows_of(sandbox, *day)
    name, operator = whole[0][7], int(next(row[5] for row in whole if row[5]))
    assert {row[7] for row in rows_of(sandbox, *day, name=name)} == {name}
    of_operator = rows_of(sandbox, *day, uid=operator)
    assert {row[5] for row in of_operator} == {"", str(operator)}
    assert 0 < len(of_operator) < len(whole)


def test_a_windows_statistics_are_day_by_day(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox()
    asked = [("02.02.2026", "03.02.2026"), ("02.02.2026",) * 2, ("03.02.2026",) * 2]
    both, first, second = (rows_of(sandbox, *days, kind="statistics") for days in asked)
    assert both == first + second
    assert {row[0] for row in first} == {"02.02.2026"}
    assert sum(int(row[5]) + int(row[6]) for row in first) == len(
        rows_of(sandbox, "02.02.2026", "02.02.2026")
    )


def test_what_was_served_and_the_truth_agree(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(selection="thread")
    rows = rows_of(sandbox, "02.02.2026", "02.02.2026")
    window = {"date_from": "02.02.2026", "date_to": "02.02.2026"}
    (truth,) = httpx.get(f"{sandbox.root_url}/sandbox/truth", params=window).json()
    start, file = httpx.get(f"{sandbox.root_url}/sandbox/served").json()
    assert (start["event"], file["event"]) == ("start", "file")
    assert truth["count"] == file["rows"] == len(rows)
    assert truth["content_hash"] == file["content_hash"]


@pytest.mark.parametrize("fault", ["short-download", "short-download-chunked", "unreadable-file"])
def test_a_fault_damages_the_file_of_its_day_alone(fault: str, start_sandbox: StartSandbox) -> None:
    whole = start_sandbox(messages_per_day=30)
    faulty = start_sandbox(messages_per_day=30, faults=(Fault(fault, date(2026, 2, 3)),))
    good = ("02.02.2026", "02.02.2026")
    assert exported(faulty, *good)[0] == exported(whole, *good)[0]
    bad = ("03.02.2026", "03.02.2026")
    try:
        content = exported(faulty, *bad)[0]
    except httpx.RemoteProtocolError:
        content = b""  # fewer bytes than its Content-Length
    assert content != exported(whole, *bad)[0]
