"""The inbox: what SmartConnect called us with, durable before it is acknowledged.

A segment is a file of lines that only ever grows: `<crc32> <JSON>\\n`. Whoever writes one holds its
flock, which the kernel drops when he dies, however he dies. A segment is sealed by a rename once it
is old or large; one whose writer is dead is sealed by whoever finds it. A line that is torn was
never acknowledged.

Many requests share one fsync: whatever comes while one is under way goes with the next.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import json
import os
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

OPEN, SEALED = ".open", ".sealed"
SEAL_REQUEST = "seal-now"
TICK_SECONDS = 0.5
_MODE = 0o600


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


class _Segment:
    """The file that is written now."""

    def __init__(self, folder: Path) -> None:
        self.path, self.descriptor = _new_file(folder)
        while not self.path.exists():  # it was taken for a dead writer's before it was locked
            os.close(self.descriptor)
            self.path, self.descriptor = _new_file(folder)
        _sync_folder(folder)
        self.began = time.monotonic()
        self.size_bytes = 0

    def append(self, lines: bytes) -> None:
        """Durable when this returns."""
        view = memoryview(lines)
        while view:
            view = view[os.write(self.descriptor, view) :]
            sys.audit("smartconnect.point", "extract.inbox.written")
        os.fdatasync(self.descriptor)
        sys.audit("smartconnect.point", "extract.inbox.synced")
        self.size_bytes += len(lines)

    def seal(self) -> None:
        """Nothing is added any more."""
        _seal(self.path)
        os.close(self.descriptor)


def _new_file(folder: Path) -> tuple[Path, int]:
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}{OPEN}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, _MODE)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    sys.audit("smartconnect.point", "extract.inbox.opened")
    return path, descriptor


def _seal(path: Path) -> Path:
    sealed = path.with_suffix(SEALED)
    path.rename(sealed)
    sys.audit("smartconnect.point", "extract.inbox.sealed")
    _sync_folder(path.parent)
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


def request_seal(folder: Path, wait_seconds: float) -> bool:
    """Have sealed what is open now, a living receiver's too; whether it is.

    What comes meanwhile goes into another segment, which may stay open.
    """
    deadline = time.monotonic() + wait_seconds
    seal_abandoned(folder)
    waiting, request = list(folder.glob(f"*{OPEN}")), folder / SEAL_REQUEST
    while waiting := [path for path in waiting if path.exists()]:
        if time.monotonic() > deadline:
            return False
        request.touch(mode=_MODE)
        sys.audit("smartconnect.point", "extract.inbox.seal-requested")
        time.sleep(TICK_SECONDS / 5)
        seal_abandoned(folder)
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Inbox:
    """Writes segments into a folder, for one process.

    Args:
        folder: the inbox.
        seal_seconds: a segment that is older is sealed.
        seal_bytes: one that is larger, too.
    """

    def __init__(self, folder: Path, *, seal_seconds: float, seal_bytes: int) -> None:
        self._folder = folder
        self._seal_seconds = seal_seconds
        self._seal_bytes = seal_bytes
        self._segment: _Segment | None = None
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._came = asyncio.Event()
        self._disk = ThreadPoolExecutor(1, "inbox")
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def keep(self, received: Received) -> None:
        """Returns once it is durable.

        Raises:
            OSError: the disk refused it: it isn't kept.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((received.line(), future))
        self._came.set()
        await future

    async def __aenter__(self) -> Inbox:
        seal_abandoned(self._folder)
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._came.set()
        if self._task is not None:
            await self._task
        self._disk.shutdown()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._came.wait()
            except TimeoutError:
                pass
            self._came.clear()
            batch, self._waiting = self._waiting, []
            failure = await loop.run_in_executor(self._disk, self._commit, batch)
            for _, future in batch:
                if future.done():
                    continue
                if failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(failure)
            if self._closing and not self._waiting:
                await loop.run_in_executor(self._disk, self._seal)
                return

    def _commit(self, batch: list[tuple[bytes, asyncio.Future[None]]]) -> OSError | None:
        """Write a batch with one fsync, and seal where it is time to; the failure, if any."""
        try:
            if batch:
                if self._segment is None:
                    self._segment = _Segment(self._folder)
                self._segment.append(b"".join(line for line, _ in batch))
        except OSError as error:
            self._give_up()
            return error
        self._seal_if_due()
        return None

    def _give_up(self) -> None:
        """After a failure nobody knows what the file holds: it goes as it is, another begins."""
        try:
            self._seal()
        except OSError:
            if self._segment is not None:
                os.close(self._segment.descriptor)  # whoever finds it seals it
                self._segment = None

    def _seal_if_due(self) -> None:
        segment, request = self._segment, self._folder / SEAL_REQUEST
        asked = request.exists()
        try:
            if segment is not None and (
                asked
                or segment.size_bytes >= self._seal_bytes
                or time.monotonic() - segment.began >= self._seal_seconds
            ):
                self._seal()
            if asked:
                request.unlink(missing_ok=True)
                sys.audit("smartconnect.point", "extract.inbox.request-answered")
        except OSError:
            pass  # what was asked to be kept is kept; sealing is tried again

    def _seal(self) -> None:
        if self._segment is not None:
            self._segment.seal()
            self._segment = None
