"""What all tests share: the sandbox on a real socket, flows that are pointed at it, and a real API
of Prefect with a database of the session's own."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from browsing import chromium, open_page

from sandbox.options import SandboxOptions
from sandbox.server import RunningSandbox, running_sandbox

os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
StartSandbox = Callable[..., RunningSandbox]
__all__ = ["chromium", "open_page"]  # fixtures: a browser, and pages without an error


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[None]:
    """A temporary Prefect server for all flow tests."""
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415  (settings first)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with prefect_test_harness(server_startup_timeout=120):
            yield


@pytest.fixture(autouse=True)
def swept(request: pytest.FixtureRequest) -> Iterator[None]:
    """Sockets that Prefect's clients leave to the garbage collector are told in the test that ran
    the flow, not in whichever comes next.
    """
    yield
    if "prefect_api" in request.fixturenames:
        gc.collect()


@pytest.fixture(autouse=True)
def umask_as_before() -> Iterator[None]:
    """The umask is the process's: left otherwise, it changes what the next tests make."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    after = os.umask(before)
    assert oct(after) == oct(before)


@pytest.fixture(scope="session")
def long_run() -> bool:
    """Whether `LONG=1` is set: rehearsals take as long as issue and README say, not shorter."""
    return bool(os.environ.get("LONG"))


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


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Files made at collection hold the time: such a test is named by its argument alone, so that
    every process that runs a part of the tests collects the same.
    """
    return argname if isinstance(val, bytes) and len(val) > 20 else None
