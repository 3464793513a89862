"""The nightly flow against the server and the sandbox that the environment names; a new release.

python -m benchmarks.sides.nightly_flow LOOKBACK_DAYS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from benchmarks.sides.night import COPY, Steps, tell_copying_apart
from flows.nightly import nightly
from flows.run import data_directory
from flows.settings import load_settings
from warehouse.published import current_release


def main() -> None:
    """Prints the flow's seconds, and what the copy of the database took of its CPU, as JSON."""
    layout = data_directory(load_settings())
    steps: Steps = {}
    tell_copying_apart(steps)
    before, began = current_release(layout), time.monotonic()
    asyncio.run(nightly(lookback_days=int(sys.argv[1])))
    told = {"flow_seconds": time.monotonic() - began, "copy_cpu_seconds": steps[COPY]["cpu"]}
    after = current_release(layout)
    if after is None or (before is not None and after.number == before.number):
        raise SystemExit("The night published nothing.")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
