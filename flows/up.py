"""`smartconnect up`: server, worker and deployments on one host, in the foreground."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from honcho.manager import Manager

from dashboard.server import is_loopback
from flows.demo import SANDBOX_TOKEN, sandbox_environment
from flows.deploying import POOL, PROJECT, create_pool, deploy
from flows.errors import NotConfigured
from flows.personal import data_directory
from flows.servers import PREFECT_ENVIRONMENT, free_port, program, pruned_after, wait_for_url
from flows.settings import companies, home, load_settings, selected_company
from flows.settings.tokens import local_token
from flows.upcompanies import company_processes
from flows.viewing import dashboard_port
from warehouse.layout import PRIVATE_DIR, DataDirectory
from warehouse.privatefiles import private_files

LOOPBACK = "127.0.0.1"
LOCAL_API = f"http://{LOOPBACK}:4200/api"
UI_USER = "smartconnect"
SANDBOX_DIR = "data-sandbox"
SANDBOX_SECRET = "sandbox-callbacks"  # noqa: S105  (of invented data)


def run_up(*, sandbox: bool, port: int, host: str = LOOPBACK) -> int:
    """Run everything until Ctrl-C; the exit code of the first process that ended by itself.

    Args:
        sandbox: invented data, the sandbox beside.
        port: of Prefect's server and UI.
        host: the address that they listen on.

    Raises:
        NotConfigured: no token, and no --sandbox: invented data is never taken for a company's.
            Or an address that others reach, and no password; or a port is taken, or wanted twice.
        warehouse.errors.WarehouseError: the data directory can't be used, or is another's.
    """
    environment = dict(PREFECT_ENVIRONMENT)
    environment["SMARTCONNECT_HOME"] = str(home().resolve())
    environment.update(server_environment(host, port))
    environment.update(pruned_after(load_settings().keep_runs_days))
    listen = f"--host {shlex.quote(host)} --port {port}"
    processes = [("server", f"{_quoted('prefect')} server start {listen}")]
    keys = [] if sandbox else companies()
    if keys:
        layout = DataDirectory(load_settings().data_root)
        processes += _company_processes(keys, port)
    else:
        layout = _sandbox(environment, processes) if sandbox else _only_company()
        processes += _services(environment, sandbox=sandbox)
    environment["PREFECT_HOME"] = str(prefect_home(layout))
    processes.append(("worker", f"{_quoted('smartconnect')} worker"))
    manager = Manager()
    for name, command in processes:
        manager.add_process(
            name, f"exec {command}", env={**os.environ, **environment}, cwd=str(PROJECT)
        )
    with private_files():
        manager.loop()
    return int(manager.returncode or 0)


def _sandbox(environment: dict[str, str], processes: list[tuple[str, str]]) -> DataDirectory:
    """Add the sandbox's process, and what lets flows find it."""
    sandbox_port = free_port()
    base_url = f"http://127.0.0.1:{sandbox_port}/api"
    layout = DataDirectory(home() / SANDBOX_DIR)
    layout.initialise("sandbox")
    environment.update(sandbox_environment(base_url, layout.root))
    start = f"{shlex.quote(sys.executable)} -m sandbox --port {sandbox_port}"
    start += f" --token {SANDBOX_TOKEN} --export-seconds 1"
    callback_port = free_port()
    environment["SMARTCONNECT_CALLBACK_PORT"] = str(callback_port)
    environment["SMARTCONNECT_CALLBACK_SECRET"] = SANDBOX_SECRET
    url = f"http://127.0.0.1:{callback_port}/{SANDBOX_SECRET}"
    processes.append(("sandbox", f"{start} --callback-url {url}"))
    return layout


def _only_company() -> DataDirectory:
    _require_token()
    settings = load_settings()
    layout = data_directory(settings)
    layout.initialise(settings.origin)
    return layout


