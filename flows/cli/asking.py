"""What a person asks for: an extract, a message sent, a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.terminal import Sandbox, console, use_sandbox_data


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
