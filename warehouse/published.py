"""Releases that are there, and what their manifests tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warehouse.integrity import MANIFEST, Files
from warehouse.layout import DataDirectory


@dataclass(frozen=True)
class Release:
    """A published release."""

    number: int
    path: Path


def releases(layout: DataDirectory) -> list[Release]:
    """The releases that are kept, the oldest first."""
    if not layout.releases.exists():
        return []
    found = [path for path in layout.releases.iterdir() if path.name.isdigit()]
    return sorted((Release(int(path.name), path) for path in found), key=lambda r: r.number)


def current_release(layout: DataDirectory) -> Release | None:
    """The release that readers see now, its path resolved; None before the first."""
    try:
        path = layout.current.resolve(strict=True)
    except OSError:
        return None
    return Release(int(path.name), path)


def told_of(release: Release) -> dict[str, object]:
    """Its manifest; empty where there is none to be read."""
    try:
        return dict(json.loads((release.path / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def files_of(release: Release) -> Files:
    """The files that its manifest lists."""
    found = told_of(release).get("files")
    return found if isinstance(found, dict) else {}


def number_of(release: Release, told: Mapping[str, object] | None = None) -> int:
    """Its number where it was made; a copy from a store is in a folder named by its publication."""
    found = (told_of(release) if told is None else told).get("release")
    return found if isinstance(found, int) else release.number


def newest_revision(layout: DataDirectory) -> int:
    """The revision of the newest release that is kept; 0 where there is none."""
    newest = releases(layout)[-1:]
    return revision_of(newest[0]) if newest else 0


def revision_of(release: Release) -> int:
    """The revision that it was made at; 0 where that isn't told."""
    found = told_of(release).get("revision")
    return found if isinstance(found, int) else 0


def has_personal(release: Release) -> bool:
    """Whether it holds the personal columns."""
    return bool(told_of(release).get("personal", True))