def _services(environment: dict[str, str], *, sandbox: bool) -> list[tuple[str, str]]:
    """The receiver of callbacks and the dashboard, where they are wanted."""
    services = []
    if sandbox or load_settings().callback_secret is not None:
        services.append(("callbacks", f"{_quoted('smartconnect')} callbacks"))
    if viewing := dashboard_port(load_settings(), sandbox=sandbox):
        command = f"{_quoted('smartconnect')} dashboard --no-open --port {viewing}"
        services.append(("dashboard", command))
        if sandbox and load_settings().dashboard_url is None:
            environment["SMARTCONNECT_DASHBOARD_URL"] = f"http://{LOOPBACK}:{viewing}/"
    return services


def _company_processes(keys: list[str], port: int) -> list[tuple[str, str]]:
    """What runs for each of several companies; tells what is wrong with some of them."""
    if selected_company():
        raise NotConfigured(
            "`up` is for all companies: leave --company and SMARTCONNECT_COMPANY out. For one of "
            "them alone there is `smartconnect --company <key> deploy`."
        )
    services, problems = company_processes(keys, port)
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201  (the terminal of `up`)
    return [(service.name, service.command) for service in services]


def server_environment(host: str, port: int) -> dict[str, str]:
    """Where Prefect's server is, and its password: by the environment, never by a command line.

    Raises:
        NotConfigured: an address that others reach, and no password.
    """
    password = load_settings().ui_password
    if password is None and not is_loopback(host):
        raise NotConfigured(
            f"Prefect's server would be open to everyone who reaches {host}, so nothing was "
            "started: set SMARTCONNECT_UI_PASSWORD (in .env), or leave --host out."
        )
    reached = LOOPBACK if host in ("0.0.0.0", "::") else host  # noqa: S104  (compared, not bound)
    shown = f"[{reached}]" if ":" in reached else reached
    environment = {"PREFECT_API_URL": f"http://{shown}:{port}/api"}
    if not is_loopback(host):
        environment["PREFECT_SERVER_UI_API_URL"] = "/api"  # whatever name a browser came by
    if password is not None:
        login = f"{UI_USER}:{password.get_secret_value()}"
        environment["PREFECT_SERVER_API_AUTH_STRING"] = login
        environment["PREFECT_API_AUTH_STRING"] = login
    return environment


def prefect_home(layout: DataDirectory) -> Path:
    """Where Prefect keeps its database; it doesn't make the folder itself."""
    folder = layout.state / "prefect"
    for private in (layout.state, folder):
        private.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        private.chmod(PRIVATE_DIR)
    return folder


def _require_token() -> None:
    if local_token() is None and "token_block" not in load_settings().model_fields_set:
        raise NotConfigured(
            "No token, so nothing was started: set SMARTCONNECT_TOKEN in the environment or in "
            ".env (or SMARTCONNECT_TOKEN_FILE, or SMARTCONNECT_TOKEN_BLOCK for a Prefect Secret "
            "block), or add --sandbox to try it with invented data."
        )


def _quoted(name: str) -> str:
    return shlex.quote(program(name))


def become_worker(
    name: str | None = None, *, deploying: bool = True, limit: int | None = None
) -> None:
    """Wait for the server, apply `prefect.yaml`, then become a worker of this machine.

    Args:
        name: the worker's; the machine's without it. Two workers at once have two names.
        deploying: whether `prefect.yaml` is applied, which one of several machines does.
        limit: how many flows it runs at once.

    Raises:
        FlowError: the server didn't answer, or a deployment was refused.
    """
    from flows.deadruns import close_dead_runs, worker_name  # noqa: PLC0415  (settings first)

    name = name or worker_name()
    api = os.environ.get("PREFECT_API_URL", LOCAL_API)
    wait_for_url(f"{api}/health", None, "Prefect's server")
    create_pool()
    close_dead_runs(POOL, name)
    for said in deploy() if deploying else ():
        print(said)  # noqa: T201  (the terminal of `up`)
    prefect = program("prefect")
    command = [prefect, "worker", "start", "--pool", POOL, "--type", "process", "--name", name]
    os.execv(  # noqa: S606
        prefect, command if limit is None else [*command, "--limit", str(limit)]
    )
