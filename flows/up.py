"""`smartconnect up`: server, worker and deployments on one host, in the foreground."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from honcho.manager import Manager

from flows.demo import SANDBOX_TOKEN, sandbox_environment
from flows.errors import FlowError, NotConfigured
from flows.servers import PREFECT_ENVIRONMENT, free_port, program, wait_for_url
from flows.settings import home, load_settings, local_token

POOL = "smartconnect"
SANDBOX_DIR = "data-sandbox"
PROJECT = Path(__file__).resolve().parent.parent


def run_up(*, sandbox: bool, port: int) -> int:
    """Run everything until Ctrl-C; the exit code of the first process that ended by itself.

    Raises:
        NotConfigured: no token, and no --sandbox: invented data is never taken for a company's.
    """
    environment = dict(PREFECT_ENVIRONMENT)
    environment["SMARTCONNECT_HOME"] = str(home().resolve())
    environment["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    processes = [("server", f"{_quoted('prefect')} server start --host 127.0.0.1 --port {port}")]
    if sandbox:
        sandbox_port = free_port()
        base_url = f"http://127.0.0.1:{sandbox_port}/api"
        data_root = (home() / SANDBOX_DIR).resolve()
        environment.update(sandbox_environment(base_url, data_root))
        start = f"{shlex.quote(sys.executable)} -m sandbox --port {sandbox_port}"
        processes.append(("sandbox", f"{start} --token {SANDBOX_TOKEN} --export-seconds 1"))
    else:
        _require_token()
        data_root = load_settings().data_root
    environment["PREFECT_HOME"] = str(data_root / "state" / "prefect")
    processes.append(("worker", f"{_quoted('smartconnect')} worker"))
    manager = Manager()
    for name, command in processes:
        manager.add_process(
            name, f"exec {command}", env={**os.environ, **environment}, cwd=str(PROJECT)
        )
    manager.loop()
    return int(manager.returncode or 0)


def _require_token() -> None:
    if local_token() is None and not os.environ.get("SMARTCONNECT_TOKEN_BLOCK"):
        raise NotConfigured(
            "No token, so nothing was started: set SMARTCONNECT_TOKEN in the environment or in "
            ".env (or SMARTCONNECT_TOKEN_FILE, or SMARTCONNECT_TOKEN_BLOCK for a Prefect Secret "
            "block), or add --sandbox to try it with invented data."
        )


def _quoted(name: str) -> str:
    return shlex.quote(program(name))


def become_worker() -> None:
    """Wait for the server, apply `prefect.yaml`, then become the worker.

    Raises:
        FlowError: the server didn't answer, or a deployment was refused.
    """
    api = os.environ["PREFECT_API_URL"]
    wait_for_url(f"{api}/health", None, "Prefect's server")
    prefect = program("prefect")
    _run([prefect, "work-pool", "create", POOL, "--type", "process", "--overwrite"])
    _run([prefect, "--no-prompt", "deploy", "--all"])
    os.execv(  # noqa: S606
        prefect, [prefect, "worker", "start", "--pool", POOL, "--type", "process", "--name", "up"]
    )


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, cwd=PROJECT)  # noqa: S603
    if done.returncode != 0:
        raise FlowError(f"`{' '.join(command[1:])}` ended with code {done.returncode}.")
