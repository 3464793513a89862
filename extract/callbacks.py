"""The receiver of SmartConnect's callbacks: an HTTP POST for each new incoming message.

Nothing is signed, so whoever knows the path is believed: the path is a secret, in no log and no
answer. A request is answered once it is durable in the inbox: 200 for a message; 4xx for what isn't
one, which is kept aside with its reason. 404 tells a stranger nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import parse_qsl

from extract.inbox import Inbox
from extract.inboxsegments import Received

Scope = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[dict[str, Any]], Any]
NEEDED = ("message_id", "thread_id")
_FORM = b"application/x-www-form-urlencoded"
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True)
class CallbackOptions:
    """How callbacks are received.

    Args:
        secrets: the last part of the path; two while it is changed.
        addresses: networks that may call; empty: all.
        max_body_bytes: the largest body.
        deadline_seconds: for a whole request.
        rate_per_second: messages a second, averaged over one; more are asked to come again.
        max_connections: at once; more are refused.
    """

    secrets: Sequence[str]
    addresses: Sequence[str] = ()
    max_body_bytes: int = 256 * 1024
    deadline_seconds: float = 10.0
    rate_per_second: float = 2000.0
    max_connections: int = 1000


@dataclass(frozen=True)
class _Refused(Exception):
    """A request that isn't taken; `kept`: it is kept aside."""

    status: int
    reason: str
    kept: bool = False


class Receiver:
    """The ASGI application."""

    def __init__(self, inbox: Inbox, options: CallbackOptions) -> None:
        self._inbox = inbox
        self._options = options
        self._secrets = [secret.encode() for secret in options.secrets]
        self._networks = [ip_network(text, strict=False) for text in options.addresses]
        self._tokens = options.rate_per_second
        self._filled_at = time.monotonic()
        self.counts: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        try:
            self._admit(scope)
        except _Refused as refused:
            await self._answer(send, refused.status, refused.reason)
            return
        body = bytearray()
        form = _header(scope, b"content-type").split(b";")[0].strip().lower() == _FORM
        try:
            await self._read(scope, receive, body)
            understand(bytes(body), form=form)
            status, reason = 200, "kept"
        except _Refused as refused:
            status, reason = refused.status, refused.reason
        received = Received(datetime.now(UTC), form, bytes(body), None if status == 200 else reason)
        try:
            await self._inbox.keep(received)
        except OSError:
            status, reason = 503, "not kept: send it again later"
        await self._answer(send, status, reason)

    def _admit(self, scope: Scope) -> None:
        """Who may come in; to everyone else there is nothing here."""
        client = scope.get("client")
        if self._networks and not (client and self._known(client[0])):
            raise _Refused(404, "no such page")
        given = scope["path"].rpartition("/")[2].encode("utf-8", "surrogatepass")
        matches = [hmac.compare_digest(given, secret) for secret in self._secrets]  # all of them
        if not any(matches):
            raise _Refused(404, "no such page")
        if scope["method"] != "POST":
            raise _Refused(405, "POST a message")
        now = time.monotonic()
        rate = self._options.rate_per_second
        self._tokens = min(rate, self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now
        if self._tokens < 1:
            raise _Refused(429, "too many at once: send it again later")
        self._tokens -= 1

    def _known(self, address: str) -> bool:
        found = ip_address(address)
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self._networks)

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> None:
        """The body, within its bounds of size and time; what came is in `body` in any case."""
        most = self._options.max_body_bytes
        try:
            async with asyncio.timeout(self._options.deadline_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Refused(400, "broken off")
                    body += message.get("body", b"")
                    if len(body) > most:
                        del body[most:]
                        raise _Refused(413, f"larger than {most} bytes")
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            raise _Refused(408, "too slow") from None
        told = _header(scope, b"content-length")
        if told.isdigit() and int(told) != len(body):
            raise _Refused(400, "broken off")

    async def _answer(self, send: Send, status: int, reason: str) -> None:
        self.counts[f"{status} {reason}"] += 1
        content = json.dumps({"status": status, "description": reason}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
        if status in (429, 503):
            headers.append((b"retry-after", b"5"))
        if status in (408, 413):
            headers.append(_CLOSE)  # more of it may be under way
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def understand(body: bytes, *, form: bool) -> dict[str, Any]:
    """The fields of a message, JSON or form, values as they came.

    Raises:
        _Refused: it isn't one; with the status and the reason.
    """
    found = _form(body) if form else _json(body)
    if found is None and not form and b"=" in body:
        found = _form(body)  # a form that doesn't say so
    if found is None:
        raise _Refused(400, "neither a JSON object nor a form")
    missing = [name for name in NEEDED if found.get(name) in (None, "")]
    if missing:
        raise _Refused(422, f"without {' and '.join(missing)}")
    return found


def fields_of(body: bytes, *, form: bool) -> dict[str, Any] | None:
    """The fields of a message; None where it isn't one."""
    try:
        return understand(body, form=form)
    except _Refused:
        return None


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _form(body: bytes) -> dict[str, Any] | None:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
    except (ValueError, UnicodeDecodeError):
        return None


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")
