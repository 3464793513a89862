"""A short chaos run over real processes; `make chaos` is the long one."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
SHORT_MINUTES, LONG_MINUTES = 0.4, 10.0
SEED = 7
FAULTS_AT_LEAST, KILLS_AT_LEAST = 5, 3


@pytest.mark.rehearsal
@pytest.mark.slow
@pytest.mark.promise("process-chaos")
def test_after_faults_and_kills_the_warehouse_equals_the_vendor(
    long_run: bool, tmp_path: Path
) -> None:
    seed = secrets.randbelow(2**32) if long_run else SEED
    minutes = LONG_MINUTES if long_run else SHORT_MINUTES
    summary = tmp_path / "summary.json"
    command = [sys.executable, "-m", "chaos", "--seed", str(seed), "--minutes", str(minutes)]
    command += ["--faults", str(FAULTS_AT_LEAST), "--kills", str(KILLS_AT_LEAST)]
    done = subprocess.run(
        [*command, "--json", str(summary)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    told = json.loads(summary.read_text())
    assert told["seed"] == seed
    assert told["kills_in_all"] >= KILLS_AT_LEAST
    assert told["faults_injected"] >= FAULTS_AT_LEAST
    assert set(told["faults"]) <= set(FAULTS)
    assert told["queries"] > 0
    assert told["rows"] > 100
    assert (told["lost"], told["doubled"], told["disturbed"]) == (0, 0, 0)
    assert told["problems"] == []
    assert len(told["rounds_to_converge"]) == told["phases"] >= 1
