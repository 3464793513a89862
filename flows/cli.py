"""`smartconnect`: the one command line. Each subcommand is a few lines; the work is elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    name="smartconnect",
    help="SmartConnect's chats, statistics and users as Parquet and DuckDB. "
    "Begin with `smartconnect demo`; run it for real with `smartconnect up`.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
console = Console()
Sandbox = Annotated[
    bool, typer.Option("--sandbox", help="The sandbox's invented data, in data-sandbox/.")
]
SANDBOX_DIR = "data-sandbox"


def fail(sentence: str, code: int = 1) -> typer.Exit:
    """Say what is wrong in one sentence, on standard error."""
    Console(stderr=True).print(sentence, style="red", highlight=False, markup=False)
    return typer.Exit(code)


@app.callback()
def choose(
    company: Annotated[
        str | None,
        typer.Option(help="The key of one of several companies: companies/<key>.env."),
    ] = None,
) -> None:
    """SmartConnect's chats, statistics and users as Parquet and DuckDB."""
    if company is not None:
        os.environ["SMARTCONNECT_COMPANY"] = company


def use_sandbox_data(enabled: bool) -> None:
    """Point this process at the sandbox's data directory, and at nothing else."""
    if enabled and os.environ.get("SMARTCONNECT_COMPANY"):
        raise fail("--sandbox is invented data, which is no company's: leave one of both out.")
    if enabled:
        os.environ["SMARTCONNECT_SANDBOX"] = "true"
        os.environ["SMARTCONNECT_DATA_DIR"] = SANDBOX_DIR


@app.command()
def demo(
    days: Annotated[int, typer.Option(min=1, max=366, help="How many past days.")] = 14,
    data_dir: Annotated[Path, typer.Option(help="Where to.")] = Path(SANDBOX_DIR),
) -> None:
    """The nightly job against the sandbox: real HTTP, files, Prefect and DuckDB, invented data."""
    from flows.demo import run_demo  # noqa: PLC0415  (Prefect reads its settings at import)
    from flows.errors import FlowError  # noqa: PLC0415
    from warehouse.errors import WarehouseError  # noqa: PLC0415

    try:
        code = run_demo(days, data_dir, console)
    except (FlowError, WarehouseError) as error:
        raise fail(str(error)) from None
    raise typer.Exit(code)


@app.command()
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
    from flows.errors import FlowError  # noqa: PLC0415
    from flows.up import run_up  # noqa: PLC0415
    from warehouse.errors import WarehouseError  # noqa: PLC0415

    try:
        code = run_up(sandbox=sandbox, port=port, host=host)
    except (FlowError, WarehouseError) as error:
        raise fail(str(error)) from None
    raise typer.Exit(code)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def sandbox(context: typer.Context) -> None:
    """SmartConnect on this machine, over real HTTP. `smartconnect sandbox --help` tells more."""
    os.execv(sys.executable, [sys.executable, "-m", "sandbox", *context.args])  # noqa: S606


@app.command()
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


@app.command()
def callbacks(sandbox: Sandbox = False) -> None:
    """Receive SmartConnect's callbacks, in the foreground; `up` starts it too.

    A message is acknowledged once it is on the disk; the flow ingest-callbacks loads it.
    """
    use_sandbox_data(sandbox)
    from flows.errors import FlowError  # noqa: PLC0415
    from flows.receiving import run_callbacks  # noqa: PLC0415
    from warehouse.errors import WarehouseError  # noqa: PLC0415

    try:
        run_callbacks(console)
    except (FlowError, WarehouseError, OSError) as error:
        raise fail(str(error)) from None


@app.command()
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
    from flows.errors import FlowError  # noqa: PLC0415
    from flows.viewing import run_dashboard  # noqa: PLC0415

    try:
        run_dashboard(console, host=host, port=port, open_browser=open_browser)
    except (FlowError, OSError) as error:
        raise fail(str(error)) from None


@app.command()
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
    from flows.inspect import show_inspection  # noqa: PLC0415  (only this needs the readers)

    raise typer.Exit(show_inspection(console, file, dataset, mapping, lines))


@app.command()
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


@app.command()
def rollback(
    sandbox: Sandbox = False,
    to: Annotated[
        int | None, typer.Option(help="A release's number; the one before if empty.")
    ] = None,
    hold: Annotated[
        bool, typer.Option(help="Stay there: later runs build, but don't publish.")
    ] = False,
) -> None:
    """Point readers at an earlier release; the next run that loads something moves on again."""
    use_sandbox_data(sandbox)
    from flows.status import roll_back  # noqa: PLC0415

    raise typer.Exit(roll_back(console, to, hold=hold))


@app.command()
def rebuild(sandbox: Sandbox = False) -> None:
    """Make lake, database and release anew from raw/, without asking the vendor; no token needed.

    Readers are not disturbed, other runs wait. A failure leaves everything as it was.
    """
    use_sandbox_data(sandbox)
    from flows.rebuild import run_rebuild  # noqa: PLC0415

    raise typer.Exit(run_rebuild(console))


@app.command()
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


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A directory on another disk; kept up to date.")],
    sandbox: Sandbox = False,
) -> None:
    """Copy what can't be made again, while runs go on; a second time, only what is new."""
    use_sandbox_data(sandbox)
    from flows.backup import run_backup  # noqa: PLC0415

    raise typer.Exit(run_backup(console, target))


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A backup.", exists=True, file_okay=False)],
    sandbox: Sandbox = False,
) -> None:
    """Fill an empty data directory from a backup, and publish it."""
    use_sandbox_data(sandbox)
    from flows.backup import run_restore  # noqa: PLC0415

    raise typer.Exit(run_restore(console, source))


