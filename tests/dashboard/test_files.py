"""Reports are served from their folder alone, and only as files of known kinds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashboard.files import made_reports, report_file
from dashboard.shown import NoSuchPage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "reports"
    week = inside / "week" / "2026-11-16_2026-11-22"
    week.mkdir(parents=True)
    (week / "report.html").write_text("<p>week", encoding="utf-8")
    (week / "report.xlsx").write_bytes(b"PK")
    (week / "days.png").write_bytes(b"PNG")
    (week / ".report.html.123").write_text("half of it", encoding="utf-8")
    (week / "notes.txt").write_text("not for here", encoding="utf-8")
    (tmp_path / "secret.html").write_text("the token", encoding="utf-8")
    (inside / "link.html").symlink_to(tmp_path / "secret.html")
    (inside / "outside").symlink_to(tmp_path)
    os.mkfifo(inside / "pipe.html")
    return inside


def test_reports_are_listed_by_period_the_page_first(folder: Path) -> None:
    (report,) = made_reports(folder)
    assert report.name == "week/2026-11-16_2026-11-22"
    assert [file.kind for file in report.files] == ["HTML", "XLSX", "PNG"]
    for file in report.files:
        assert report_file(folder, file.href.removeprefix("/reports/"))[0]
    assert made_reports(folder / "nowhere") == []


WRONG = (
    "../secret.html",
    "week/../../secret.html",
    "week/./2026-11-16_2026-11-22/report.html",
    "/etc/passwd.html",
    "//secret.html",
    "..\\secret.html",
    "link.html",
    "outside/secret.html",
    "pipe.html",
    "week/2026-11-16_2026-11-22/notes.txt",
    "week/2026-11-16_2026-11-22/.report.html.123",
    "week/2026-11-16_2026-11-22",
    "week/2026-11-16_2026-11-22/report.html\0.html",
    "",
    ".html",
    "week",
)


@pytest.mark.promise("dashboard-only-its-files")
@pytest.mark.parametrize("asked", WRONG)
def test_there_is_no_way_out_of_the_folder(folder: Path, asked: str) -> None:
    with pytest.raises(NoSuchPage):
        report_file(folder, asked)
