"""What a server or a host is set up with: automations, deployments, companies, the key."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.terminal import console


def automations() -> None:
    """Install what tells of runs that failed, crashed, are late or overdue, on the Prefect server
    of PREFECT_API_URL; `up` does it too. What somebody disabled stays disabled.
    """
    from flows.automationcommand import run_automations  # noqa: PLC0415

    raise typer.Exit(run_automations(console))


def deploy() -> None:
    """Deploy all flows and automations to the Prefect server of PREFECT_API_URL; `up` does it too.

    Each company's has its own; those of companies that are gone are paused.
    """
    from flows.deploycommand import run_deploy  # noqa: PLC0415

    raise typer.Exit(run_deploy(console))


def companies(
    sql: Annotated[
        bool, typer.Option("--sql", help="Print a script for `duckdb -init`: all as one database.")
    ] = False,
) -> None:
    """All companies: the last nightly, the release, the days that are missing."""
    from flows.companies import show_companies, show_sql  # noqa: PLC0415

    raise typer.Exit(show_sql(console) if sql else show_companies(console))


def personal_key(
    rotate: Annotated[bool, typer.Option(help="Add a version; the older ones stay.")] = False,
) -> None:
    """Make the key for pseudonyms and erasure, in the file that the settings name."""
    from flows.personal import make_key  # noqa: PLC0415

    raise typer.Exit(make_key(console, rotate=rotate))
