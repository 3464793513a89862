"""The dashboard on a real socket, in a thread of the test's own process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from dashboard.app import DashboardOptions
from dashboard.server import address_of, dashboard_socket, serve_dashboard
from dashboard.shown import Shown
from warehouse.layout import DataDirectory

HERE = Path(__file__).parent
CRASHES = HERE.parent / "crashes"


def company(what: str, data: Path, *more: str) -> subprocess.Popen[str]:
    """`company.py` in a process of its own."""
    data.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(HERE / "company.py"), what, str(data), *more]
    paths = os.pathsep.join(map(str, (HERE.parents[1], CRASHES)))
    with (data.parent / f"{what}.log").open("w") as told:
        return subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE if what == "churn" else told,
            stderr=told,
            text=True,
        )


@contextmanager
def served(data: Path, *, password: str | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """The dashboard of a data directory; yields its address, which ends with `/`."""
    layout = DataDirectory(data)
    options = DashboardOptions(reports=data / "reports", password=password)
    bound = dashboard_socket(host, 0, options)
    servers: list[uvicorn.Server] = []

    def serve() -> None:
        asyncio.run(serve_dashboard(Shown(layout), options, bound, servers.append))

    thread = threading.Thread(target=serve, name="dashboard")
    thread.start()
    deadline = time.monotonic() + 60
    while not (servers and servers[0].started):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        yield address_of(bound)
    finally:
        servers[0].should_exit = True
        thread.join(60)
    assert not thread.is_alive()
