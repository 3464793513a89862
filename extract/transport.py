"""The httpx client both calls and downloads are made with, and what its failures mean.

Nothing of httpx leaves this package: its exceptions hold the request, token included, and its
loggers write full URLs, signed ones included.
"""

from __future__ import annotations

import logging
import ssl

import httpx

from extract.options import ClientOptions

# Names under which httpx and httpcore log: INFO shows URLs, DEBUG shows headers.
_TALKATIVE = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)
# Raised before any byte of the request has left.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# OSError: what the event loop's own sockets raise on some platforms.
FAULTS = (httpx.HTTPError, httpx.StreamError, OSError)


def _is_harmless(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def silence_http_loggers() -> None:
    """Keep URLs and headers out of every log, whatever levels anyone sets later.

    A level could be undone by a logging configuration; a filter on the logger is not.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_is_harmless)  # adding it twice changes nothing


def ssl_context(options: ClientOptions) -> ssl.SSLContext:
    """Certificates are always checked; made once for a client, since it reads a large file."""
    if options.ca_file is not None:
        return ssl.create_default_context(cafile=str(options.ca_file))
    return httpx.create_ssl_context(trust_env=False)


def http_client(
    options: ClientOptions, context: ssl.SSLContext, *, keep_alive: bool
) -> httpx.AsyncClient:
    """A client that follows no redirect, keeps no cookie of ours and reads no environment."""
    return httpx.AsyncClient(
        verify=context,
        follow_redirects=False,
        trust_env=False,
        timeout=httpx.Timeout(
            options.read_timeout_seconds, connect=options.connect_timeout_seconds
        ),
        limits=httpx.Limits(
            max_connections=64,
            max_keepalive_connections=64 if keep_alive else 0,
        ),
        headers={"accept-encoding": "identity", "user-agent": "smartconnect-etl"},
    )


def describe(error: BaseException) -> str:
    """What happened on the wire, without any text of the error: it can hold an address."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "the server's certificate is not one to trust"
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.ConnectError):
        return "no connection (name not found, refused, or TLS failed)"
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "no complete answer in time"
    if isinstance(error, httpx.RemoteProtocolError):
        return "the connection was closed in mid-answer"
    return f"the connection broke ({type(error).__name__})"
