"""One large export → typed Parquet, every check on, against DuckDB's own COPY and raw calamine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.measure import Measured, Side, interleave, run_side, same_results
from benchmarks.table import MIB, console, judge, ratios, show_sides

CPU_TO_COPY = 1.5
CPU_TO_COPY_CP1251 = 1.8
PEAK_MIB = 400.0
CPU_TO_CALAMINE = 3.0
ENDING = " пожалуйста"  # makes it 195 bytes a row, as exports with longer texts have


def run_csv(folder: Path, *, rows: int, rounds: int, say: Callable[[str], None]) -> bool:
    """UTF-8 with commas and cp1251 with semicolons; a quarter of the rows shows memory's growth.

    Returns:
        Whether every bound holds.
    """
    comma, semicolon = folder / "comma.csv", folder / "semicolon.csv"
    recoded, fewer = folder / "cp1251.csv", folder / "fewer.csv"
    say(f"inventing {rows:,} rows")
    _invent(comma, rows, ",")
    _invent(semicolon, rows, ";")
    run_side("invented", "recode", semicolon, "--to", recoded, "--encoding", "cp1251")
    _invent(fewer, rows // 4, ",")
    copy = _copy("DuckDB COPY, UTF-8", folder, comma, ",")
    copy_semicolon = _copy("DuckDB COPY, UTF-8 copy", folder, semicolon, ";")
    ours = _ours("ours, UTF-8", folder, comma)
    ours_cp1251 = _ours("ours, cp1251", folder, recoded)
    sides = [copy, ours, copy_semicolon, ours_cp1251]
    interleave(sides, rounds, say)
    results = {
        side.name: run_side("fingerprint", "parquet", _result(folder, side.name)).told
        for side in sides
    }
    same_results(results)
    console.print("  same rows, same checksum of every column in all four")
    size = comma.stat().st_size / MIB
    show_sides(f"{rows:,} rows, {size:.0f} MiB of CSV → typed Parquet", sides, copy)
    small = _ours("fewer", folder, fewer).run().peak_bytes / MIB
    large = max(run.peak_bytes for side in (ours, ours_cp1251) for run in side.runs) / MIB
    return all(
        [
            judge("UTF-8: CPU ÷ COPY, median", median(ratios(ours, copy)), CPU_TO_COPY),
            judge(
                "cp1251: CPU ÷ COPY of a UTF-8 copy, median",
                median(ratios(ours_cp1251, copy_semicolon)),
                CPU_TO_COPY_CP1251,
            ),
            judge(f"peak memory at {rows // 4:,} rows", small, PEAK_MIB, " MiB"),
            judge(f"peak memory at {rows:,} rows", large, PEAK_MIB, " MiB"),
        ]
    )


def run_xlsx(folder: Path, *, rows: int, rounds: int, say: Callable[[str], None]) -> bool:
    """A workbook of ten columns, read alone and made into typed Parquet.

    Returns:
        Whether the bound holds.
    """
    workbook = folder / "export.xlsx"
    say(f"inventing a workbook of {rows:,} rows")
    run_side("invented", "xlsx", workbook, "--rows", rows)
    raw = Side("raw calamine", lambda: run_side("raw_calamine", workbook))
    read = Side("ours, read", lambda: run_side("ours", "open", folder, workbook))
    typed = _ours("ours, typed Parquet", folder, workbook)
    sides = [raw, read, typed]
    interleave(sides, rounds, say)
    same_results({side.name: {"rows": side.runs[-1].told.get("rows")} for side in sides})
    show_sides(f"XLSX, {rows:,} rows × 10 cells", sides, raw)
    return judge("CPU ÷ raw calamine, median", median(ratios(read, raw)), CPU_TO_CALAMINE)


def _invent(path: Path, rows: int, delimiter: str) -> None:
    options = ("--rows", rows, "--delimiter", delimiter, "--ending", ENDING)
    run_side("invented", "csv", path, *options)


def _result(folder: Path, name: str) -> Path:
    """Where a side leaves its one Parquet file."""
    if name.startswith("DuckDB"):
        return folder / f"{name}.parquet"
    return folder / name / "lake/chats/window_day=2026-02-01/load-2026-02-01.parquet"


def _copy(name: str, folder: Path, source: Path, delimiter: str) -> Side:
    target = _result(folder, name)
    arguments = ("copy", target, source, "--delimiter", delimiter)
    return Side(name, lambda: run_side("plain_duckdb", *arguments))


def _ours(name: str, folder: Path, source: Path) -> Side:
    def work() -> Measured:
        shutil.rmtree(folder / name, ignore_errors=True)
        return run_side("ours", "reading", folder / name, source)

    return Side(name, work)
