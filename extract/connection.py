"""The way to the vendor before anything is asked of it: name, certificate, and its clock.

Nothing carries the token: one connection is opened, and one page without meaning is asked for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from extract.options import ClientOptions
from extract.transport import FAULTS, describe, http_client, silence_http_loggers, ssl_context

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Connection:
    """What was seen on the way; each problem is None where there was none.

    Args:
        host: of the base URL.
        addresses: what its name leads to.
        encrypted: whether the base URL is https.
        connect_problem: no connection, or its certificate isn't one to trust.
        protocol: TLS's version, where there is TLS.
        certificate_ends: until when the certificate is valid.
        clock_ahead_seconds: how far the vendor's clock is ahead of ours, by its Date header.
        clock_problem: why that isn't known.
    """

    host: str
    encrypted: bool
    addresses: tuple[str, ...] = ()
    connect_problem: str | None = None
    protocol: str | None = None
    certificate_ends: datetime | None = None
    clock_ahead_seconds: float | None = None
    clock_problem: str | None = None


async def look(options: ClientOptions) -> Connection:
    """Resolve, connect, and read the clock; never raises for what the other side does."""
    silence_http_loggers()
    base = options.base
    port = base.port or _DEFAULT_PORTS[base.scheme]
    encrypted = base.scheme == "https"
    addresses = await _addresses(base.host, port)
    if not addresses:
        return Connection(base.host, encrypted, connect_problem="its name has no address")
    context = ssl_context(options)
    problem, protocol, ends = await _handshake(options, port, context if encrypted else None)
    if problem is not None:
        return Connection(base.host, encrypted, addresses, problem)
    ahead, unknown = await _clock(options, context)
    return Connection(base.host, encrypted, addresses, None, protocol, ends, ahead, unknown)


async def _addresses(host: str, port: int) -> tuple[str, ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _handshake(
    options: ClientOptions, port: int, context: ssl.SSLContext | None
) -> tuple[str | None, str | None, datetime | None]:
    """The problem, or TLS's version and the certificate's end."""
    limit = options.connect_timeout_seconds
    name = options.base.host if context else None
    try:
        async with asyncio.timeout(limit):
            _, writer = await asyncio.open_connection(
                options.base.host, port, ssl=context, server_hostname=name
            )
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not one to trust: {error.verify_message}", None, None
    except ssl.SSLError as error:
        return f"TLS fails ({error.reason or 'no reason given'})", None, None
    except TimeoutError:
        return f"no connection in {limit:g} s", None, None
    except OSError as error:
        return f"no connection ({type(error).__name__})", None, None
    secured = writer.get_extra_info("ssl_object")
    protocol = secured.version() if secured else None
    ends = _end((secured.getpeercert() or {}).get("notAfter")) if secured else None
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(limit):
            await writer.wait_closed()
    return None, protocol, ends


def _end(text: object) -> datetime | None:
    with suppress(ValueError, TypeError):
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(text)), UTC)
    return None


async def _clock(
    options: ClientOptions, context: ssl.SSLContext
) -> tuple[float | None, str | None]:
    """How far the vendor's clock is ahead, or why nobody knows."""
    try:
        async with (
            asyncio.timeout(options.read_timeout_seconds),
            http_client(options, context, keep_alive=False) as http,
        ):
            asked = datetime.now(UTC)
            async with http.stream("GET", options.base) as answer:
                answered = datetime.now(UTC)
                header = answer.headers.get("date")
    except (TimeoutError, *FAULTS) as error:
        return None, f"a page was asked for without the token, and {describe(error)}"
    except httpx.InvalidURL:
        return None, "the base URL can't be asked"
    if header is None:
        return None, "its answers have no Date header"
    return _ahead(header, asked, answered)


def _ahead(header: str, asked: datetime, answered: datetime) -> tuple[float | None, str | None]:
    """The header's moment lies between question and answer where both clocks are right."""
    try:
        told = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None, "its Date header is no date"
    told = told.replace(tzinfo=UTC) if told.tzinfo is None else told
    middle = asked + (answered - asked) / 2
    return (told - middle).total_seconds() + 0.5, None  # whole seconds: half a one is lost
