"""The evidence of erasures in `meta`: counts and hashes, and when each was done; nobody's name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from warehouse.database import Writer
from warehouse.erasing import Erased
from warehouse.erasinglist import ErasureRequest
from warehouse.ledger import insert_row


def note_erasures(
    writer: Writer,
    requests: Sequence[ErasureRequest],
    erased: Erased,
    *,
    done_by: str,
    key_versions: str,
) -> None:
    """The evidence of erasures under way: counts and hashes; the newest takes the database's."""
    newest = requests[-1].number
    for request in requests:
        counted = erased if request.number == newest else Erased()
        kept = _counted_before(writer, request.number)
        total = replace(
            counted,
            days=counted.days + kept.days,
            rows=counted.rows + kept.rows,
            quarantined=counted.quarantined + kept.quarantined,
        )
        number = [request.number]
        writer.connection.execute("DELETE FROM meta.erasures WHERE erasure = ?", number)
        writer.connection.execute("DELETE FROM meta.erased_files WHERE erasure = ?", number)
        insert_row(
            writer,
            "meta.erasures",
            {
                "erasure": request.number,
                "requested_at": request.requested_at,
                "done_by": done_by,
                "key_versions": key_versions,
                "raw_files": len(request.files),
                "raw_rows": sum(file.rows_erased for file in request.files),
                "days": total.days,
                "rows": total.rows,
                "quarantined": total.quarantined,
                "mentions": request.mentions,
            },
        )
        for file in request.files:
            insert_row(writer, "meta.erased_files", {"erasure": request.number, **file.__dict__})


def _counted_before(writer: Writer, number: int) -> Erased:
    row = writer.connection.execute(
        "SELECT days, rows, quarantined FROM meta.erasures WHERE erasure = ?", [number]
    ).fetchone()
    return Erased(*map(int, row)) if row else Erased()


def finish_evidence(writer: Writer, numbers: Sequence[int], releases: int) -> None:
    """Say that they are done, and how many releases had to go."""
    with writer.transaction() as connection:
        connection.execute(
            """UPDATE meta.erasures SET finished_at = ?, releases = ?
               WHERE list_contains(?::BIGINT[], erasure)""",
            [datetime.now(UTC), releases, list(numbers)],
        )
        connection.execute("UPDATE meta.revision SET number = number + 1")
    sys.audit("smartconnect.point", "warehouse.erasingevidence.evidence-finished")
