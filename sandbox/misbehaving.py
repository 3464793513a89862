"""Answers that no server should give: broken off, endless, dripping, or elsewhere."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

TRANSPORT = "sandbox.transport"
RETRY_AFTER_SECONDS = 1
DRIP_SECONDS = 0.2
_MIB = 1024**2
_ENDLESS = 4096


def with_transport(app: ASGIApp) -> ASGIApp:
    """Let answers reach the connection itself: what breaks off is no business of ASGI's."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await app(scope, receive, send)

    return wrapped


class BrokenOff(Response):
    """Raw bytes, then the end of the connection.

    Args:
        sent: what the client still gets.
        reset: by a TCP reset instead of an orderly end.
    """

    def __init__(self, sent: bytes = b"", *, reset: bool = True) -> None:
        super().__init__()
        self._sent = sent
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Write to the connection, end it, and wait until it has ended."""
        transport = scope[TRANSPORT]
        if self._sent:
            transport.write(self._sent)
            await asyncio.sleep(0.01)  # a reset would overtake what is on its way
        if self._reset:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        await disconnected(receive)


class Silence(Response):
    """No answer, until the client has had enough."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Wait."""
        await disconnected(receive)
        scope[TRANSPORT].abort()


async def disconnected(receive: Receive) -> None:
    """Return once the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def head(status: str, *headers: str) -> bytes:
    """The beginning of a raw answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


def cut_chunk(content: bytes) -> Response:
    """Half of a chunk that announced the whole."""
    begun = head("200 OK", "content-type: application/octet-stream", "transfer-encoding: chunked")
    size = f"{len(content):x}\r\n".encode()
    return BrokenOff(begun + size + content[: len(content) // 2], reset=False)


def short(content: bytes) -> Response:
    """Half of the content under the whole's Content-Length."""
    begun = head(
        "200 OK", "content-type: application/octet-stream", f"content-length: {len(content)}"
    )
    return BrokenOff(begun + content[: len(content) // 2], reset=False)


def untold(content: bytes) -> Response:
    """Content without a Content-Length: whoever reads can't tell whether that was all."""

    async def all_of_it() -> AsyncIterator[bytes]:
        yield content

    return StreamingResponse(all_of_it(), media_type="application/octet-stream")


def endless(kind: str, content: bytes = b"") -> Response:
    """Gigabytes of JSON (`huge-json`), of what a gzip unpacks to (`bomb`), or a slow drip."""

    async def blocks(first: bytes, block: bytes) -> AsyncIterator[bytes]:
        yield first
        for _ in range(_ENDLESS):
            yield block

    async def drops() -> AsyncIterator[bytes]:
        for number in range(_ENDLESS * 4096):
            yield content[number : number + 1] or b" "
            await asyncio.sleep(DRIP_SECONDS)

    if kind == "huge-json":
        return StreamingResponse(
            blocks(b'{"status": 200, "description": "', b"x" * _MIB), media_type="application/json"
        )
    if kind == "bomb":
        return StreamingResponse(blocks(b"", _zeros()), headers={"content-encoding": "gzip"})
    return StreamingResponse(drops(), media_type="application/octet-stream")


@lru_cache(1)
def _zeros() -> bytes:
    """Sixteen MiB of zeros as one member of a gzip: 16 kB."""
    return gzip.compress(bytes(16 * _MIB), mtime=0)


def wire_answer(name: str, request: Request, elsewhere: str) -> Response:
    """The answer of a fault of `faults.WIRE`."""
    soon = datetime.now(UTC) + timedelta(seconds=RETRY_AFTER_SECONDS)
    waits: dict[str, Any] = {
        "http-429": RETRY_AFTER_SECONDS,
        "http-429-date": format_datetime(soon, usegmt=True),
        "http-429-absurd": 99_999_999_999,
    }
    if name in waits:
        return Response("slow down", 429, {"retry-after": str(waits[name])})
    begun = head("200 OK", "content-type: application/json", "content-length: 500")
    answers: dict[str, Callable[[], Response]] = {
        "http-500": lambda: Response("<html>Server Error</html>", 500, media_type="text/html"),
        "http-503": lambda: Response(b"", 503),
        "timeout": Silence,
        "reset": lambda: BrokenOff(begun + b'{"stat'),
        "drip": lambda: endless("drip", b"{"),
        "redirect-loop": lambda: Response(b"", 307, {"location": str(request.url)}),
        "redirect-elsewhere": lambda: Response(b"", 307, {"location": elsewhere}),
    }
    return answers[name]()
