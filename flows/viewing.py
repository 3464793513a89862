"""`smartconnect dashboard`: the published figures in a browser, until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import webbrowser
from functools import partial

import uvicorn
from rich.console import Console

from dashboard.app import DashboardOptions
from dashboard.server import (
    OpenToEveryone,
    address_of,
    dashboard_socket,
    is_loopback,
    serve_dashboard,
)
from dashboard.shown import Shown
from flows.errors import NotConfigured
from flows.following import Following
from flows.personal import data_directory
from flows.servers import free_port
from flows.settings import Settings, load_settings

OPEN_AFTER_SECONDS = 0.5


def run_dashboard(
    console: Console, *, host: str | None, port: int | None, open_browser: bool
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        console: where its address is said.
        host: where it listens; the setting's where none is given.
        port: its port; the setting's where none is given.
        open_browser: whether to open it, where there is a browser.

    Raises:
        NotConfigured: others would reach it, and there is no password.
        OSError: nothing can listen there.
    """
    settings = load_settings()
    layout = data_directory(settings)
    options = dashboard_options(settings)
    host = settings.dashboard_host if host is None else host
    port = settings.dashboard_port if port is None else port
    try:
        bound = dashboard_socket(host, port, options)
    except OpenToEveryone:
        raise NotConfigured(_open_to_everyone(host)) from None
    except OSError as error:
        raise NotConfigured(
            f"The dashboard can't listen at {host}, port {port}: {os.strerror(error.errno or 0)}. "
            "Stop what is there, or set SMARTCONNECT_DASHBOARD_PORT."
        ) from None
    following = Following(settings, layout, partial(_say, console))
    shown = Shown(following.directory, memory_limit_mb=settings.dashboard_memory_limit_mb)
    address = address_of(bound)
    console.print(f"Dashboard: {address}", highlight=False, soft_wrap=True)

    def ready(_: uvicorn.Server) -> None:
        if open_browser and _has_a_browser():
            threading.Timer(OPEN_AFTER_SECONDS, webbrowser.open, [address]).start()

    with contextlib.suppress(KeyboardInterrupt), following:
        asyncio.run(serve_dashboard(shown, options, bound, ready))


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def dashboard_options(settings: Settings) -> DashboardOptions:
    """The settings that concern the dashboard."""
    password = settings.dashboard_password
    return DashboardOptions(
        reports=data_directory(settings).reports,
        password=password.get_secret_value() if password else None,
        language=settings.report_language,
        nightly="smartconnect demo" if settings.sandbox else "make up",
    )


def dashboard_port(settings: Settings, *, sandbox: bool) -> int:
    """The port that `up` gives the dashboard; 0 for none. Invented data takes any that is free.

    Raises:
        NotConfigured: others would reach it without a password, or another program has the port.
    """
    host, port = settings.dashboard_host, settings.dashboard_port
    if not port:
        return 0
    try:
        dashboard_socket(host, port, dashboard_options(settings)).close()
    except OpenToEveryone:
        raise NotConfigured(_open_to_everyone(host)) from None
    except OSError:
        if sandbox and is_loopback(host):
            return free_port()
        raise NotConfigured(
            f"The dashboard can't listen at {host}, port {port}, so nothing was started: stop what "
            "is there, or set SMARTCONNECT_DASHBOARD_PORT (0 for none)."
        ) from None
    return port


def _open_to_everyone(host: str) -> str:
    return (
        f"The dashboard would show everyone who reaches {host} what clients wrote, so nothing was "
        "started: set SMARTCONNECT_DASHBOARD_PASSWORD (in .env), or listen at 127.0.0.1."
    )


def _has_a_browser() -> bool:
    """Whether a person sits at this machine, as far as can be told."""
    shown = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return sys.platform != "linux" or shown
