"""The deployments of several companies: each of `prefect.yaml` once for each company.

A run is a process whose environment says which company it works for. Schedules are in the
company's time zone, a little apart, so that fifty nightlies don't begin in the same second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import yaml

from flows.errors import NotConfigured
from flows.settings import Settings, companies, load_settings, selected_company

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

TAG = "company:"
GONE = "company-gone"
CALLBACKS = "ingest-callbacks"
SPREAD_MINUTES = 30
MINUTES_AN_HOUR = 60
Config = dict[str, Any]


def read_configs(file: Path) -> list[Config]:
    """The deployments of `prefect.yaml`."""
    return list(yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"])


def of_company(config: Mapping[str, Any], settings: Settings) -> Config:
    """A deployment of `prefect.yaml` as one company has it."""
    key = settings.company or ""
    made = deepcopy(dict(config))
    made["name"] = f"{config['name']}-{key}"
    made["tags"] = [*config.get("tags", ()), f"{TAG}{key}"]
    pool = made.setdefault("work_pool", {})
    variables = pool.setdefault("job_variables", {})
    variables["env"] = {**variables.get("env", {}), "SMARTCONNECT_COMPANY": key}
    for schedule in made.get("schedules", ()):
        schedule["cron"] = shifted(schedule["cron"], key)
        schedule["timezone"] = settings.time_zone
        if config["name"] == "nightly" and settings.nightly_cron:
            schedule["cron"] = settings.nightly_cron.strip()
        if config["name"] == CALLBACKS and settings.callback_secret is None:
            schedule["active"] = False  # a process every five minutes, for nothing
    return made


def shifted(cron: str, key: str) -> str:
    """A schedule, later by up to half an hour within its hour, and always the same for a key.

    What is run every few minutes (`*/5`) is run as often, from another minute on.
    """
    minute, _, rest = cron.partition(" ")
    place = crc32(key.encode())
    if minute.startswith("*/"):
        step = int(minute.removeprefix("*/"))
        return f"{place % step}-{MINUTES_AN_HOUR - 1}/{step} {rest}"
    if not minute.isdigit():
        return cron
    within = min(SPREAD_MINUTES, MINUTES_AN_HOUR - int(minute))
    return f"{int(minute) + place % within} {rest}"


def company_of(tags: Iterable[str]) -> str | None:
    """The company that a deployment or a run belongs to, by its tags."""
    return next((tag.removeprefix(TAG) for tag in tags if tag.startswith(TAG)), None)


def ours(client: SyncPrefectClient, pool: str, names: Iterable[str]) -> list[DeploymentResponse]:
    """The deployments of `prefect.yaml` that are on the server, of all companies and of none."""
    wanted, found = set(names), list[Any]()
    while page := client.read_deployments(limit=200, offset=len(found)):
        found += page
    mine = [d for d in found if d.work_pool_name == pool]
    return [
        d
        for d in mine
        if (d.name.removesuffix(f"-{key}") if (key := company_of(d.tags)) else d.name) in wanted
    ]


def pause_gone(
    client: SyncPrefectClient, there: Iterable[DeploymentResponse], keys: Iterable[str]
) -> list[str]:
    """Pause the deployments of companies that are no more; which. Nothing is deleted.

    Where there are companies, the deployments that were the only company's are such, too.
    """
    from prefect.client.schemas.actions import DeploymentUpdate  # noqa: PLC0415  (settings first)

    known: set[str | None] = {*keys} or {None}
    paused = []
    for found in there:
        if company_of(found.tags) in known or found.paused:
            continue
        client.pause_deployment(found.id)
        client.update_deployment(found.id, DeploymentUpdate(tags=[*found.tags, GONE]))
        paused.append(found.name)
    return paused


def working_for() -> list[str | None]:
    """The companies that are deployed: the chosen one, else all, else the only one (None).

    One whose settings can't be used is left out: it holds up no other, and what it has stays.
    """
    chosen = selected_company()
    if chosen or not (keys := companies()):
        return [chosen]
    return [key for key in keys if _usable(key)]


def _usable(key: str) -> bool:
    try:
        load_settings(key)
    except NotConfigured:
        return False
    return True
