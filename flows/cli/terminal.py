"""What the commands share: the terminal, what is wrong in one sentence, and the sandbox's data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from flows.errors import FlowError
from warehouse.errors import WarehouseError

console = Console()
Sandbox = Annotated[
    bool, typer.Option("--sandbox", help="The sandbox's invented data, in data-sandbox/.")
]
SANDBOX_DIR = "data-sandbox"


def fail(sentence: str, code: int = 1) -> typer.Exit:
    """Say what is wrong in one sentence, on standard error."""
    Console(stderr=True).print(sentence, style="red", highlight=False, markup=False)
    return typer.Exit(code)


@contextmanager
def failing_in_a_sentence(*also: type[Exception]) -> Iterator[None]:
    """An error of ours, or one of `also`, is told by its sentence and ends the process with 1."""
    ours: tuple[type[Exception], ...] = (FlowError, WarehouseError, *also)
    try:
        yield
    except ours as error:
        raise fail(str(error)) from None


def use_sandbox_data(enabled: bool) -> None:
    """Point this process at the sandbox's data directory, and at nothing else."""
    if enabled and os.environ.get("SMARTCONNECT_COMPANY"):
        raise fail("--sandbox is invented data, which is no company's: leave one of both out.")
    if enabled:
        os.environ["SMARTCONNECT_SANDBOX"] = "true"
        os.environ["SMARTCONNECT_DATA_DIR"] = SANDBOX_DIR
