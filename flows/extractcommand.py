"""`smartconnect extract`: a named extract, made in a terminal without Prefect's server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from rich.console import Console

from extract.errors import ExtractError
from flows.chatextract import Wanted, client_of, make_extract
from flows.errors import FlowError, InvalidWindow
from flows.settings import load_settings
from flows.windows import checked_window, parse_ddmmyyyy
from transform.errors import TransformError
from warehouse.errors import WarehouseError
from warehouse.personfiles import Format

KINDS = ("csv", "xlsx", "none")


def run_extract(
    console: Console,
    name: str,
    date_from: str,
    date_to: str,
    filters: Mapping[str, int | None],
    client: str | None,
    client_file: Path | None,
    kind: str,
) -> int:
    """Make it and say where it is; 1 where it can't be made."""
    try:
        if kind not in KINDS:
            raise InvalidWindow(f"--for-a-person is one of {', '.join(KINDS)}.")
        today = load_settings().today().date()
        window = checked_window(parse_ddmmyyyy(date_from), parse_ddmmyyyy(date_to), today)
        who = client_of(client_file) if client_file is not None else client
        first, last = window.days()[0], window.days()[-1]
        wanted = Wanted(
            name, first, last, filters["uid"], filters["category"], cast("Format", kind), who
        )
        made = asyncio.run(make_extract(wanted, f"extract {name}", ""))
    except (FlowError, ExtractError, TransformError, WarehouseError) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    console.print(str(made), markup=False, highlight=False, soft_wrap=True)
    return 0
