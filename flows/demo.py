"""`smartconnect demo`: sandbox, Prefect's server and the nightly flow, shown in a terminal."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from flows.servers import PREFECT_ENVIRONMENT, running_prefect, running_sandbox_process
from flows.summary import RunReport
from warehouse.layout import DataDirectory

SANDBOX_TOKEN = "sandbox-token"  # noqa: S105  (opens invented data alone)
QUERIES = {
    "Messages a day": """
        SELECT date, count(*) AS messages, count(DISTINCT chat_id) AS chats
        FROM chats GROUP BY date ORDER BY date""",
    "Channels": """
        SELECT channel, count(*) FILTER (direction = 'in') AS received,
               count(*) FILTER (direction = 'out') AS sent
        FROM chats GROUP BY channel ORDER BY received DESC""",
    "What was loaded": """
        SELECT dataset, count(*) AS days, sum(rows) AS rows, max(window_day) AS last_day
        FROM meta.days GROUP BY dataset ORDER BY dataset""",
}


def sandbox_environment(base_url: str, data_dir: Path) -> dict[str, str]:
    """What points a run at the sandbox and at nothing else."""
    return {
        "SMARTCONNECT_SANDBOX": "true",
        "SMARTCONNECT_TOKEN": SANDBOX_TOKEN,
        "SMARTCONNECT_BASE_URL": base_url,
        "SMARTCONNECT_PING_URL": "",  # invented data must not silence a real alarm
        "SMARTCONNECT_DATA_DIR": str(data_dir.resolve()),
    }


def run_demo(days: int, data_dir: Path, console: Console) -> int:
    """Run the nightly over the last `days` days; 0 if all of them are loaded.

    Raises:
        warehouse.errors.WarehouseError: the directory can't be used, or holds a company's data.
    """
    data_dir = data_dir.resolve()
    DataDirectory(data_dir).initialise("sandbox")
    with console.status("Starting the sandbox and Prefect's server …"):
        stack = running_sandbox_process(
            data_dir / "state" / "sandbox", "--token", SANDBOX_TOKEN, "--export-seconds", "0.5"
        )
        base_url = stack.__enter__()
    try:
        os.environ.update(sandbox_environment(base_url, data_dir))
        os.environ.update(PREFECT_ENVIRONMENT)
        with console.status("Starting Prefect's server …"):
            server = running_prefect(data_dir / "state" / "prefect")
            api = server.__enter__()
        try:
            os.environ.update(
                PREFECT_API_URL=api,
                PREFECT_HOME=str(data_dir / "state" / "prefect"),
                PREFECT_LOGGING_LEVEL="ERROR",
            )
            report = _nightly(days, console)
        finally:
            server.__exit__(None, None, None)
    finally:
        stack.__exit__(None, None, None)
    if report is None:
        return 1
    _tell(report, data_dir, console)
    _report(days, console)
    return 1 if report.failures else 0


def _nightly(days: int, console: Console) -> RunReport | None:
    """Run the flow in this process, following it with a bar."""
    from flows.nightly import nightly  # noqa: PLC0415  (Prefect reads its settings at import)
    from flows.reporting import listen  # noqa: PLC0415

    told: list[RunReport] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(f"nightly, the last {days} days", total=None)

        def follow(done: int, total: int, report: RunReport | None) -> None:
            bar.update(task, completed=done, total=total)
            if report is not None:
                told.append(report)

        listen(follow)
        try:
            asyncio.run(nightly(lookback_days=days))
        except Exception as error:  # noqa: BLE001  (the flow has said it all; a person wants one line)
            if not told:
                console.print(f"The run failed: {error}", style="red", markup=False)
    return told[-1] if told else None


def _tell(report: RunReport, data_dir: Path, console: Console) -> None:
    from warehouse.reading import query_release  # noqa: PLC0415

    console.print()
    console.print(report.table())
    for line in [*report.lines(), report.place()]:
        console.print(line, markup=False, highlight=False)
    layout = DataDirectory(data_dir)
    console.print(f"\nResults: {layout.current}", markup=False, highlight=False)
    console.print("  warehouse.duckdb       duckdb -readonly, or any client from DuckDB 1.1 on")
    console.print("  parquet/<dataset>/     DuckDB, pandas, pyarrow, polars\n")
    for title, sql in QUERIES.items():
        answer = query_release(layout, sql)
        table = Table(
            title=title, title_justify="left", caption=_one_line(sql), caption_justify="left"
        )
        for name in answer.columns:
            table.add_column(name)
        for row in answer.rows:
            table.add_row(*(str(value) for value in row))
        console.print(table)


def _report(days: int, console: Console) -> None:
    """Make the report of the last seven of these days, and say where it is."""
    from flows.reportdays import period_between  # noqa: PLC0415  (charts take a moment to import)
    from flows.reportmaking import make_report  # noqa: PLC0415
    from flows.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    today = settings.today().date()
    period = period_between(today - timedelta(days=min(days, 7)), None, today)
    with console.status("Making the report …"):
        made = make_report(settings, period, settings.report_language)
    console.print()
    console.print(made.text, markup=False, highlight=False)
    console.print(f"\nReport: {made.files.page}", markup=False, highlight=False, soft_wrap=True)


def _one_line(sql: str) -> str:
    return " ".join(sql.split())
