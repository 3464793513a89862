"""Segments of the inbox: files of lines that only ever grow, `<crc32> <JSON>\\n`.

Whoever writes one holds its flock, which the kernel drops when he dies, however he dies. A segment
is sealed by a rename once it is old or large; one whose writer is dead is sealed by whoever finds
it. A line that is torn was never acknowledged.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from extract.journal import sync_folder

OPEN, SEALED = ".open", ".sealed"
PRIVATE_MODE = 0o600


@dataclass(frozen=True)
class Received:
    """One request as it came. `reason`: why it isn't a message; None: it may be one."""

    received_at: datetime
    form: bool
    body: bytes
    reason: str | None = None

    def line(self) -> bytes:
        """As a line of a segment."""
        told: dict[str, object] = {"at": self.received_at.isoformat(timespec="microseconds")}
        if self.form:
            told["form"] = True
        if self.reason is not None:
            told["reason"] = self.reason
        try:
            told["body"] = self.body.decode()
        except UnicodeDecodeError:
            told["body_base64"] = base64.b64encode(self.body).decode()
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )
        return b"%08x %s\n" % (zlib.crc32(text), text)

    @classmethod
    def of_line(cls, line: bytes) -> Received | None:
        """What a line says; None where it is torn or damaged."""
        crc, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or crc != b"%08x" % zlib.crc32(text):
            return None
        told = json.loads(text)
        body = (
            base64.b64decode(told["body_base64"])
            if "body_base64" in told
            else str(told["body"]).encode()
        )
        at = datetime.fromisoformat(told["at"])
        return cls(at, bool(told.get("form")), body, told.get("reason"))


def read_segment(path: Path) -> Iterator[tuple[int, Received | None]]:
    """Every line with its number, from 1; None for one that is torn."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            yield number, Received.of_line(line)


class Segment:
    """The file that is written now, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path, self.descriptor = _new_file(folder)
        while not self.path.exists():  # it was taken for a dead writer's before it was locked
            os.close(self.descriptor)
            self.path, self.descriptor = _new_file(folder)
        sync_folder(folder)
        self.began = time.monotonic()
        self.size_bytes = 0

    def append(self, lines: bytes) -> None:
        """Durable when this returns."""
        view = memoryview(lines)
        while view:
            view = view[os.write(self.descriptor, view) :]
            sys.audit("smartconnect.point", "extract.inboxsegments.written")
        os.fdatasync(self.descriptor)
        sys.audit("smartconnect.point", "extract.inboxsegments.synced")
        self.size_bytes += len(lines)

    def seal(self) -> None:
        """Nothing is added any more."""
        _seal(self.path)
        os.close(self.descriptor)


def _new_file(folder: Path) -> tuple[Path, int]:
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}{OPEN}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, PRIVATE_MODE)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    sys.audit("smartconnect.point", "extract.inboxsegments.opened")
    return path, descriptor


def _seal(path: Path) -> Path:
    sealed = path.with_suffix(SEALED)
    path.rename(sealed)
    sys.audit("smartconnect.point", "extract.inboxsegments.sealed")
    sync_folder(path.parent)
    return sealed


def seal_abandoned(folder: Path) -> list[Path]:
    """Seal the segments whose writers are dead; those of a living one stay."""
    found = []
    for path in sorted(folder.glob(f"*{OPEN}")):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue  # sealed meanwhile
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():
                os.fsync(descriptor)  # read by us, though never synced by who wrote it
                found.append(_seal(path))
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
    return found


def sealed_segments(folder: Path) -> list[Path]:
    """What can be loaded, the oldest first."""
    return sorted(folder.glob(f"*{SEALED}"))


def inbox_segments(folder: Path) -> list[Path]:
    """Everything that is in the inbox, what is being written too."""
    return sorted([*folder.glob(f"*{OPEN}"), *folder.glob(f"*{SEALED}")])
