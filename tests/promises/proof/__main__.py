"""`python -m proof page` writes docs/promises.md; `python -m proof mutants` breaks the code."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from proof.breaking import Verdict, try_all
from proof.marked import marked_tests
from proof.page import PAGE, promises_page
from proof.table import mutants, promised_rows


def show(console: Console, verdicts: list[Verdict]) -> None:
    """Each breakage with the test that caught it."""
    table = Table("row", "breakage", "outcome", "by", "seconds")
    for verdict in verdicts:
        mutant = verdict.mutant
        style = "" if verdict.outcome == "caught" else "bold red"
        assert mutant is not None
        cells = (mutant.row, mutant.why, verdict.outcome, verdict.by, f"{verdict.seconds:.0f}")
        table.add_row(*cells, style=style)
    console.print(table)


def run_mutants(console: Console, wanted: list[str], at_once: int) -> int:
    """1 where a breakage was not caught."""
    broken = [
        mutant
        for mutant in mutants()
        if not wanted or any(mutant.row.startswith(prefix) for prefix in wanted)
    ]
    sound, verdicts = try_all(broken, marked_tests(), at_once)
    if sound.outcome != "survived":
        console.print(f"The tests fail on the code as it is: {sound.by}", markup=False)
        return 1
    show(console, verdicts)
    caught = sum(verdict.outcome == "caught" for verdict in verdicts)
    console.print(f"{caught} of {len(verdicts)} breakages caught by the tests of their row.")
    return 0 if caught == len(verdicts) else 1


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
