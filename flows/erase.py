"""`smartconnect erase`: who comes from a prompt or a file; counts are shown and asked about."""

from __future__ import annotations

import os
from pathlib import Path

import typer
from rich.console import Console

from flows.erasecounts import Counts
from flows.erasing import Erasure
from flows.errors import EraseRefused, FlowError
from flows.mirroring import follow
from flows.settings import load_settings
from transform.errors import TransformError
from transform.suppression import Person
from warehouse.errors import WarehouseError

_ASKED = ("phone", "name", "thread")


def run_erase(console: Console, file: Path | None, *, yes: bool, again: bool) -> int:
    """Erase whom the file or a prompt names, or finish what was cut off; 1 where it failed."""
    try:
        settings = load_settings()
        erasure = Erasure(settings)
        unfinished = erasure.unfinished
        if unfinished:
            _say(console, f"{unfinished} erasures were cut off: they are finished now.")
        person = _person(file, nobody=again or bool(unfinished and file is None))
        counts = erasure.count(person)
        _show(console, counts)
        if not yes and not typer.confirm("Take all of it out, for good?"):
            _say(console, "Nothing was changed.")
            return 1
        if person is not None or not unfinished:
            erasure.request(person, counts)
        erasure.run()
    except (FlowError, TransformError, WarehouseError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    _say(
        console,
        "Done: nothing of theirs was found any more, and later exports are kept without them. "
        "meta.erasures has the counts. Backups still hold them (docs/runbooks/erase.md)."
        + (" Remove the file that names them." if file is not None else ""),
    )
    return 0 if follow(console, settings, erasure.layout) else 1


def _person(file: Path | None, *, nobody: bool) -> Person | None:
    """Who is named.

    Raises:
        EraseRefused: the file can't be read.
        transform.errors.UnusablePerson: it isn't told who.
    """
    if file is not None:
        try:
            return Person.parse(file.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            problem = os.strerror(error.errno or 0) if isinstance(error, OSError) else "no UTF-8"
        raise EraseRefused(f"{file} can't be read ({problem}). Nothing was changed.")
    if nobody:
        return None
    said = [
        (kind, typer.prompt(f"Their {kind} (Enter: none)", default="", show_default=False))
        for kind in _ASKED
    ]
    return Person.parse("\n".join(f"{kind}: {value}" for kind, value in said if value.strip()))


def _show(console: Console, counts: Counts) -> None:
    _say(
        console,
        f"raw/: {counts.raw_rows:,} records in {counts.raw_files:,} files. "
        f"Loaded: {counts.rows:,} rows of {counts.days:,} days. "
        f"Quarantine: {counts.quarantined:,} records. "
        f"Extracts: {counts.extracts:,}, which are removed whole.",
    )
    _say(
        console,
        f"The {counts.releases:,} releases that are kept are replaced by one; readers that have "
        "one open go on. Reports that were made are removed; `smartconnect report` makes them "
        "again.",
    )
    if counts.nothing:
        _say(console, "Nothing is kept of theirs: they would be kept out from now on.")
    if counts.mentions:
        _say(
            console,
            f"{counts.mentions:,} messages of other clients name them: these stay "
            "(docs/runbooks/erase.md).",
        )


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False)
