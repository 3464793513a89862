"""kill -9 of the receiver at random under load: acknowledged = loaded, 0 lost, 0 doubled."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from benchmarks.callbacks import Receiver, ingest, soak, writing
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory


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


@pytest.mark.promise("callback-out-of-order", "callback-forged", "callback-malformed")
def test_the_sandboxs_callbacks_reach_the_table_through_the_command(
    start_sandbox: Callable[..., RunningSandbox], tmp_path: Path
) -> None:
    """Each twice, in any order, as a form; forged and malformed ones among them."""
    data = tmp_path / "data"
    receiver = Receiver(data)
    try:
        url = f"http://127.0.0.1:{receiver.port}{receiver.path}"
        vendor = start_sandbox(messages_per_day=30, callback_url=url)
        asked = "date=03.02.2026&repeat=2&shuffle=1&form=1&forged=3&malformed=2"
        told = httpx.post(f"{vendor.root_url}/sandbox/callbacks?{asked}", timeout=60).json()
    finally:
        receiver.stop()
    assert told["answers"] == {"200": told["sent"], "404": 3, "400": 2}
    with writing(DataDirectory(data)) as writer:
        ingest(DataDirectory(data), writer)
        rows = writer.connection.execute(
            "SELECT count(*), count(DISTINCT message_id), min(date)::VARCHAR, max(date)::VARCHAR "
            "FROM incoming_messages"
        ).fetchone()
        kept = writer.connection.execute(
            "SELECT sum(records), sum(duplicates), sum(quarantined) FROM meta.inbox_segments"
        ).fetchone()
    half = told["sent"] // 2
    assert rows == (half, half, "2026-02-03", "2026-02-03")
    assert kept == (told["sent"] + 2, half, 2)
