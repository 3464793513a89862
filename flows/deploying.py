"""What Prefect is told before a worker starts: pool, `prefect.yaml`, automations."""

from __future__ import annotations

import subprocess
from pathlib import Path

from flows.errors import FlowError
from flows.servers import program
from flows.settings import load_settings

POOL = "smartconnect"
PROJECT = Path(__file__).resolve().parent.parent


def create_pool() -> None:
    """Make the work pool, or correct it.

    Raises:
        FlowError: Prefect refused it.
    """
    _prefect("work-pool", "create", POOL, "--type", "process", "--overwrite")


def deploy() -> list[str]:
    """Apply `prefect.yaml` and install the automations; the names of those that were changed.

    Raises:
        FlowError: a deployment was refused.
        NotConfigured: a setting or a notification block that can't be used.
    """
    from flows.automations import install_by  # noqa: PLC0415  (Prefect's settings first)

    _prefect("--no-prompt", "deploy", "--all")
    return install_by(load_settings())


def _prefect(*words: str) -> None:
    done = subprocess.run([program("prefect"), *words], check=False, cwd=PROJECT)  # noqa: S603
    if done.returncode != 0:
        raise FlowError(f"`prefect {' '.join(words)}` ended with code {done.returncode}.")
