"""Processes of a chaos run, found again in /proc."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

MARK = "SMARTCONNECT_CHAOS"  # in the environment of everything that is started


def children_of(parent: int, *words: str) -> list[int]:
    """Our own children whose command line has all the words."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            stat = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if int(stat[1]) == parent and all(any(w in part for part in command) for w in words):
                found.append(int(folder.name))
    return found


def marked(mark: str) -> dict[int, str]:
    """Every process that was started with this mark in its environment, and what it is."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(folder.name)] = command.decode(errors="replace").strip()[:200]
    return found
