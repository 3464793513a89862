"""A segment of the inbox without the callbacks of erased persons."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from extract.callbacks import fields_of
from extract.inboxsegments import Received, read_segment
from flows.erasefiles import Found, Rewritten
from transform.suppression import NAME, PHONE, THREAD, Suppression
from warehouse.layout import PRIVATE_FILE, sync

SUFFIX = ".jsonl"
_ANYONE = (PHONE, NAME, THREAD)


class SegmentEraser:
    """Looks into segments for callbacks of erased persons, and writes them anew without."""

    def __init__(self, suppression: Suppression) -> None:
        self._suppression = suppression

    def find(self, path: Path) -> Found:
        """Count the callbacks of erased persons."""
        rows, threads = 0, set()
        for _, received in read_segment(path):
            if received is not None and self._is_theirs(received):
                rows += 1
                threads |= _thread(received)
        return Found(rows, frozenset(threads))

    def holds_unread(self, _: Path) -> bool:
        """A segment can always be read."""
        return False

    def rewrite(self, path: Path, folder: Path, found: Found) -> Rewritten:
        """Write the segment without them into `folder`; torn lines go as well."""
        target, erased, digest = folder / f"segment-{os.urandom(8).hex()}.part", 0, hashlib.sha256()
        with target.open("xb") as file:
            sys.audit("smartconnect.point", "flows.erasesegments.rewriting-begun")
            target.chmod(PRIVATE_FILE)
            sys.audit("smartconnect.point", "flows.erasesegments.rewriting-closed")
            for _, received in read_segment(path):
                if received is None:
                    continue
                if self._is_theirs(received) or _thread(received) & found.threads:
                    erased += 1
                    continue
                line = received.line()
                file.write(line)
                sys.audit("smartconnect.point", "flows.erasesegments.line-rewritten")
                digest.update(line)
        sync(target)
        return Rewritten(target, digest.hexdigest(), target.stat().st_size, erased, SUFFIX)

    def _is_theirs(self, received: Received) -> bool:
        fields = fields_of(received.body, form=received.form)
        if received.reason is not None or fields is None:
            return self._suppression.in_record(received.body.decode("utf-8", "replace"))
        told = {name: value for name, value in fields.items() if name != "message"}
        return any(self._suppression.names(str(value), _ANYONE) for value in told.values())


def _thread(received: Received) -> set[str]:
    fields = fields_of(received.body, form=received.form) or {}
    thread = fields.get("thread_id")
    return {str(thread).strip()} if thread not in (None, "") else set()
