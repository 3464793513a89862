"""The reports that were made, as files to open: listed and served, never changed.

Only files of known kinds below the folder are there; a link, a folder, or a way out of it is none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from dashboard.shown import NoSuchPage
from warehouse.figures import Period

KINDS: Mapping[str, str] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ".png": "image/png",
    }
)
# A report's page brings its own styles and pictures, and nothing of it may run or be asked for.
CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox allow-popups"
)
MOST_LISTED = 400
_LARGEST_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class ReportFile:
    """A file of a report: its kind (HTML, XLSX, PNG) and its address."""

    kind: str
    href: str


@dataclass(frozen=True)
class MadeReport:
    """What was made of one period: the folder's name, and the days where it tells them."""

    name: str
    period: Period | None
    files: list[ReportFile]


def made_reports(folder: Path) -> list[MadeReport]:
    """The reports of the folder, the newest first: a report is what is in one folder of it."""
    found: dict[str, list[tuple[float, Path]]] = {}
    for whole, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(whole) / name
            if path.suffix not in KINDS or name.startswith("."):
                continue
            try:
                status = path.lstat()
            except OSError:
                continue  # gone since
            if stat.S_ISREG(status.st_mode):
                relative = path.relative_to(folder)
                report = relative.parent.as_posix() if relative.parent.name else relative.stem
                found.setdefault(report, []).append((status.st_mtime, relative))
    newest = sorted(found.items(), key=lambda item: max(item[1])[0], reverse=True)
    return [
        MadeReport(
            name,
            period_of(name),
            [_listed(path) for _, path in sorted(files, key=lambda f: _order(f[1]))],
        )
        for name, files in newest[:MOST_LISTED]
    ]


def period_of(name: str) -> Period | None:
    """The period that a report's folder is named for: `day/2026-02-01`, `month/2026-02` …"""
    kind, _, days = name.partition("/")
    first, _, last = days.partition("_")
    try:
        if kind == "month":
            return Period.month(date.fromisoformat(f"{first}-01"))
        begins = date.fromisoformat(first)
        if kind == "day":
            return Period.day(begins)
        return Period(begins, date.fromisoformat(last), "week" if kind == "week" else "other")
    except ValueError:
        return None


def _order(path: Path) -> tuple[int, str]:
    return list(KINDS).index(path.suffix), path.name


def _listed(path: Path) -> ReportFile:
    kind = path.suffix[1:].upper()
    return ReportFile(kind, f"/reports/{quote(path.as_posix())}")


def report_file(folder: Path, asked: str) -> tuple[bytes, str]:
    """A file's content and type.

    Raises:
        NoSuchPage: there is none of that name below the folder that may be served.
    """
    parts = asked.split("/")
    kind = KINDS.get(Path(asked).suffix)
    wrong = not kind or "\\" in asked or "\x00" in asked
    if wrong or any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        raise NoSuchPage
    assert kind is not None
    descriptor = -1
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        for part in parts[:-1]:  # one name at a time, so that no link in between leads elsewhere
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.open(parts[-1], flags, dir_fd=descriptor)
        with open(file, "rb") as opened:  # noqa: PTH123  (a descriptor)
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_BYTES:
                raise NoSuchPage
            return opened.read(), kind
    except (OSError, ValueError):
        raise NoSuchPage from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)
