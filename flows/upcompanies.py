"""What `smartconnect up` runs for each of several companies beside the one server and worker."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from flows.errors import FlowError, NotConfigured
from flows.personal import data_directory
from flows.servers import program
from flows.settings import Settings, load_settings, own_settings
from flows.settings.tokens import local_token, no_token
from flows.viewing import dashboard_port
from warehouse.errors import WarehouseError


@dataclass(frozen=True)
class Service:
    """A process of one company that listens: its receiver of callbacks, or its dashboard."""

    company: str
    what: str
    port: int
    setting: str
    command: str

    @property
    def name(self) -> str:
        """What its lines are marked with in the terminal."""
        return f"{self.what}-{self.company}"


def company_processes(keys: list[str], prefect_port: int) -> tuple[list[Service], list[str]]:
    """The processes of all companies, and what is wrong with some, which stops no other.

    Raises:
        NotConfigured: two processes want one port; or no company can work at all.
    """
    services: list[Service] = []
    problems: list[str] = []
    for key in keys:
        try:
            settings = load_settings(key)
            layout = data_directory(settings)
            layout.initialise(settings.origin)
            services += _services(key, settings)
        except (FlowError, WarehouseError) as error:
            problems.append(f"{key}: {error}")
            continue
        if local_token(key) is None and "token_block" not in own_settings(key):
            problems.append(str(no_token(settings)))
    if len(problems) == len(keys):
        raise NotConfigured("No company can work, so nothing was started. " + " ".join(problems))
    _refuse_clashes(services, prefect_port)
    return services, problems


def _services(key: str, settings: Settings) -> Iterator[Service]:
    command = f"{shlex.quote(program('smartconnect'))} --company {key}"
    if settings.callback_secret is not None:
        port = settings.callback_port
        setting = "SMARTCONNECT_CALLBACK_PORT"
        yield Service(key, "callbacks", port, setting, f"{command} callbacks")
    # One that all share would be the port of each: only a company's own starts one.
    if "dashboard_port" in own_settings(key) and settings.dashboard_port:
        port = settings.dashboard_port
        setting = "SMARTCONNECT_DASHBOARD_PORT"
        yield Service(key, "dashboard", port, setting, f"{command} dashboard --no-open")


def _refuse_clashes(services: list[Service], prefect_port: int) -> None:
    taken = {prefect_port: "Prefect's server"}
    for service in services:
        before = taken.setdefault(service.port, f"the {service.what} of {service.company}")
        if before != f"the {service.what} of {service.company}":
            raise NotConfigured(
                f"{before.capitalize()} and the {service.what} of {service.company} would both "
                f"listen at port {service.port}, so nothing was started: set {service.setting} in "
                f"companies/{service.company}.env."
            )
    for service in services:
        if service.what == "dashboard":
            dashboard_port(load_settings(service.company), sandbox=False)
