"""Spreadsheets, parsed in a child process: a crafted file of 5 kB can abort or flood its reader."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from transform.readers.export import Export, Format, ReaderLimits, Rejects, SourceMapping
from transform.readers.kinds import refuse
from transform.readers.spool import read_rejects, spooled
from transform.readers.spreadsheet_child import ANSWER, REJECTS, TABLE, Request
from transform.readers.temporary import TemporaryFile, release

_ROOT = str(Path(__file__).resolve().parents[2])
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    "from transform.readers.spreadsheet_child import main; main(sys.argv[2])"
)
_SMALLER = "Ask for a shorter window, or for CSV."


def open_spreadsheet(
    path: Path, containers: tuple[str, ...], mapping: SourceMapping, limits: ReaderLimits
) -> Export:
    """Read the workbook's one visible table in a child, into a file that is read back in batches.

    Raises:
        UnreadableExport: damaged, several tables and none named, or beyond memory or time.
    """
    results = TemporaryFile()
    folder = results.path.parent
    try:
        answer = _answer(path, folder, mapping, limits)
    finally:
        release(path)
    columns = answer["columns"]
    understood = Format(
        "spreadsheet",
        containers,
        header_line=answer["header_line"],
        sheet=answer["sheet"],
        notes=tuple(answer["notes"]),
    )

    def read(rejects: Rejects) -> Iterator[pa.RecordBatch]:
        try:
            rejects.found.extend(read_rejects(folder / REJECTS))
            yield from spooled(folder / TABLE, columns)
        finally:
            results.remove()

    return Export(columns, understood, read, limits)


def _answer(
    path: Path, folder: Path, mapping: SourceMapping, limits: ReaderLimits
) -> dict[str, Any]:
    request = Request(
        str(path.resolve()), str(folder), mapping.sheet, mapping.header_line, asdict(limits)
    )
    code = _run(request.as_json(), folder, limits.child_seconds)
    place = folder / ANSWER
    if code == 0 and place.exists():
        answer: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        if "refused" in answer:
            raise refuse(*answer["refused"])
        return answer
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        raise refuse(
            f"the workbook was not read within {limits.child_seconds} seconds, "
            "or the machine had no memory for it",
            _SMALLER,
        )
    raise refuse(
        "the workbook makes its reader fail (it is damaged or crafted, or needs more than "
        f"{limits.child_memory_bytes:,} bytes of memory)",
        _SMALLER,
    )


def _run(request: str, folder: Path, seconds: int) -> int:
    """The child's exit code; the child and all it has started are gone afterwards.

    Raises:
        UnreadableExport: it took too long.
    """
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-c", _START, _ROOT, request],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=_environment(folder),
        start_new_session=True,
    ) as child:
        try:
            return child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise refuse(f"the workbook was not read within {seconds} seconds", _SMALLER) from None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours, which may hold a token; one thread, whose memory is easily capped."""
    return {
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(folder),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "1",
    }
