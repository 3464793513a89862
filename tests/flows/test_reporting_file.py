"""A run takes the reporting file, says what is wrong in it, and a rebuild tells figures by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.company import load_company
from flows.nightly import nightly
from flows.rebuild import rebuild_everything
from flows.settings import load_settings
from sandbox.server import RunningSandbox
from warehouse.errors import ReportingFileWrong
from warehouse.layout import DataDirectory
from warehouse.marts import release_reader

TOML = '[hours]\nsaturday = "10:00-15:00"\n[teams]\n"Night" = ["11"]\n'


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.filterwarnings("default")
def test_a_nightly_and_a_rebuild_tell_figures_by_the_reporting_file(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    tmp_path: Path,
) -> None:
    data = sandbox_settings(
        start_sandbox(messages_per_day=10), SELECTION="message", DATE_TO="inclusive"
    )
    (tmp_path / "reporting.toml").write_text(TOML, encoding="utf-8")
    asyncio.run(nightly())
    told = []
    for rebuilt in (False, True):
        if rebuilt:
            rebuild_everything(load_settings(), lambda done, total: None)
        with release_reader(DataDirectory(data)) as reader:
            told.append(reader.company)
            turns = reader.connection.execute("SELECT count(*) FROM mart.responses").fetchall()
    assert told[0] == told[1] == load_company(load_settings())
    assert told[0].business.teams == {"Night": ("11",)}
    assert turns[0][0] > 0


def test_a_wrong_key_stops_a_run_before_anything(
    sandbox_settings: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_company(load_settings()).business.teams == {}
    (tmp_path / "reporting.toml").write_text('[hours]\nmonday = "nine to five"', encoding="utf-8")
    with pytest.raises(ReportingFileWrong, match=r"hours\.monday"):
        load_company(load_settings())
    monkeypatch.setenv("SMARTCONNECT_REPORTING_FILE", "elsewhere.toml")
    with pytest.raises(ReportingFileWrong, match="SMARTCONNECT_REPORTING_FILE"):
        load_company(load_settings())
