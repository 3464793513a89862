"""Every benchmark runs and proves that its sides did the same work; nothing is timed here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import marts, nightly, pipeline, reading, reloading
from benchmarks.measure import PROJECT, SideFailed, run_side, same_results


def silent(_: str) -> None:
    """Progress is for people."""


BENCHMARKS: dict[str, Callable[[Path], bool]] = {
    "pipeline": lambda folder: pipeline.run(folder, rows=3_000, more_rows=0, rounds=1, say=silent),
    "reading": lambda folder: reading.run_csv(folder, rows=2_000, rounds=1, say=silent),
    "xlsx": lambda folder: reading.run_xlsx(folder, rows=300, rounds=1, say=silent),
    "reloading": lambda folder: reloading.run(
        folder, sizes=(2_000,), day_rows=500, rounds=2, say=silent
    ),
    "nightly": lambda folder: nightly.run(
        folder, sizes=(1_500, 2_000), day_rows=500, rounds=1, say=silent, whole=False
    ),
    "marts": lambda folder: marts.run(folder, rows=3_000, rounds=1, say=silent),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.rehearsal] if name in ("nightly", "marts") else [])
        for name in BENCHMARKS
    ],
)
def test_a_benchmark_runs_and_its_sides_agree(name: str, tmp_path: Path) -> None:
    """A side that fails, or brings other rows, raises; the bounds mean nothing at this size."""
    BENCHMARKS[name](tmp_path)


@pytest.mark.rehearsal
def test_a_nightly_is_measured_as_a_flow_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nightly.run(tmp_path, sizes=(1_500, 2_000), day_rows=500, rounds=1, say=silent)
    assert "the whole process: CPU at 2,000 rows" in capsys.readouterr().out


def test_sides_that_bring_other_rows_are_told_apart() -> None:
    with pytest.raises(SideFailed, match="b differs from a in text"):
        same_results({"a": {"rows": 1, "text": "5"}, "b": {"rows": 1, "text": "6"}})
    with pytest.raises(SideFailed, match="a has no rows"):
        same_results({"a": {"rows": 0}, "b": {"rows": 0}})


def test_a_side_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(SideFailed, match="plain_duckdb ended with 1"):
        run_side("plain_duckdb", "copy", tmp_path / "x.parquet", tmp_path / "no-such.csv")


MEASURED = """
import json, sys
from benchmarks.measure import run_side
measured = run_side("invented", "csv", sys.argv[1], "--rows", sys.argv[2])
print(json.dumps([measured.cpu_seconds, measured.peak_bytes]))
"""


def test_cpu_and_memory_of_a_side_are_its_own(tmp_path: Path) -> None:
    """The figures come from the kernel: a side that does more has used more.

    Measured from a small process, as `make bench` does: a child's peak holds its parent's pages.
    """
    (few_cpu, few_bytes), (many_cpu, many_bytes) = (
        json.loads(
            subprocess.run(
                [sys.executable, "-c", MEASURED, str(tmp_path / f"{rows}.csv"), str(rows)],
                check=True,
                capture_output=True,
                cwd=PROJECT,
            ).stdout
        )
        for rows in (10, 300_000)
    )
    assert many_cpu > few_cpu > 0
    assert many_bytes > few_bytes > 10 * 1024**2
