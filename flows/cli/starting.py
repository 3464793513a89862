"""What is started: the demo, everything for real, the sandbox, the servers in the foreground."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.terminal import (
    SANDBOX_DIR,
    Sandbox,
    console,
    failing_in_a_sentence,
    use_sandbox_data,
)


def demo(
    days: Annotated[int, typer.Option(min=1, max=366, help="How many past days.")] = 14,
    data_dir: Annotated[Path, typer.Option(help="Where to.")] = Path(SANDBOX_DIR),
) -> None:
    """The nightly job against the sandbox: real HTTP, files, Prefect and DuckDB, invented data."""
    from flows.demo import run_demo  # noqa: PLC0415

    with failing_in_a_sentence():
        code = run_demo(days, data_dir, console)
    raise typer.Exit(code)


def up(
    sandbox: Sandbox = False,
    port: Annotated[int, typer.Option(help="Of Prefect's server and UI.")] = 4200,
    host: Annotated[
        str,
        typer.Option(help="Where they listen; beyond this machine only with a UI password."),
    ] = "127.0.0.1",
) -> None:
    """Everything for real use on this host, in the foreground: server, worker, deployments.

    Ctrl-C stops all of it. With --sandbox, the sandbox too.
    """
    from flows.up import run_up  # noqa: PLC0415

    with failing_in_a_sentence():
        code = run_up(sandbox=sandbox, port=port, host=host)
    raise typer.Exit(code)


def worker(
    name: Annotated[
        str | None, typer.Option(help="Its name, where two run at once; the machine's without it.")
    ] = None,
    deploy: Annotated[
        bool, typer.Option(help="Apply prefect.yaml, which one of several machines does.")
    ] = True,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Flows that it runs at once; any number without it.")
    ] = None,
) -> None:
    """A worker of this machine: waits for Prefect's server, applies prefect.yaml, takes runs."""
    from flows.up import become_worker  # noqa: PLC0415

    become_worker(name, deploying=deploy, limit=limit)


def sandbox(context: typer.Context) -> None:
    """SmartConnect on this machine, over real HTTP. `smartconnect sandbox --help` tells more."""
    os.execv(sys.executable, [sys.executable, "-m", "sandbox", *context.args])  # noqa: S606


def doctor(
    wait_seconds: Annotated[
        float, typer.Option(min=1, help="How long an export is waited for.")
    ] = 600.0,
) -> None:
    """What works with this token: network, every operation, what exports are like; and the
    settings that follow from it. Nobody is written to, nothing is kept.
    """
    from flows.doctor import run_doctor  # noqa: PLC0415

    raise typer.Exit(run_doctor(console, wait_seconds=wait_seconds))


def callbacks(sandbox: Sandbox = False) -> None:
    """Receive SmartConnect's callbacks, in the foreground; `up` starts it too.

    A message is acknowledged once it is on the disk; the flow ingest-callbacks loads it.
    """
    use_sandbox_data(sandbox)
    from flows.receiving import run_callbacks  # noqa: PLC0415

    with failing_in_a_sentence(OSError):
        run_callbacks(console)


def dashboard(
    sandbox: Sandbox = False,
    host: Annotated[
        str | None, typer.Option(help="Where it listens; beyond this machine with a password.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in this machine's browser.")
    ] = True,
) -> None:
    """The figures in a browser: charts, tables and the threads behind each number.

    It shows what is published, a new release without a restart. Ctrl-C stops it.
    """
    use_sandbox_data(sandbox)
    from flows.viewing import run_dashboard  # noqa: PLC0415

    with failing_in_a_sentence(OSError):
        run_dashboard(console, host=host, port=port, open_browser=open_browser)
