"""`status`: what readers see now, day by day, in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from flows.completeness import (
    MONTHS_SHOWN,
    STYLES,
    SYMBOLS,
    DatasetDays,
    State,
    cures,
    told_by,
)
from flows.errors import FlowError
from flows.personal import data_directory
from flows.settings import companies, load_settings, selected_company
from flows.showing import kept_releases, shown_directory
from flows.space import disk_lines
from warehouse.completeness import DAY_FACTS_SQL, day_facts
from warehouse.errors import WarehouseError
from warehouse.published import current_release, number_of
from warehouse.reading import query_release
from warehouse.space import disk_use


def show_status(console: Console, *, every_month: bool = False) -> int:
    """Print the current release and each dataset's calendar; 1 if nothing is published.

    Of all companies, one after the other, where there are several and none is chosen.
    """
    keys, codes = [] if selected_company() else companies(), []
    for key in keys:
        console.print(f"\n[bold]{key}[/bold]", highlight=False)
        codes.append(_show_company(console, key, every_month=every_month))
    return max(codes) if codes else _show_company(console, None, every_month=every_month)


def _show_company(console: Console, key: str | None, *, every_month: bool) -> int:
    try:
        settings = load_settings(key)
        layout = data_directory(settings)
        shown = shown_directory(settings, layout)
        release = current_release(shown)
        if release is None:
            console.print(
                f"Nothing is published in {layout.root} yet: run a nightly or a backfill.",
                markup=False,
            )
            return 1
        answer = query_release(shown, DAY_FACTS_SQL)
        use = disk_use(layout)
        kept = ", ".join(map(str, kept_releases(settings, layout)))
    except (WarehouseError, FlowError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    where = "on the object store" if settings.data_store is not None else "kept"
    console.print(f"Release {number_of(release)} at {release.path} ({where}: {kept})", markup=False)
    told = told_by(settings, day_facts(answer.rows))
    for days in told:
        _show_days(console, days, every_month=every_month)
    if told:
        console.print(_legend())
    for days in told:
        for line in cures(days):
            console.print(line, markup=False, highlight=False)
    for line in disk_lines(use):
        console.print(line, markup=False, highlight=False)
    return 0


def _show_days(console: Console, days: DatasetDays, *, every_month: bool) -> None:
    counted = ", ".join(f"{count:,} {state}" for state, count in days.counts().items())
    console.print(f"\n[bold]{days.dataset}[/bold]: {counted}", highlight=False)
    console.print("         " + "".join(str(n % 10) for n in range(1, 32)), style="dim")
    for month, states in days.months(None if every_month else MONTHS_SHOWN):
        line = Text(f"{month}  ")
        for state in states:
            line.append(SYMBOLS[state] if state else " ", STYLES[state] if state else "")
        console.print(line)


def _legend() -> Text:
    line = Text("\n")
    for state in State:
        line.append(f"{SYMBOLS[state]} ", STYLES[state]).append(f"{state}  ")
    return line
