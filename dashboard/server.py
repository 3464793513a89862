"""The dashboard over real sockets: one process, pages made in threads."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from ipaddress import ip_address

import uvicorn

from dashboard.app import DashboardOptions, Pages, dashboard_app
from dashboard.shown import Identity, Shown

_LOOK_EVERY_SECONDS = 2.0
_MOST_CONNECTIONS = 200


class OpenToEveryone(ValueError):
    """Others would reach the dashboard, and nothing asks them who they are."""


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches `host`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def dashboard_socket(host: str, port: int, options: DashboardOptions) -> socket.socket:
    """Bound and not yet served; port 0 takes a free one.

    Raises:
        OpenToEveryone: others reach `host`, and there is no password.
        OSError: nothing can listen there.
    """
    if options.password is None and not is_loopback(host):
        raise OpenToEveryone(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host.strip("[]"), port))
    except OSError:
        bound.close()
        raise
    return bound


def address_of(bound: socket.socket) -> str:
    """Where a browser of this machine finds it."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  (compared)
    return f"http://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{port}/"


async def serve_dashboard(
    shown: Shown,
    options: DashboardOptions,
    bound: socket.socket,
    ready: Callable[[uvicorn.Server], None] = lambda _: None,
) -> None:
    """Serve until a signal to stop.

    Args:
        shown: what pages show.
        options: to whom, and how.
        bound: where.
        ready: called with the server before it serves.
    """
    pages = Pages(shown, options)
    config = uvicorn.Config(
        dashboard_app(pages),
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,  # an address can name a thread, and that may be a phone
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=32 * 1024,
    )
    server = uvicorn.Server(config)
    ready(server)
    looking = asyncio.create_task(_look_out(pages))
    try:
        await server.serve(sockets=[bound])
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def _look_out(pages: Pages) -> None:
    """Soon after a release took another's place, though nobody asks: forget what was kept of the
    old one, and make the first page of the new one.
    """
    seen: Identity | None = None
    while True:
        now = await asyncio.to_thread(pages.shown.now)
        if now != seen:
            seen = now
            await asyncio.to_thread(pages.warm)
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
