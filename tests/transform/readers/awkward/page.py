"""The page of what is read and what is refused, written from the cases."""

from __future__ import annotations

from collections.abc import Iterator

from awkward import CASES, GROUPS, Case, Outcome

_ABOVE = """\
# What is read, and what is refused

Written from the cases of `tests/transform/readers/awkward/` by `make reading-files`; a test reads
every file below and fails where this page is not what comes of it. To get the {count} files, to look
at or to try on another reader: `PYTHONPATH=tests/transform/readers python -m awkward FOLDER`.

- **A record is read whole or not at all.** What doesn't fit its header is a reject with line, raw
  text and reason, and goes to the quarantine: never padded, never shifted.
- **A file whose header can't be trusted gives no row.** Either the file is refused, or every record
  is rejected.
- *May be given up*: a record beside a broken one that can't be told from the other half of it.
- Files are read as text; types come from the contract later.
"""

_BELOW = """\
## What no reader can see

Some damage leaves a perfect table behind: every record has the header's number of fields, every
quote is where it may be. Nothing in the file then says that something happened:

- A character lost, added or changed within a cell: `1001` becomes `101`.
- A delimiter that moves within its record without passing a quote: `Иван;ов` becomes `Ива;нов`,
  as two cells.
- A line end added, lost or changed within quotes; a blank line between records.
- A record lost whole, from its first to its last byte, or one that comes twice. A block lost from
  the middle of one record to the same field of another leaves one record made of two.
- A file cut exactly behind a record's line end. (Elsewhere the last line has no end: that record is
  rejected, unless it is known that the file came whole.)
- A backslash at the end of a quoted text whose closing quote is doubled: the file is then perfect
  with backslashes as escapes.
- A quote that is opened by one accident and closed by another, with each at the edge of a cell: what
  lies between is, by the rules, one text.
- A header cell with another name. (A required column that is missing stops the load.)
- An unquoted text whose line break is bare, in the file's last record, and whose last line is a word and
  a number such as `Итого: 500`: it is taken for a line of totals, and is in the quarantine; the row above
  ends too early.
- Behind a quote that is never closed, in a table whose first column has no kind of value in common
  (words, or only a few records): a line of that text with as many delimiters as a record. `make fuzz`
  counts it as silent (seed 82001, file 6333).
- A line of totals that has as many cells as the header is a record for the reader; the contract finds
  no date in it and sends it to the quarantine.

Counts help where contents can't: the ledger compares each day with what it had before, and an export
that shrinks is held.

What can be seen is what changes the number of fields of a record, breaks the quoting, or is no text
in the file's encoding. `make fuzz` damages ten thousand files and holds every row that comes out
against the truth: none may differ. `fuzz/judge.py` says precisely what counts as seen;
`make fuzz-guided` looks for crashes, hangs and growing memory with coverage-guided fuzzing.
"""


def reading_files_page() -> str:
    """The page, as Markdown."""
    return "\n".join([_ABOVE.format(count=len(CASES)), *_tables(), _BELOW])


def _tables() -> Iterator[str]:
    for title, cases in GROUPS.items():
        yield f"## {title}\n"
        yield "| file | what is awkward | what comes of it |"
        yield "|---|---|---|"
        for case in cases:
            cells = (f"`{case.name}`", case.what, _outcome(case))
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield ""


def _outcome(case: Case) -> str:
    if case.outcome is Outcome.REFUSED:
        return f"refused: … {case.refused} …"
    if case.outcome is Outcome.NOTHING_READ:
        return "no row: refused, or every record rejected"
    records = "1 record" if len(case.rows) == 1 else f"{len(case.rows):,} records"
    parts = [f"read: {records}", *(_reject(line, reason) for line, reason in case.rejects)]
    if case.doubtful:
        numbers = " and ".join(str(number + 1) for number in case.doubtful)
        parts.append(f"record {numbers} may be given up")
    return "; ".join(parts)


def _reject(line: int, reason: str) -> str:
    return f"line {line} rejected" + (f" (… {reason} …)" if reason else "")
