"""`status` and `rollback`: what readers see now, in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from flows.errors import FlowError
from flows.personal import data_directory
from flows.settings import load_settings
from warehouse.errors import WarehouseError
from warehouse.layout import DataDirectory
from warehouse.reading import query_release
from warehouse.releases import current_release, releases, rollback

_DAYS = """
    SELECT dataset, count(*) AS days, min(window_day) AS first_day, max(window_day) AS last_day,
           sum(rows) AS rows, max(observed_at) AS last_seen
    FROM meta.days GROUP BY dataset ORDER BY dataset
"""


def _layout() -> DataDirectory:
    return data_directory(load_settings())


def show_status(console: Console) -> int:
    """Print the current release and its datasets; 1 if nothing is published."""
    try:
        layout = _layout()
        release = current_release(layout)
        if release is None:
            console.print(
                f"Nothing is published in {layout.root} yet: run a nightly or a backfill.",
                markup=False,
            )
            return 1
        answer = query_release(layout, _DAYS)
    except (WarehouseError, FlowError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    kept = ", ".join(str(kept.number) for kept in releases(layout))
    console.print(f"Release {release.number} at {release.path} (kept: {kept})", markup=False)
    table = Table()
    for name in answer.columns:
        table.add_column(name)
    for row in answer.rows:
        table.add_row(*(str(value) for value in row))
    console.print(table)
    return 0


def roll_back(console: Console, to: int | None, *, hold: bool) -> int:
    """Swap `current` to an earlier release."""
    try:
        release = rollback(_layout(), to, hold=hold)
    except (WarehouseError, FlowError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    stays = (
        "until you release the hold with a rollback to the newest"
        if hold
        else ("until the next run that loads something")
    )
    console.print(f"Readers see release {release.number}, {stays}.", markup=False)
    return 0
