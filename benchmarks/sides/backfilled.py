"""The backfill flow against the server and the sandbox that the environment names.

python -m benchmarks.sides.backfilled 01.02.2026 28.02.2026
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime

from flows.backfill import backfill


def main() -> None:
    """Prints the flow's seconds as JSON."""
    first, last = (datetime.strptime(text, "%d.%m.%Y").date() for text in sys.argv[1:3])  # noqa: DTZ007
    began = time.monotonic()
    asyncio.run(backfill(date_from=first, date_to=last))
    print(json.dumps({"flow_seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main()
