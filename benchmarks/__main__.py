"""`python -m benchmarks`: what `make bench` runs."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import companies as companies_
from benchmarks import marts, nightly, pipeline, reading, reloading, scaleout, waiting
from benchmarks.measure import SideFailed
from benchmarks.table import console

app = typer.Typer(add_completion=False, no_args_is_help=True)
Rounds = Annotated[int, typer.Option(min=1, help="How often each side is run, in turns.")]


@app.command("pipeline")
def pipeline_command(
    rows: Annotated[int, typer.Option(help="In ten daily files.")] = 1_000_000,
    more_rows: Annotated[int, typer.Option(help="For the peak memory; 0: none.")] = 5_000_000,
    rounds: Rounds = 3,
    keep: Annotated[
        bool, typer.Option(help="Keep the result, and make docs/benchmarks.md anew.")
    ] = False,
    peers: Annotated[bool, typer.Option(help="Compare with more than plain DuckDB.")] = True,
) -> None:
    """Read → normalise → lake → load → publish, against plain DuckDB, polars, pandas and dlt."""
    with _surroundings() as folder:
        _end(
            pipeline.run(
                folder,
                rows=rows,
                more_rows=more_rows,
                rounds=rounds,
                say=_say,
                keep=keep,
                peers=peers,
            )
        )


@app.command("nightly")
def nightly_command(
    rows: Annotated[
        list[int] | None, typer.Option(help="In a warehouse, 100,000 a day; several times.")
    ] = None,
    rounds: Rounds = 3,
) -> None:
    """A night with a day of 100,000 rows in warehouses of different sizes (100M: 15 GB of disk)."""
    sizes = rows or [1_000_000, 10_000_000]
    with _surroundings() as folder:
        _end(nightly.run(folder, sizes=sizes, day_rows=100_000, rounds=rounds, say=_say))


@app.command("reading")
def reading_command(rows: int = 2_000_000, rounds: Rounds = 3) -> None:
    """A CSV export to typed Parquet, against DuckDB's own COPY."""
    with _surroundings() as folder:
        _end(reading.run_csv(folder, rows=rows, rounds=rounds, say=_say))


@app.command("xlsx")
def xlsx_command(rows: int = 200_000, rounds: Rounds = 3) -> None:
    """A spreadsheet, against raw calamine."""
    with _surroundings() as folder:
        _end(reading.run_xlsx(folder, rows=rows, rounds=rounds, say=_say))


@app.command("reloading")
def reloading_command(
    rows: Annotated[int, typer.Option(help="In the smaller warehouse.")] = 1_000_000,
    more_rows: Annotated[int, typer.Option(help="In the larger warehouse.")] = 10_000_000,
    day_rows: Annotated[int, typer.Option(help="In the day that is loaded again.")] = 100_000,
    rounds: Rounds = 3,
) -> None:
    """One day loaded again into a small and a large warehouse."""
    with _surroundings() as folder:
        sizes = (rows, more_rows)
        _end(reloading.run(folder, sizes=sizes, day_rows=day_rows, rounds=rounds, say=_say))


@app.command("waiting")
def waiting_command(
    days: int = 60,
    export_seconds: float = 3.0,
    at_once: int = 8,
    messages_per_day: int = 400,
) -> None:
    """A backfill of two datasets on a real Prefect server, against start and wait alone."""
    with _surroundings() as folder:
        _end(
            waiting.run(
                folder,
                days=days,
                export_seconds=export_seconds,
                at_once=at_once,
                messages_per_day=messages_per_day,
                say=_say,
            )
        )


@app.command("companies")
def companies_command(
    companies: int = 10, days: int = 10, export_seconds: float = 20.0, at_once: int = 4
) -> None:
    """Ten companies at once on one server, the slowest against one of them alone."""
    with _surroundings() as folder:
        _end(
            companies_.run(
                folder,
                companies=companies,
                days=days,
                export_seconds=export_seconds,
                at_once=at_once,
                say=_say,
            )
        )


@app.command("scaleout")
def scaleout_command(
    days: int = 200, export_seconds: float = 30.0, messages_per_day: int = 100
) -> None:
    """Three workers of a Dask cluster with 48 exports at once, against one process with 16."""
    with _surroundings() as folder:
        _end(
            scaleout.run(
                folder,
                days=days,
                export_seconds=export_seconds,
                messages_per_day=messages_per_day,
                say=_say,
            )
        )


@app.command("days")
def days_command(
    days: int = 1000, export_seconds: float = 3.0, at_once: int = 16, messages_per_day: int = 100
) -> None:
    """A long backfill: what Prefect and we add to the least that waiting takes; seven minutes."""
    with _surroundings() as folder:
        _end(
            waiting.run(
                folder,
                days=days,
                export_seconds=export_seconds,
                at_once=at_once,
                messages_per_day=messages_per_day,
                say=_say,
                bound=1.1,
            )
        )


@app.command("marts")
def marts_command(
    rows: Annotated[int, typer.Option(help="In the warehouse, 100,000 a day.")] = 10_000_000,
    rounds: Rounds = 3,
) -> None:
    """Every mart against the plainest SQL, the daily report, the dashboard's first picture."""
    with _surroundings() as folder:
        _end(marts.run(folder, rows=rows, rounds=rounds, say=_say))


@app.command("all")
def all_command(rounds: Rounds = 3) -> None:
    """Every benchmark at its full size; about ten minutes."""
    with _surroundings() as folder:
        held = [
            pipeline.run(
                _part(folder, "pipeline"),
                rows=1_000_000,
                more_rows=5_000_000,
                rounds=rounds,
                say=_say,
            ),
            reading.run_csv(_part(folder, "csv"), rows=2_000_000, rounds=rounds, say=_say),
            reading.run_xlsx(_part(folder, "xlsx"), rows=200_000, rounds=rounds, say=_say),
            reloading.run(
                _part(folder, "reloading"),
                sizes=(1_000_000, 10_000_000),
                day_rows=100_000,
                rounds=rounds,
                say=_say,
            ),
            waiting.run(
                _part(folder, "waiting"),
                days=60,
                export_seconds=3.0,
                at_once=8,
                messages_per_day=400,
                say=_say,
            ),
            companies_.run(
                _part(folder, "companies"),
                companies=10,
                days=10,
                export_seconds=20.0,
                at_once=4,
                say=_say,
            ),
            marts.run(_part(folder, "marts"), rows=10_000_000, rounds=rounds, say=_say),
        ]
        _end(all(held))


def _part(folder: Path, name: str) -> Path:
    """A folder for one benchmark; those before it are removed, so that the disk stays free."""
    for other in folder.iterdir():
        shutil.rmtree(other, ignore_errors=True)
    part = folder / name
    part.mkdir()
    return part


@contextmanager
def _surroundings() -> Iterator[Path]:
    """A folder for the time of the block, and a line about the machine."""
    names = ("duckdb", "pyarrow", "pandas")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    console.print(
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}",
        highlight=False,
    )
    folder = Path(tempfile.mkdtemp(prefix="smartconnect-bench-"))
    try:
        yield folder
    except SideFailed as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(2) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _say(line: str) -> None:
    console.print(f"  … {line}", style="dim", highlight=False)


def _end(held: bool) -> None:
    if not held:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
