"""No promise without a test, no test for a promise nobody made, no row whose tests can't fail."""

from __future__ import annotations

from collections import Counter

import pytest
from proof.marked import Marked, marked_tests
from proof.page import PAGE, promises_page
from proof.table import OUTCOMES, ROOT, mutants, promised_rows


@pytest.fixture(scope="module")
def marked() -> Marked:
    return marked_tests()


def test_every_row_has_a_test_and_every_marker_a_row(marked: Marked) -> None:
    rows = {row.id for row in promised_rows()}
    assert sorted(rows - marked.keys()) == [], "promised, and proven by no test"
    assert sorted(marked.keys() - rows) == [], "a marker without a row"


def test_every_row_has_a_breakage_that_its_tests_must_catch() -> None:
    rows = {row.id for row in promised_rows()}
    broken = {mutant.row for mutant in mutants()}
    assert sorted(rows - broken) == [], "no mutant"
    assert sorted(broken - rows) == [], "a mutant without a row"


def test_rows_are_told_once_and_with_a_known_outcome() -> None:
    rows = promised_rows()
    assert [row for row, count in Counter(row.id for row in rows).items() if count > 1] == []
    assert {row.outcome for row in rows} <= OUTCOMES.keys()


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: f"{mutant.row}: {mutant.why}")
def test_a_breakage_breaks_one_place_and_still_compiles(mutant) -> None:  # type: ignore[no-untyped-def]
    broken = mutant.applied((ROOT / mutant.file).read_text(encoding="utf-8"))
    if mutant.file.endswith(".py"):
        compile(broken, mutant.file, "exec", dont_inherit=True)


def test_the_page_is_what_rows_and_markers_say(marked: Marked) -> None:
    page = promises_page(promised_rows(), marked, mutants())
    assert PAGE.read_text(encoding="utf-8") == page, "run: make promises"
