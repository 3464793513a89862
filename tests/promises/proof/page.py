"""docs/promises.md, made from the rows, the markers of the tests, and the breakages."""

from __future__ import annotations

from collections.abc import Sequence

from proof.marked import Marked
from proof.table import OUTCOMES, ROOT, Mutant, Row

PAGE = ROOT / "docs" / "promises.md"
_HEAD = """# What is promised

Every fault that a network, a vendor, a disk, an operator or an attacker can produce, what comes of
it, and the test that proves it. On every row besides: no token or personal data in any output, no
hang, readers undisturbed, nothing lost, nothing doubled.

Made by `make promises` from the markers of the tests; CI fails where a row has no test, and where a
row has no breakage that its tests must catch (`make mutants` breaks the code in each of these
places, one at a time, and runs the row's tests against it).
"""


def promises_page(rows: Sequence[Row], marked: Marked, broken: Sequence[Mutant]) -> str:
    """The whole page as Markdown."""
    parts = [_HEAD, *(f"- **{letter}** {meaning}" for letter, meaning in OUTCOMES.items())]
    area = None
    for row in rows:
        if row.area != area:
            area = row.area
            parts += ["", f"## {area}", ""]
            parts += ["| fault | | proven by | breakages caught |", "|---|---|---|---|"]
        tests = "<br>".join(_link(test) for test in marked.get(row.id, []))
        caught = "<br>".join(mutant.why for mutant in broken if mutant.row == row.id)
        parts.append(f"| {row.fault} | **{row.outcome}** | {tests} | {caught} |")
    return "\n".join(parts) + "\n"


def _link(test: str) -> str:
    file, *names = test.split("::")
    return f"[{names[-1]}](../{file})"
