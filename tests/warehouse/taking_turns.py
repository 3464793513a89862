"""A machine's turn: it brings the newest database, loads a day, and hands it over; as a program,
stopped at a crash point.

    python taking_turns.py ROOT URL DAY ACTION [POINT]    ACTION: go, kill
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from small_company import writing
from storing import ROOT, add_day

from warehouse.errors import WarehouseError
from warehouse.handing import hand_database_over
from warehouse.layout import DataDirectory
from warehouse.storedfiles import StoredFiles

OURS = (
    "warehouse.forgetting.",
    "warehouse.storedfetch.",
    "warehouse.storedfiles.",
    "warehouse.writer",
)


def machine(root: Path, url: str) -> DataDirectory:
    """A machine's data directory, which shares its files through the store."""
    layout = DataDirectory(root)
    layout.files = StoredFiles(url, layout)
    layout.initialise("sandbox")
    return layout


def hand_over(layout: DataDirectory) -> int:
    return hand_database_over(layout, holder="a test", wait_seconds=5)


def days(layout: DataDirectory) -> list[str]:
    """The days that the database of a machine has, once it has brought the newest."""
    with writing(layout) as writer:
        found = writer.connection.execute(
            "SELECT DISTINCT window_day::VARCHAR FROM chats ORDER BY ALL"
        ).fetchall()
    return [str(row[0]) for row in found]


def turn(root: Path, url: str, day: str, *stop: str) -> tuple[int, dict[str, Any]]:
    """A turn in a process of its own: how it ended, and what it said."""
    done = subprocess.run(
        [sys.executable, __file__, str(root), url, day, *(stop or ("go",))],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/warehouse'}"},
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, json.loads(done.stdout or "{}")


def _main(root: str, url: str, day: str, action: str, point: str = "") -> None:
    points: list[str] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event != "smartconnect.point":
            return
        points.append(str(args[0]))
        if action == "kill" and args[0] == point:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    try:
        layout = machine(Path(root), url)
        if day not in days(layout):
            add_day(layout, day)
        hand_over(layout)
        told = [name for name in dict.fromkeys(points) if name.startswith(OURS)]
        print(json.dumps({"points": told}))
    except WarehouseError as error:
        print(json.dumps({"error": type(error).__name__}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
