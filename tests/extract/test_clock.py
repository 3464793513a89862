"""The clock moved back: what is exported later counts as fresher all the same, and is told."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from extract import instants
from extract.instants import STEP, Instants

pytestmark = pytest.mark.promise("process-clock-back")
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)


class Clock:
    """The machine's clock, moved at will."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock(NOON)
    monkeypatch.setattr(instants, "wall_clock", moved)
    return moved


def test_instants_rise_though_the_clock_falls(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = Instants(tmp_path)

    async def several() -> list[datetime]:
        first = await given.next()
        clock.now -= timedelta(hours=1)
        second, third = await given.next(), await Instants(tmp_path).next()
        clock.now += timedelta(hours=2)
        return [first, second, third, await given.next()]

    with caplog.at_level(logging.WARNING):
        found = asyncio.run(several())
    assert found == [NOON, NOON + STEP, NOON + 2 * STEP, NOON + timedelta(hours=1)]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2  # once for each process that meets it
    assert "03.02.2026 11:00:00" in said[0]
    assert "Check the clock" in said[0]


def test_what_is_loaded_already_is_earlier_though_no_instant_was_kept(
    clock: Clock, tmp_path: Path
) -> None:
    loaded = NOON + timedelta(days=2)
    assert asyncio.run(Instants(tmp_path).next(loaded)) == loaded + STEP


@pytest.mark.parametrize("kept", [b"", b"yesterday", b"2026-02-03T12:00:00"])
def test_a_damaged_instant_is_none(kept: bytes, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "instant").write_bytes(kept)
    assert asyncio.run(Instants(tmp_path).next()) == NOON


def test_no_two_processes_get_the_same_instant(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom extract.instants import Instants\n"
        "async def many():\n"
        "    given = Instants(Path(sys.argv[1]))\n"
        "    for _ in range(50): print((await given.next()).isoformat())\n"
        "asyncio.run(many())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    lines = [process.communicate(timeout=60)[0].split() for process in running]
    assert all(own == sorted(own) for own in lines)
    together = [line for own in lines for line in own]
    assert len(set(together)) == len(together) == 150
