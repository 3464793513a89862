"""`smartconnect inspect` in a terminal: quick, without a run, and it ends as it must."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app

GOOD = "ID сообщения;Дата и время;Клиент;Текст\r\n" + "".join(
    f"{n};{n:02d}.02.2026 10:00:00;Канарейкин;[bold]секретное {n}\r\n" for n in range(1, 9)
)


def test_a_good_file_is_shown_and_ends_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(GOOD + "9;30.02.2026 10:00:00;Канарейкин;секретное\r\n", "cp1251")
    done = CliRunner().invoke(app, ["inspect", "a.csv"])
    assert done.exit_code == 0, done.output
    for said in ("cp1251", "; (semicolon)", "line 1", "sent_at", "9 read, 8 would load, 1 rejected",
                 "record 9: sent_at: a day that does not exist"):  # fmt: skip
        assert said in done.output
    assert "Канарейкин" not in done.output
    assert "секретное" not in done.output
    assert "record 9" not in CliRunner().invoke(app, ["inspect", "a.csv", "--lines", "0"]).output


@pytest.mark.parametrize(
    ("content", "mapping", "options", "said"),
    [
        ("<html>", "", [], "web page"),
        (GOOD.replace("Дата и время", "Когда"), "", [], '"Когда" = "sent_at"'),
        (GOOD, "[chats]\nsheets = 'x'\n", [], "mapping.toml, line 2"),
        (GOOD, "", ["--dataset", "chat"], "There is no dataset 'chat'"),
        (GOOD, "", ["--mapping", "none.toml"], "none.toml"),
    ],
    ids=["page", "missing", "mapping", "dataset", "no-mapping"],
)
def test_what_cannot_be_loaded_is_told_and_ends_with_1(
    content: str,
    mapping: str,
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(content, "utf-8")
    if mapping:
        Path("mapping.toml").write_text(mapping, "utf-8")
    done = CliRunner().invoke(app, ["inspect", "a.csv", *options])
    assert done.exit_code == 1
    assert said in done.output


def test_the_mapping_file_beside_env_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(GOOD.replace("Дата и время", "Когда"), "utf-8")
    Path("mapping.toml").write_text('[chats.columns]\n"Когда" = "sent_at"\n', "utf-8")
    done = CliRunner().invoke(app, ["inspect", "a.csv"])
    assert done.exit_code == 0, done.output


def test_neither_prefect_nor_the_vendors_client_is_started() -> None:
    code = (
        "import sys, flows.inspect, flows.cli\n"
        "heavy = {'prefect', 'httpx', 'duckdb', 'uvicorn', 'sandbox'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
