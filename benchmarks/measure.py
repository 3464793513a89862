"""One side of a comparison in a fresh process: its CPU, its peak memory, its wall time.

The measuring process must stay small: Linux counts the parent's pages into a child's peak.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
SIDE_DEADLINE_SECONDS = 600.0


class SideFailed(Exception):
    """A side ended badly, or its result isn't the others'."""


@dataclass(frozen=True)
class Measured:
    """What one run of a side cost.

    Attributes:
        cpu_seconds: user and system time of the process and of the children it waited for.
        peak_bytes: resident memory of its largest process.
        told: what it printed as JSON on its last line.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    told: Mapping[str, Any]


def run_side(
    module: str,
    *arguments: object,
    deadline_seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> Measured:
    """Run `python -m benchmarks.sides.<module> …` and measure it; `environment` besides ours.

    Raises:
        SideFailed: it ended with another code than 0, or not in time; its last words are told.
    """
    command = [sys.executable, "-m", f"benchmarks.sides.{module}", *map(str, arguments)]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=errors,
            cwd=PROJECT,
            env={**_environment(), **(environment or {})},
        )
        guard = threading.Timer(deadline_seconds or SIDE_DEADLINE_SECONDS, process.kill)
        guard.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            guard.cancel()
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip().splitlines()[-5:]
            raise SideFailed(f"{module} ended with {process.returncode}: " + " | ".join(said))
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").strip().splitlines()
    told = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, told)


def _environment() -> dict[str, str]:
    """Ours, with modules compiled once for all rounds, as those of installed packages are."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


@dataclass
class Side:
    """One of the things compared.

    Args:
        name: as the table calls it.
        run: does the work once, in a fresh process.
        runs: what it cost, a figure a round.
    """

    name: str
    run: Callable[[], Measured]
    runs: list[Measured] = field(default_factory=list)


def interleave(sides: Sequence[Side], rounds: int, say: Callable[[str], None]) -> None:
    """Run every side once a round, so that what disturbs the machine disturbs all of them."""
    for number in range(1, rounds + 1):
        for side in sides:
            say(f"round {number} of {rounds}: {side.name}")
            side.runs.append(side.run())


def same_results(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Prove that all fingerprints are the same.

    Raises:
        SideFailed: two differ; the message names the columns.
    """
    (first, expected), *others = results.items()
    if not expected or not expected.get("rows"):
        raise SideFailed(f"{first} has no rows")
    for name, found in others:
        different = [key for key in expected if found.get(key) != expected[key]]
        if different:
            raise SideFailed(f"{name} differs from {first} in {', '.join(different)}")
