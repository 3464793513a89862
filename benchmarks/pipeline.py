"""CSV → normalise → lake → load → publish, against plain scripts and dlt's Arrow path.

The plain ones are of DuckDB (the limit), polars and pandas.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks import results
from benchmarks.measure import Measured, Side, interleave, run_side, same_results
from benchmarks.table import MIB, console, judge, ratios, show_sides

DAYS = 10
CPU_TO_DUCKDB = 1.25
PEAK_MIB = 400.0
PARTS = "*/*.parquet"


def run(
    folder: Path,
    *,
    rows: int,
    more_rows: int,
    rounds: int,
    say: Callable[[str], None],
    keep: bool = False,
    peers: bool = True,
) -> bool:
    """Compare the sides on `rows` rows; show our peak memory at `more_rows` as well.

    Without `peers`, against plain DuckDB alone. With `keep`, what was measured is kept, and
    docs/benchmarks.md made anew from all that is.

    Returns:
        Whether every bound holds.
    """
    files = _exports(folder / "exports", rows, say)
    ours = _side("ours", folder, "ours", "pipeline", "{}", *files)
    duckdb = _side("plain DuckDB", folder, "plain_duckdb", "load", "{}", *files)
    frames = [
        _side(f"plain {name}", folder, "plain_frames", name, "{}", *files)
        for name in ("polars", "pandas")
    ]
    sides = [duckdb, ours, *(frames if peers else ())]
    dlt = [
        _side("dlt, the table alone", folder, "dlt_arrow", "{}", *files),
        _side("dlt, Parquet too", folder, "dlt_arrow", "--parquet", "{}", *files),
    ]
    if not peers:
        pass
    elif find_spec("dlt") is not None:
        sides += dlt
    else:
        console.print("[red]dlt is not installed, so it is not compared: `make bench` does.[/]")
    interleave(sides, rounds, say)
    _check(folder, [side.name for side in sides])
    show_sides(f"{rows:,} rows in {DAYS} daily CSV files, {_mib(files)} MiB", sides, duckdb)
    if keep:
        title = f"{rows:,} rows in {DAYS} daily CSV files"
        results.keep(f"pipeline-{rows}", title, sides, duckdb, float(_mib(files)))
        results.write_page()
    held = [judge("CPU ÷ plain DuckDB, median", median(ratios(ours, duckdb)), CPU_TO_DUCKDB)]
    for side in dlt:
        if side.runs:
            held.append(judge(f"CPU ÷ {side.name}, median", median(ratios(ours, side)), 1.0))
    peaks = {rows: max(run.peak_bytes for run in ours.runs)}
    if more_rows:
        shutil.rmtree(folder / "exports")
        files = _exports(folder / "exports", more_rows, say)
        say(f"ours on {more_rows:,} rows")
        peaks[more_rows] = _side("more", folder, "ours", "pipeline", "{}", *files).run().peak_bytes
    for count, peak in peaks.items():
        held.append(judge(f"peak memory at {count:,} rows", peak / MIB, PEAK_MIB, " MiB"))
    return all(held)


def _exports(folder: Path, rows: int, say: Callable[[str], None]) -> list[Path]:
    say(f"inventing {rows:,} rows")
    run_side("invented", "days", folder, "--days", DAYS, "--rows", rows // DAYS)
    return sorted(folder.iterdir())


def _side(name: str, folder: Path, module: str, *arguments: object) -> Side:
    """A side that fills a new folder of its name, which stands for `{}` in the arguments."""

    def work() -> Measured:
        target = folder / name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        return run_side(module, *(target if each == "{}" else each for each in arguments))

    return Side(name, work)


def _check(folder: Path, names: list[str]) -> None:
    """Every table and Parquet tree has the same rows, column by column."""
    results = {}
    for name in names:
        database = folder / name / "warehouse.duckdb"
        parquet = folder / name / "parquet"
        if name == "ours":
            current = (folder / name / "current").resolve()
            database, parquet = current / "warehouse.duckdb", current / "parquet" / "chats"
        results[f"{name}: table"] = run_side("fingerprint", "table", database).told
        if parquet.exists():
            results[f"{name}: Parquet"] = run_side("fingerprint", "parquet", parquet / PARTS).told
    same_results(results)
    console.print(f"  same rows, same checksum of every column: {', '.join(results)}")


def _mib(files: list[Path]) -> str:
    return f"{sum(path.stat().st_size for path in files) / MIB:.0f}"