@app.command()
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


@app.command()
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


@app.command()
def extract(
    name: Annotated[str, typer.Argument(help="Its folder in data/extracts: a-z, 0-9, - and _.")],
    date_from: Annotated[str, typer.Option("--from", help="First day, dd.mm.yyyy.")],
    date_to: Annotated[str, typer.Option("--to", help="Last day, dd.mm.yyyy.")],
    sandbox: Sandbox = False,
    uid: Annotated[int | None, typer.Option(help="Only this user's chats.")] = None,
    category: Annotated[int | None, typer.Option(help="Only this category.")] = None,
    client: Annotated[
        bool, typer.Option("--client", help="Only one client, whose name is asked for.")
    ] = False,
    client_file: Annotated[
        Path | None, typer.Option(help="Only one client: a file with their name alone.")
    ] = None,
    file_kind: Annotated[
        str, typer.Option("--for-a-person", help="csv, xlsx or none, beside Parquet.")
    ] = "csv",
) -> None:
    """A part of the chats (a user's, a category's, a client's) as files, beside the main tables.

    A client's name comes from a prompt or a file, never from the command line.
    """
    use_sandbox_data(sandbox)
    from flows.extractcommand import run_extract  # noqa: PLC0415

    who = typer.prompt("The client's name", hide_input=True) if client else None
    filters = {"uid": uid, "category": category}
    raise typer.Exit(
        run_extract(console, name, date_from, date_to, filters, who, client_file, file_kind)
    )


@app.command()
def send(
    account: Annotated[int, typer.Option(help="The channel account's id.")],
    text_file: Annotated[Path, typer.Option(help="The text, as UTF-8.")],
    sandbox: Sandbox = False,
    thread_file: Annotated[
        Path | None, typer.Option(help="The chat: a file with the thread_id alone; asked if empty.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Though it may have been sent: a person looked.")
    ] = False,
) -> None:
    """Send a message to a chat, at most once: what may have been sent is never sent by itself."""
    use_sandbox_data(sandbox)
    from flows.sending import run_send  # noqa: PLC0415

    thread = None if thread_file else typer.prompt("The chat (thread_id)", hide_input=True)
    raise typer.Exit(run_send(console, account, thread, thread_file, text_file, again=again))


@app.command()
def report(
    sandbox: Sandbox = False,
    day: Annotated[str | None, typer.Option(help="A day, dd.mm.yyyy.")] = None,
    week: Annotated[str | None, typer.Option(help="The week of a day, dd.mm.yyyy.")] = None,
    month: Annotated[str | None, typer.Option(help="The month of a day, dd.mm.yyyy.")] = None,
    date_from: Annotated[str | None, typer.Option("--from", help="First day, dd.mm.yyyy.")] = None,
    date_to: Annotated[str | None, typer.Option("--to", help="Last day, dd.mm.yyyy.")] = None,
    language: Annotated[str | None, typer.Option(help="ru or en.")] = None,
    send: Annotated[
        bool, typer.Option("--send", help="To whom the settings name, if it wasn't sent yet.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--send-again", help="Though it may have been sent: a person looked."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="A folder for its files in place of data/reports/….")
    ] = None,
) -> None:
    """A report as a page, a spreadsheet and pictures: yesterday's, if no period is named.

    It is made of what is loaded now, says which days aren't, and is sent only if asked to.
    """
    use_sandbox_data(sandbox)
    from flows.reportcommand import run_report_command  # noqa: PLC0415

    raise typer.Exit(
        run_report_command(
            console,
            days={"day": day, "week": week, "month": month},
            date_from=date_from,
            date_to=date_to,
            language=language,
            send=send,
            again=again,
            out=out,
        )
    )


@app.command()
def automations() -> None:
    """Install what tells of runs that failed, crashed, are late or overdue, on the Prefect server
    of PREFECT_API_URL; `up` does it too. What somebody disabled stays disabled.
    """
    from flows.automationcommand import run_automations  # noqa: PLC0415

    raise typer.Exit(run_automations(console))


@app.command()
def deploy() -> None:
    """Deploy all flows and automations to the Prefect server of PREFECT_API_URL; `up` does it too.

    Each company's has its own; those of companies that are gone are paused.
    """
    from flows.deploycommand import run_deploy  # noqa: PLC0415

    raise typer.Exit(run_deploy(console))


@app.command()
def companies(
    sql: Annotated[
        bool, typer.Option("--sql", help="Print a script for `duckdb -init`: all as one database.")
    ] = False,
) -> None:
    """All companies: the last nightly, the release, the days that are missing."""
    from flows.companies import show_companies, show_sql  # noqa: PLC0415

    raise typer.Exit(show_sql(console) if sql else show_companies(console))


@app.command("personal-key")
def personal_key(
    rotate: Annotated[bool, typer.Option(help="Add a version; the older ones stay.")] = False,
) -> None:
    """Make the key for pseudonyms and erasure, in the file that the settings name."""
    from flows.personal import make_key  # noqa: PLC0415

    raise typer.Exit(make_key(console, rotate=rotate))


@app.command(hidden=True)
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


if __name__ == "__main__":
    app()
