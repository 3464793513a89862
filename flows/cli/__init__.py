"""`smartconnect`: the one command line. Each subcommand is a few lines; the work is elsewhere.

No command's work is imported before that command is run: most of it is slow to import, and
Prefect reads its settings as it is.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from flows.cli import asking, installing, keeping, starting

app = typer.Typer(
    name="smartconnect",
    help="SmartConnect's chats, statistics and users as Parquet and DuckDB. "
    "Begin with `smartconnect demo`; run it for real with `smartconnect up`.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


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


# In the order of `smartconnect --help`.
app.command()(starting.demo)
app.command()(starting.up)
app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)(starting.sandbox)
for command in (
    starting.doctor,
    starting.callbacks,
    starting.dashboard,
    keeping.inspect,
    keeping.status,
    keeping.rollback,
    keeping.rebuild,
    keeping.erase,
    keeping.backup,
    keeping.restore,
    keeping.pull,
    keeping.push,
    asking.extract,
    asking.send,
    asking.report,
    installing.automations,
    installing.deploy,
    installing.companies,
):
    app.command()(command)
app.command("personal-key")(installing.personal_key)
app.command(hidden=True)(starting.worker)
