"""kill -9 of the receiver at random under load: acknowledged = loaded, 0 lost, 0 doubled."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.callbacks import soak


@pytest.mark.promise("callback-acknowledged")
def test_what_was_acknowledged_is_loaded_whenever_the_receiver_is_killed(
    tmp_path: Path, long_run: bool
) -> None:
    """Real processes and sockets; segments are loaded while messages come and receivers die."""
    seconds, kills = (600.0, 100) if long_run else (6.0, 4)
    seed = random.SystemRandom().randrange(10**6)
    counted = soak(tmp_path / "data", seconds, kills, seed)
    print(f"seed {seed}: {counted}")
    assert counted.acknowledged > 50 * seconds / 10
    assert (counted.lost, counted.doubled, counted.ledger_differs) == (0, 0, 0), f"seed {seed}"
    # What was written and not yet answered when the receiver died may be there as well.
    assert counted.acknowledged <= counted.loaded <= counted.acknowledged + 32 * (kills + 1)
