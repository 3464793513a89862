"""A report of one day by the command itself; or the figures of the dashboard's first picture.

python -m benchmarks.sides.reported report DATA 2026-05-11 FOLDER
python -m benchmarks.sides.reported look DATA 2026-05-11
"""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import date, timedelta
from pathlib import Path

from benchmarks.measure import PROJECT
from warehouse.layout import DataDirectory


def report(data: Path, day: date, out: Path) -> None:
    """Become `smartconnect report`."""
    os.environ["SMARTCONNECT_SANDBOX"] = "true"
    os.environ["SMARTCONNECT_DATA_DIR"] = str(data.resolve())
    command = PROJECT / ".venv" / "bin" / "smartconnect"
    out.mkdir()
    arguments = ["report", "--day", f"{day:%d.%m.%Y}", "--out", str(out / "report")]
    os.execv(command, [str(command), *arguments])


def look(data: Path, last: date) -> None:
    """Read the figures of the seven days until `last` as the dashboard does; prints the cost."""
    from warehouse.answers import read_figures  # noqa: PLC0415  (imports are no part of it)
    from warehouse.figures import Period  # noqa: PLC0415
    from warehouse.marts import parquet_reader  # noqa: PLC0415

    layout = DataDirectory(data)
    published = (layout.current.resolve() / "parquet").rglob("*.parquet")
    before, began = _bytes_read(), time.monotonic()
    with parquet_reader(layout) as reader:
        figures = read_figures(reader, Period(last - timedelta(days=6), last))
    told = {
        "seconds": time.monotonic() - began,
        "read_bytes": _bytes_read() - before,
        "published_bytes": sum(path.stat().st_size for path in published),
        "messages": figures.total.messages_in + figures.total.messages_out,
    }
    print(json.dumps(told))


def _bytes_read() -> int:
    """What this process has asked the kernel for, whether a disk had to turn for it or not."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("rchar")).split()[1])


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("report", "look"))
    parser.add_argument("data", type=Path)
    parser.add_argument("day", type=date.fromisoformat)
    parser.add_argument("out", type=Path, nargs="?")
    given = parser.parse_args()
    if given.what == "report":
        report(given.data, given.day, given.out)
    else:
        look(given.data, given.day)


if __name__ == "__main__":
    main()
