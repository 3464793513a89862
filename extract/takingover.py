"""What a machine noted before it shared, given to all: exports under way, and today's calls.

Each is given first and removed here then, so that whatever is cut off is gone on with by the next
run, and nothing is given up: an export is known twice at most, a call counted twice, for that day.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from extract.documents import Content, Documents, changed, understood
from extract.sharedcalls import counted
from extract.sharedexports import REQUESTS_SECRET, request_document

_PLAIN = re.compile(r"[a-z]+_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d")


def take_over(documents: Documents, journal: Path, calls: Path, today: date) -> int:
    """Give the documents what two folders of this machine have; how many exports were given.

    An export whose document is held stays for the next time. So does that of a filtered request
    where others have named theirs by another key.

    Args:
        documents: what is shared.
        journal: of `extract.journal.Journal`.
        calls: of `extract.budget.CallBudget`.
        today: the company's day.

    Raises:
        KeeperUnusable: what is shared can't be read or written.
    """
    given = 0
    paths = sorted(journal.glob("[!.]*.json"))
    known = _same_secret(documents, journal) if paths else False
    for path in paths:
        if known or _PLAIN.fullmatch(path.stem):
            given += _give_entry(documents, path)
    _give_calls(documents, calls / f"{today.isoformat()}.calls", today)
    return given


def _same_secret(documents: Documents, journal: Path) -> bool:
    """Whether filtered requests have the same names for all: the first machine's become theirs."""
    try:
        secret = (journal / ".key").read_bytes().hex()
    except OSError:
        return False

    def made(said: Content) -> Content | None:
        return None if "secret" in said else {"secret": secret}

    changed(documents, REQUESTS_SECRET, made)
    said = understood(REQUESTS_SECRET, documents.read(REQUESTS_SECRET))
    return said.get("secret") == secret


def _give_entry(documents: Documents, path: Path) -> bool:
    kept: Any = None
    with suppress(OSError, ValueError):
        kept = json.loads(path.read_text(encoding="utf-8"))
    held = False

    def with_entry(said: Content) -> Content | None:
        nonlocal held
        held = "session" in said  # its holder counts on it to stay as it is
        return None if held or "entry" in said else {**said, "entry": kept}

    if not isinstance(kept, dict):
        return False
    given = changed(documents, request_document(path.stem), with_entry) is not None
    if not held:
        path.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "extract.takingover.entry-given")
    return given


def _give_calls(documents: Documents, path: Path, today: date) -> None:
    try:
        made = path.stat().st_size
    except OSError:
        return
    counted(documents, today, made)
    path.unlink(missing_ok=True)
    sys.audit("smartconnect.point", "extract.takingover.calls-given")
