"""The page tells what was measured, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.measure import Measured, Side


def side(name: str, *cpu_seconds: float) -> Side:
    runs = [Measured(2 * cpu, cpu, 100 * 1024**2, {}) for cpu in cpu_seconds]
    return Side(name, lambda: runs[0], runs)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    plain = side("plain DuckDB", 2.0, 4.0)
    results.keep("b", "20 rows", [plain, side("ours", 3.0, 4.0)], plain, 20)
    results.keep("a", "9 rows", [plain, side("ours", 2.0, 5.0)], plain, 9)
    return results.kept()


def test_results_come_back_with_the_machine_the_smallest_first(
    kept: list[dict[str, object]],
) -> None:
    assert [result["name"] for result in kept] == ["a", "b"]
    machine = kept[0]["machine"]
    assert isinstance(machine, dict)
    assert machine["cores"] >= 1
    assert machine["versions"]["duckdb"]


def test_ratios_are_of_the_same_round(kept: list[dict[str, object]]) -> None:
    before = "above\n<!-- made from benchmarks/results -->\nold\n<!-- end -->\nbelow\n"
    page = results.with_results(before, kept)
    assert "| ours | 1.25 (1.00–1.50) | 1.25 (1.00–1.50) | 3.50 | 7.00 | 100 |" in page
    assert page.startswith("above\n")
    assert page.endswith("below\n")
    assert "old" not in page
    assert results.with_results(page, kept) == page


def test_the_chart_names_every_side(kept: list[dict[str, object]]) -> None:
    drawn = results.chart(kept)
    assert drawn.startswith("<svg")
    assert all(word in drawn for word in ("ours", "plain DuckDB", "9 rows", "20 rows"))


def test_the_page_is_made_from_the_results_that_are_kept() -> None:
    page = results.PAGE.read_text(encoding="utf-8")
    assert results.with_results(page, results.kept()) == page
