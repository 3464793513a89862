"""Before every page: who may see it, and what the browser may do with it.

Without a password only this machine is served, and only under a name of its own: a page elsewhere
whose name was pointed at 127.0.0.1 (DNS rebinding) gets nothing. With one, every request must bring
it, and who guesses is slowed down.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

USER = "smartconnect"
FAILURES, WITHIN_SECONDS, REMEMBERED = 10, 60.0, 4096
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "script-src 'self'",
        "connect-src 'self'",  # asks whether there is a new release
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    b"content-security-policy": CONTENT_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"cache-control": b"no-store",
}


class Guard:
    """The ASGI application around the dashboard's.

    Args:
        app: the pages.
        password: what everyone must bring; None serves this machine's own names alone.
    """

    def __init__(self, app: App, password: str | None) -> None:
        self._app = app
        self._wanted = _digest(f"{USER}:{password}".encode()) if password is not None else None
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        refused = self._refused(scope)
        if refused is not None:
            await _answer(send, *refused)
            return
        await self._app(scope, receive, _with_headers(send))

    def _refused(self, scope: Scope) -> tuple[int, str, dict[bytes, bytes]] | None:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "Nothing is changed here: GET.", {b"allow": b"GET, HEAD"}
        if self._wanted is None:
            if _is_local(_header(scope, b"host").decode("latin-1")):
                return None
            return 421, "This is served under the names of this machine alone.", {}
        who = _neighbourhood(scope)
        if self._is_slowed(who):
            return 429, "Too many wrong passwords: wait a minute.", {b"retry-after": b"60"}
        given = _credentials(_header(scope, b"authorization"))
        if given is not None and hmac.compare_digest(_digest(given), self._wanted):
            self._failures.pop(who, None)
            return None
        if given is not None:
            self._failed(who)
        realm = b'Basic realm="SmartConnect", charset="UTF-8"'
        return 401, "User smartconnect, and the password.", {b"www-authenticate": realm}

    def _is_slowed(self, who: str) -> bool:
        times = self._failures.get(who)
        while times and times[0] < time.monotonic() - WITHIN_SECONDS:
            times.popleft()
        return bool(times) and len(times or ()) >= FAILURES

    def _failed(self, who: str) -> None:
        self._failures.setdefault(who, deque()).append(time.monotonic())
        self._failures.move_to_end(who)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)


def _is_local(host: str) -> bool:
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, "0"
    return name.lower() in LOCAL_NAMES and port.isdigit()


def _credentials(given: bytes) -> bytes | None:
    scheme, _, rest = given.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(rest.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _digest(secret: bytes) -> bytes:
    """Of one length, whatever the length of what was given."""
    return sha256(secret).digest()


def _neighbourhood(scope: Scope) -> str:
    """Who guesses: an address, or the /64 that an IPv6 host can change its address in."""
    client = scope.get("client")
    try:
        found = ip_address(client[0]) if client else None
    except ValueError:
        return str(client)
    if found is None or found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ip_network(f"{found}/64", strict=False))


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


def _with_headers(send: Send) -> Send:
    """What a page doesn't say itself, it says by `HEADERS`."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = {bytes(key).lower() for key, _ in message["headers"]}
            more = [(key, value) for key, value in HEADERS.items() if key not in told]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sending


async def _answer(send: Send, status: int, reason: str, more: dict[bytes, bytes]) -> None:
    body = f"{reason}\n".encode()
    headers = {
        b"content-type": b"text/plain; charset=utf-8",
        b"content-length": str(len(body)).encode(),
        **more,
    }
    start = {"type": "http.response.start", "status": status, "headers": list(headers.items())}
    await _with_headers(send)(start)
    await send({"type": "http.response.body", "body": body})
