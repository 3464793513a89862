"""Filtered exports become named extracts: whole, private, safe to open, and no day is touched."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from oddvendor import odd_vendor
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from flows.backfill import Exported, backfill
from flows.chatextract import Wanted, extract_chats, make_extract
from flows.cli import app
from flows.erase import run_erase
from flows.errors import NotConfigured
from sandbox.server import RunningSandbox
from warehouse.errors import ExtractRefused
from warehouse.layout import DataDirectory
from warehouse.personfiles import safe_cell
from warehouse.reading import query_release

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("prefect_api")]
Start, Point = Callable[..., RunningSandbox], Callable[..., Path]
VENDOR = {"DATE_TO": "inclusive", "SELECTION": "message"}
DAY, NEXT = "02.02.2026", "03.02.2026"


def a_client(sandbox: RunningSandbox, data: Path) -> tuple[str, int]:
    """The client with the most messages of the loaded day, and how many."""
    sql = "SELECT client_name, count(*) FROM chats GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    name, count = query_release(DataDirectory(data), sql).rows[0]
    return str(name), int(count)


def days(data: Path) -> list[tuple[Any, ...]]:
    return query_release(DataDirectory(data), "SELECT * FROM meta.days").rows


def test_an_extract_holds_what_was_asked_for_and_no_day_is_touched(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=100)
    data = sandbox_settings(sandbox, **VENDOR)
    asyncio.run(backfill(date_from=DAY, date_to=DAY, datasets=[Exported.chats]))  # type: ignore[arg-type]
    name, count = a_client(sandbox, data)
    before = days(data)
    (tmp_path / "client.txt").write_text(f"{name}\n", encoding="utf-8")
    with pytest.raises(NotConfigured, match="SMARTCONNECT_EXTRACT_CLIENT_FILE"):
        asyncio.run(extract_chats("one", DAY, DAY, one_client=True))  # type: ignore[arg-type]
    sandbox_settings(sandbox, **VENDOR, EXTRACT_CLIENT_FILE="client.txt")
    asyncio.run(extract_chats("one", DAY, DAY, one_client=True))  # type: ignore[arg-type]
    asyncio.run(extract_chats("all", DAY, NEXT, for_a_person="xlsx"))  # type: ignore[arg-type]
    assert days(data) == before

    table = pq.read_table(data / "extracts" / "one" / "chats.parquet")
    assert set(table.column("client_name").to_pylist()) == {name}
    assert table.num_rows == count
    text = (data / "extracts" / "one" / "chats.csv").read_text(encoding="utf-8-sig")
    assert len(list(csv.DictReader(text.splitlines(keepends=True), delimiter=";"))) == count
    everyone = pq.read_table(data / "extracts" / "all" / "chats.parquet")
    book = CalamineWorkbook.from_path(str(data / "extracts" / "all" / "chats.xlsx"))
    assert len(book.get_sheet_by_index(0).to_python()) == everyone.num_rows + 1
    assert set(everyone.column("date").to_pylist()) == {date(2026, 2, 2), date(2026, 2, 3)}

    shown = """SELECT extract, date_from, date_to, one_client, rows FROM meta.extracts
               ORDER BY made_at"""
    assert query_release(DataDirectory(data), shown).rows == [
        ("one", date(2026, 2, 2), date(2026, 2, 2), True, count),
        ("all", date(2026, 2, 2), date(2026, 2, 3), False, everyone.num_rows),
    ]
    for path in (data / "extracts").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    told = (data / "extracts" / "one" / "description.json").read_text(encoding="utf-8")
    assert name not in told
    assert not list((data / "state" / "incoming").iterdir())
    with pytest.raises(ExtractRefused, match="already"):
        asyncio.run(extract_chats("one", DAY, DAY))  # type: ignore[arg-type]


def test_the_command_takes_a_name_from_a_prompt_and_shows_it_nowhere(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(messages_per_day=100)
    data = sandbox_settings(sandbox, **VENDOR)
    asyncio.run(backfill(date_from=DAY, date_to=DAY, datasets=[Exported.chats]))  # type: ignore[arg-type]
    name, count = a_client(sandbox, data)
    asked = ["extract", "mine", "--from", DAY, "--to", DAY, "--client"]
    done = CliRunner().invoke(app, asked, input=f"{name}\n")
    assert done.exit_code == 0, done.output
    assert f"{count:,} rows in" in done.output
    assert name not in done.output
    served = httpx.get(f"{sandbox.root_url}/sandbox/served").json()
    assert sum(entry["event"] == "start" for entry in served) == 2
    again = CliRunner().invoke(app, asked, input=f"{name}\n")
    assert again.exit_code == 1
    assert "already" in again.output
    wrong = CliRunner().invoke(app, ["extract", "../x", "--from", DAY, "--to", DAY])
    assert wrong.exit_code == 1
    assert "can't be called" in wrong.output


@pytest.mark.promise("extract-erased")
def test_an_extract_that_holds_an_erased_client_is_removed_and_later_ones_lack_them(
    start_sandbox: Start, sandbox_settings: Point, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=100)
    keys = tmp_path / "keys" / "personal.key"
    keys.parent.mkdir(mode=0o700)
    data = sandbox_settings(sandbox, **VENDOR, PERSONAL_KEY_FILE=str(keys))
    assert CliRunner().invoke(app, ["personal-key"]).exit_code == 0
    asyncio.run(backfill(date_from=DAY, date_to=DAY, datasets=[Exported.chats]))  # type: ignore[arg-type]
    name, _ = a_client(sandbox, data)
    first, other = date(2026, 2, 2), date(2026, 2, 3)
    asyncio.run(make_extract(Wanted("with", first, first), "test", ""))
    asyncio.run(make_extract(Wanted("without", other, other, client="nobody"), "test", ""))
    who = tmp_path / "who.txt"
    who.write_text(f"name: {name}\n", encoding="utf-8")
    from rich.console import Console  # noqa: PLC0415

    assert run_erase(Console(), who, yes=True, again=False) == 0
    assert [path.name for path in sorted((data / "extracts").iterdir())] == ["without"]
    asyncio.run(make_extract(Wanted("later", first, first), "test", ""))
    table = pq.read_table(data / "extracts" / "later" / "chats.parquet")
    assert table.num_rows > 50
    assert name not in table.column("client_name").to_pylist()
    listed = query_release(DataDirectory(data), "SELECT extract FROM meta.extracts ORDER BY 1")
    assert listed.rows == [("later",), ("without",)]


@pytest.mark.promise("extract-formula")
def test_no_cell_is_a_formula(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts = ["=1+1", "+7900", "-2", "@SUM(A1)", " =1+1", "\t=1", "plain", "https://example.com"]
    records = [
        {"message_id": n, "chat_id": "t", "date": f"02.02.2026 10:00:0{n}", "direction": "in",
         "text": text}
        for n, text in enumerate(texts)
    ]  # fmt: skip
    answers = {
        "/export/chats": lambda _: {"status": 200, "task_id": 1},
        "/export/chats/task": lambda _: {"status": 200, "location": "/files/1.json"},
        "/files/1.json": lambda _: (200, json.dumps(records).encode()),
    }
    with odd_vendor(answers) as url:
        monkeypatch.chdir(tmp_path)
        for key, value in {"SANDBOX": "true", "TOKEN": "t", "BASE_URL": url, **VENDOR}.items():
            monkeypatch.setenv(f"SMARTCONNECT_{key}", value)
        monkeypatch.setenv("SMARTCONNECT_DATA_DIR", str(tmp_path / "data"))
        first = date(2026, 2, 2)
        for kind in ("csv", "xlsx"):
            asyncio.run(make_extract(Wanted(kind, first, first, kind=kind), "test", ""))  # type: ignore[arg-type]
    folder = tmp_path / "data" / "extracts"
    with (folder / "csv" / "chats.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [row["text"] for row in csv.DictReader(file, delimiter=";")]
    assert cells == [safe_cell(text) for text in texts]
    assert [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))] == []
    book = CalamineWorkbook.from_path(str(folder / "xlsx" / "chats.xlsx"))
    sheet = book.get_sheet_by_index(0).to_python()
    column = sheet[0].index("text")
    assert [str(row[column]) for row in sheet[1:]] == texts
    import zipfile  # noqa: PLC0415

    with zipfile.ZipFile(folder / "xlsx" / "chats.xlsx") as book_file:
        sheet_xml = book_file.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet_xml
    assert b"hyperlink" not in sheet_xml
