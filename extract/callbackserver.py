"""The receiver over real sockets: uvicorn, with a deadline for a request's head as well.

uvicorn waits for ever for a head that drips; and it would write paths, and with them the secret,
into its access log, which is off.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from extract.callbacks import CallbackOptions, Receiver
from extract.inbox import Inbox

BACKLOG = 2048


class ProtocolWithDeadline(H11Protocol):
    """uvicorn's protocol; a connection whose request's head isn't there in time is closed."""

    deadline_seconds = 10.0
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A head is awaited from now on."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        self._wait()
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.deadline_seconds, self._close)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _close(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


def protocol_with_deadline(seconds: float) -> type[H11Protocol]:
    """The protocol with this deadline."""
    return type("Protocol", (ProtocolWithDeadline,), {"deadline_seconds": seconds})


def callback_socket(host: str, port: int) -> socket.socket:
    """Bound and not yet served; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, asyncio sends each answer at once; else it waits 40 ms for company.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


async def serve_callbacks(
    folder: Path,
    options: CallbackOptions,
    bound: socket.socket,
    *,
    seal_seconds: float,
    seal_bytes: int,
    ready: Callable[[uvicorn.Server], None] = lambda _: None,
) -> Receiver:
    """Receive until a signal to stop; what was acknowledged is sealed then.

    Args:
        folder: the inbox.
        options: who may call, and how much.
        bound: where.
        seal_seconds: the age at which a segment of the inbox is sealed.
        seal_bytes: the size at which it is.
        ready: called with the server before it serves.
    """
    async with Inbox(folder, seal_seconds=seal_seconds, seal_bytes=seal_bytes) as inbox:
        receiver = Receiver(inbox, options)
        config = uvicorn.Config(
            receiver,
            http=protocol_with_deadline(options.deadline_seconds),
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            limit_concurrency=options.max_connections,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=int(options.deadline_seconds) + 1,
            h11_max_incomplete_event_size=16 * 1024,
        )
        server = uvicorn.Server(config)
        ready(server)
        await server.serve(sockets=[bound])
        return receiver
