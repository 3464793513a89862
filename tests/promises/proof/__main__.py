"""`python -m proof page` writes docs/promises.md; `python -m proof mutants` breaks the code."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.text import Text

from proof.breaking import Verdict, sound, try_all
from proof.marked import marked_tests
from proof.page import PAGE, promises_page
from proof.table import mutants, promised_rows


def told(verdict: Verdict) -> Text:
    """A line: what was broken, and the test that caught it."""
    mutant = verdict.mutant
    assert mutant is not None
    style = "" if verdict.outcome == "caught" else "bold red"
    by = f" by {verdict.by}" if verdict.by else ""
    seconds = f" ({verdict.seconds:.0f} s)"
    return Text(f"{verdict.outcome}{by}{seconds}: {mutant.row}: {mutant.why}", style)


def run_mutants(console: Console, wanted: list[str], at_once: int) -> int:
    """1 where a breakage was not caught."""
    broken = [
        mutant
        for mutant in mutants()
        if not wanted or any(mutant.row.startswith(prefix) for prefix in wanted)
    ]
    marked, caught = marked_tests(), 0
    console.print(f"{len(broken)} breakages; first the tests on the code as it is …")
    before = sound(broken, marked)
    if before.outcome != "survived":
        console.print(f"The tests fail on the code as it is: {before.by}", markup=False)
        return 1
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        for verdict in bar.track(try_all(broken, marked, at_once), total=len(broken)):
            bar.console.print(told(verdict))
            caught += verdict.outcome == "caught"
    console.print(f"{caught} of {len(broken)} breakages caught by the tests of their row.")
    return 0 if caught == len(broken) else 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="proof", description=__doc__)
    parser.add_argument("what", choices=("page", "mutants"))
    parser.add_argument("rows", nargs="*", help="only rows that begin so")
    parser.add_argument("--at-once", type=int, default=2)
    given = parser.parse_args()
    if given.what == "page":
        PAGE.write_text(promises_page(promised_rows(), marked_tests(), mutants()), "utf-8")
        return 0
    return run_mutants(Console(width=160), given.rows, given.at_once)


if __name__ == "__main__":
    sys.exit(main())
