"""What Prefect is told before a worker starts: pool, `prefect.yaml`, automations."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Container, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from flows.companydeployments import (
    GONE,
    Config,
    of_company,
    ours,
    pause_gone,
    read_configs,
    working_for,
)
from flows.errors import FlowError
from flows.servers import program
from flows.settings import companies, company_problems, load_settings, selected_company

POOL = "smartconnect"
PROJECT = Path(__file__).resolve().parent.parent


def create_pool() -> None:
    """Make the work pool, or correct it; how many runs it takes at once stays as somebody set it.

    Raises:
        FlowError: Prefect refused it.
    """
    from prefect.client.orchestration import get_client  # noqa: PLC0415  (settings first)
    from prefect.client.schemas.actions import WorkPoolUpdate  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        limits = [
            found.concurrency_limit for found in client.read_work_pools() if found.name == POOL
        ]
        _prefect("work-pool", "create", POOL, "--type", "process", "--overwrite")
        if limits and limits[0] is not None:  # --overwrite lifts it
            client.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=limits[0]))


def ensure_pool() -> None:
    """Make the work pool where there is none; one that is there stays as it is."""
    create = [program("prefect"), "work-pool", "create", POOL, "--type", "process"]
    subprocess.run(create, check=False, capture_output=True, cwd=PROJECT)  # noqa: S603


def deploy() -> list[str]:
    """Apply `prefect.yaml` and install the automations; what was changed besides, in sentences.

    Where there are companies, each deployment once for each of them (of the chosen one alone, if
    one is chosen); what belongs to companies that are no more is paused.

    Raises:
        FlowError: a deployment was refused.
        NotConfigured: a setting or a notification block that can't be used.
    """
    from prefect.client.orchestration import get_client  # noqa: PLC0415  (settings first)

    from flows.automations import install_by  # noqa: PLC0415

    configs = read_configs(PROJECT / "prefect.yaml")
    with get_client(sync_client=True) as client:
        there = ours(client, POOL, (config["name"] for config in configs))
        gone = {found.name for found in there if GONE in found.tags}
        keys = working_for()
        _apply([one for config in configs for one in _made(config, keys)], resumed=gone)
        chosen = selected_company()
        paused = [] if chosen else pause_gone(client, there, companies())
    said = [f"Not deployed: {problem}" for problem in company_problems()]
    said += [f"Paused, since its company is gone: {name}" for name in paused]
    return said + install_by()


def deploy_only(names: Sequence[str]) -> None:
    """Apply the deployments of `prefect.yaml` with these names, of whichever companies there are.

    Raises:
        FlowError: one was refused.
    """
    configs = [c for c in read_configs(PROJECT / "prefect.yaml") if c["name"] in names]
    ensure_pool()
    _apply([one for config in configs for one in _made(config, working_for())])


def _made(config: Config, keys: Sequence[str | None]) -> list[Config]:
    """What becomes of a deployment: itself, or one for each company."""
    return [of_company(config, load_settings(key)) if key else config for key in keys]


def _apply(configs: list[Config], resumed: Container[str] = ()) -> None:
    """`prefect deploy` of these deployments; the `resumed` were paused by us. JSON is YAML."""
    told = [{**c, "paused": False} if c["name"] in resumed else c for c in configs]
    with NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        json.dump({"name": POOL, "deployments": told}, file)
        file.flush()
        _prefect("--no-prompt", "deploy", "--all", "--prefect-file", file.name)


def _prefect(*words: str) -> None:
    done = subprocess.run([program("prefect"), *words], check=False, cwd=PROJECT)  # noqa: S603
    if done.returncode != 0:
        raise FlowError(f"`prefect {' '.join(words)}` ended with code {done.returncode}.")
