"""What all tests share: the sandbox on a real socket, and flows that are pointed at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running_sandbox

StartSandbox = Callable[..., RunningSandbox]


@pytest.fixture
def start_sandbox() -> Iterator[StartSandbox]:
    """Start sandboxes with any options; all are stopped at the end of the test."""
    with ExitStack() as stack:

        def start(**options: object) -> RunningSandbox:
            return stack.enter_context(running_sandbox(SandboxOptions(**options)))  # type: ignore[arg-type]

        yield start


@pytest.fixture
def sandbox_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Point the flows at a running sandbox and a data directory of the test's own."""

    def point(running: RunningSandbox, **more: str) -> Path:
        data = tmp_path / "data"
        monkeypatch.chdir(tmp_path)
        values = {
            "SANDBOX": "true",
            "TOKEN": running.token,
            "BASE_URL": running.base_url,
            "DATA_DIR": str(data),
            "POLL_FIRST_SECONDS": "0.02",
            **more,
        }
        for name, value in values.items():
            monkeypatch.setenv(f"SMARTCONNECT_{name}", value)
        return data

    return point
