"""`python -m sandbox`, which is `smartconnect sandbox`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sandbox.options import FAULTS, ColumnChange, Fault, SandboxOptions
from sandbox.server import bound_socket, server

app = typer.Typer(add_completion=False)


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%d.%m.%Y").date()  # noqa: DTZ007
    except ValueError:
        raise typer.BadParameter("a date is written dd.mm.yyyy") from None


def _faults(texts: list[str]) -> tuple[Fault, ...]:
    try:
        return tuple(Fault.parse(text) for text in texts)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _column_changes(texts: list[str]) -> tuple[ColumnChange, ...]:
    try:
        return tuple(ColumnChange.parse(text) for text in texts)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _one_of(*words: str) -> object:
    def check(value: str) -> str:
        if value not in words:
            raise typer.BadParameter(f"use one of {', '.join(words)}")
        return value

    return check


def _told_faults(value: bool) -> None:
    if value:
        for name, meaning in FAULTS.items():
            Console().print(f"{name:24}{meaning}", highlight=False, markup=False)
        raise typer.Exit


@app.command()
def main(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8800,
    url_file: Annotated[Path | None, typer.Option(help="Write the base URL here.")] = None,
    token: Annotated[str, typer.Option(help="The company's token.")] = "sandbox-token",  # noqa: S107
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 1,
    messages_per_day: Annotated[int, typer.Option(help="On a working day, about.")] = 400,
    users_change: Annotated[bool, typer.Option(help="Operators come and go.")] = True,
    today: Annotated[str | None, typer.Option(help="The sandbox's date, dd.mm.yyyy.")] = None,
    time_zone: Annotated[str, typer.Option(help="The company's.")] = "Europe/Moscow",
    export_seconds: Annotated[float, typer.Option(help="How long an export takes.")] = 2.0,
    max_running: Annotated[int, typer.Option(help="Exports at once.")] = 8,
    over_limit: Annotated[
        str, typer.Option(help="queue or refuse.", callback=_one_of("queue", "refuse"))
    ] = "queue",
    format_: Annotated[
        str,
        typer.Option(
            "--format", help="csv, xlsx or json.", callback=_one_of("csv", "xlsx", "json")
        ),
    ] = "csv",
    delimiter: Annotated[str, typer.Option(help="; , or tab.")] = ";",
    encoding: Annotated[
        str, typer.Option(help="utf-8, utf-8-sig or cp1251 (where it can hold the text).")
    ] = "utf-8",
    wrap: Annotated[
        str, typer.Option(help="none, gzip or zip.", callback=_one_of("none", "gzip", "zip"))
    ] = "none",
    headers: Annotated[str, typer.Option(help="ru or en.", callback=_one_of("ru", "en"))] = "ru",
    selection: Annotated[
        str,
        typer.Option(
            help="Messages by their own date (message) or their thread's start (thread).",
            callback=_one_of("message", "thread"),
        ),
    ] = "message",
    date_to: Annotated[
        str,
        typer.Option(help="inclusive or exclusive.", callback=_one_of("inclusive", "exclusive")),
    ] = "inclusive",
    pending_status: Annotated[int, typer.Option(help="`status` until ready.")] = 200,
    location: Annotated[
        str,
        typer.Option(help="absolute or relative.", callback=_one_of("absolute", "relative")),
    ] = "absolute",
    download_needs_token: Annotated[bool, typer.Option(help="By POST, in the body.")] = False,
    corpus: Annotated[
        Path | None, typer.Option(help="Serve real conversations: a Parquet file.", exists=True)
    ] = None,
    corpus_start: Annotated[
        str | None, typer.Option(help="The date its first day becomes, dd.mm.yyyy.")
    ] = None,
    record: Annotated[Path | None, typer.Option(help="Folder for served.jsonl.")] = None,
    callback_url: Annotated[
        str | None, typer.Option(help="POST /sandbox/callbacks?date=… sends a day's there.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME[@operation][:dd.mm.yyyy][%probability][*times], repeatable; "
            f"--list-faults says what each is: {', '.join(FAULTS)}."
        ),
    ] = None,
    elsewhere: Annotated[
        str, typer.Option(help="Where redirect-elsewhere and location-elsewhere lead.")
    ] = "http://169.254.169.254/latest/meta-data",
    _list_faults: Annotated[
        bool,
        typer.Option(
            "--list-faults", help="Say what each fault is.", callback=_told_faults, is_eager=True
        ),
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option(help="OLD=NEW renames a column, NEW adds one; :dd.mm.yyyy says since when."),
    ] = None,
) -> None:
    """SmartConnect on this machine: all ten operations over real HTTP, with invented or real
    conversations that are the same for the same seed.

    What it served is at /sandbox/served, and the truth to compare with at
    /sandbox/truth?date_from=01.02.2026&date_to=03.02.2026 (counts and content hashes by day).
    """
    options = SandboxOptions(
        host, port, token, seed, export_seconds, max_running, over_limit, format_,
        "\t" if delimiter == "tab" else delimiter, encoding, wrap, headers, selection, date_to,
        pending_status, location, download_needs_token, time_zone, _date(today),
        messages_per_day, users_change, corpus, _date(corpus_start), record, callback_url,
        _faults(fault or []), _column_changes(column or []), elsewhere,
    )  # fmt: skip
    serving = server(options)
    bound = bound_socket(options)
    base_url = "http://{}:{}/api".format(*bound.getsockname()[:2])
    if url_file is not None:
        beside = url_file.with_name(f".{url_file.name}")
        beside.write_text(base_url, encoding="utf-8")
        beside.replace(url_file)
    Console().print(f"SmartConnect sandbox at {base_url} (Ctrl-C stops it)", highlight=False)
    serving.run(sockets=[bound])


if __name__ == "__main__":
    app()
