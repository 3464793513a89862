"""Every awkward file comes out as its case says: rows, rejects with their lines, or a refusal."""

from __future__ import annotations

from pathlib import Path

import pytest
from awkward import CASES, Case, Outcome
from awkward.page import reading_files_page

from fuzz.judge import Reading, read


def reading_of(case: Case, folder: Path) -> Reading:
    path = folder / "export"
    path.write_bytes(case.build())
    reading = read(path, case.limits)
    assert reading.crash is None
    return reading


def cases(outcome: Outcome) -> pytest.MarkDecorator:
    chosen = [case for case in CASES if case.outcome is outcome]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case.name)


@cases(Outcome.READ)
def test_a_readable_file_gives_its_rows_and_rejects(case: Case, tmp_path: Path) -> None:
    reading = reading_of(case, tmp_path)
    assert reading.refusal is None
    assert reading.columns == list(case.columns)
    doubtful = [case.rows[number] for number in case.doubtful]
    kept = [list(row) for row in case.rows if row not in doubtful or row in reading.rows]
    assert reading.rows == kept
    told = {reject.line: reject.reason for reject in reading.rejects}
    assert len(told) == len(case.rejects) + len(case.rows) - len(kept)
    for line, reason in case.rejects:
        assert reason in told.get(line, "not rejected")


@cases(Outcome.REFUSED)
def test_an_unreadable_file_is_refused_for_its_reason(case: Case, tmp_path: Path) -> None:
    assert case.refused is not None
    assert case.refused in (reading_of(case, tmp_path).refusal or "not refused")


@cases(Outcome.NOTHING_READ)
def test_no_row_comes_of_a_header_that_fits_none(case: Case, tmp_path: Path) -> None:
    reading = reading_of(case, tmp_path)
    assert reading.rows == []
    assert reading.refusal is not None or reading.rejects


def test_names_tell_the_cases_apart() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


def test_the_page_is_what_the_cases_say() -> None:
    page = Path(__file__).parents[3] / "docs" / "reading-files.md"
    assert page.read_text() == reading_files_page(), "run: make reading-files"
