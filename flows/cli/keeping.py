"""What is kept: looked at, gone back in, made anew, erased, copied, and brought elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.terminal import Sandbox, console, use_sandbox_data


def inspect(
    file: Annotated[Path, typer.Argument(help="Any export file.", exists=True, dir_okay=False)],
    dataset: Annotated[
        str | None, typer.Option(help="chats, statistics or users; found out if empty.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="A mapping file; the one of the settings if empty.")
    ] = None,
    lines: Annotated[int, typer.Option(min=0, help="How many rejected records to list.")] = 10,
) -> None:
    """How a file is understood: format, columns, dates, what is rejected. No run, no token.

    Proposes lines for the mapping file for what it doesn't know. Personal values are masked.
    """
    from flows.inspect import show_inspection  # noqa: PLC0415

    raise typer.Exit(show_inspection(console, file, dataset, mapping, lines))


def status(
    sandbox: Sandbox = False,
    every_month: Annotated[bool, typer.Option("--all", help="Every month, not only 13.")] = False,
) -> None:
    """What readers see now: the release, and each dataset's calendar of days: loaded, missing,
    held, empty, stale, quarantined, late.
    """
    use_sandbox_data(sandbox)
    from flows.status import show_status  # noqa: PLC0415

    raise typer.Exit(show_status(console, every_month=every_month))


def rollback(
    sandbox: Sandbox = False,
    to: Annotated[
        int | None, typer.Option(help="A release's number; the one before if empty.")
    ] = None,
    hold: Annotated[
        bool, typer.Option(help="Stay there: later runs build, but don't publish.")
    ] = False,
) -> None:
    """Point readers at an earlier release; the next run that loads something moves on again.

    Where machines share an object store: at one of its releases, for all of them.
    """
    use_sandbox_data(sandbox)
    from flows.rollback import roll_back  # noqa: PLC0415

    raise typer.Exit(roll_back(console, to, hold=hold))


def rebuild(sandbox: Sandbox = False) -> None:
    """Make lake, database and release anew from raw/, without asking the vendor; no token needed.

    Readers are not disturbed, other runs wait. A failure leaves everything as it was.
    """
    use_sandbox_data(sandbox)
    from flows.rebuild import run_rebuild  # noqa: PLC0415

    raise typer.Exit(run_rebuild(console))


def erase(
    sandbox: Sandbox = False,
    file: Annotated[
        Path | None, typer.Option(help="Who: `phone: …`, `name: …`, `thread: …`, one a line.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask after showing the counts.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Nobody new: everyone on the list, after a restore.")
    ] = False,
) -> None:
    """Remove a client from everything that is kept, for good, and keep them out from now on.

    Who it is comes from a prompt or a file, never from the command line. What was cut off is
    finished by running it again, with nobody named.
    """
    use_sandbox_data(sandbox)
    from flows.erase import run_erase  # noqa: PLC0415

    raise typer.Exit(run_erase(console, file, yes=yes, again=again))


def backup(
    target: Annotated[Path, typer.Argument(help="A directory on another disk; kept up to date.")],
    sandbox: Sandbox = False,
) -> None:
    """Copy what can't be made again, while runs go on; a second time, only what is new."""
    use_sandbox_data(sandbox)
    from flows.backup import run_backup  # noqa: PLC0415

    raise typer.Exit(run_backup(console, target))


def restore(
    source: Annotated[Path, typer.Argument(help="A backup.", exists=True, file_okay=False)],
    sandbox: Sandbox = False,
) -> None:
    """Fill an empty data directory from a backup, and publish it."""
    use_sandbox_data(sandbox)
    from flows.backup import run_restore  # noqa: PLC0415

    raise typer.Exit(run_restore(console, source))


def pull(
    to: Annotated[Path, typer.Option(help="A folder, which is made.")] = Path("pulled"),
    parquet: Annotated[bool, typer.Option("--parquet", help="The Parquet files, too.")] = False,
    sandbox: Sandbox = False,
) -> None:
    """Bring the release that the object store shows to this machine, if it is a newer one.

    Then `duckdb -readonly pulled/current/warehouse.duckdb`. No token is needed.
    """
    use_sandbox_data(sandbox)
    from flows.mirroring import run_pull  # noqa: PLC0415

    raise typer.Exit(run_pull(console, to, parquet=parquet))


def push(
    sandbox: Sandbox = False,
    take_over: Annotated[
        bool,
        typer.Option("--take-over", help="Though another data directory published there before."),
    ] = False,
) -> None:
    """Mirror the current release to the object store; every run does so after publishing."""
    use_sandbox_data(sandbox)
    from flows.mirroring import run_push  # noqa: PLC0415

    raise typer.Exit(run_push(console, take_over=take_over))
