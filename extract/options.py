"""How to talk to one company's SmartConnect: plain settings, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import httpx

from extract.errors import BadConfiguration
from extract.routes import Operation, Routes
from extract.statuses import Meaning, status_table


@dataclass(frozen=True)
class ClientOptions:
    """Settings of a client. Durations are seconds, sizes bytes; None of them holds the token.

    Args:
        base_url: where the API is (published: `https://smartconnect.smstraffic.ru/api`).
        routes: paths of the operations.
        status_meanings: status → word of `statuses.Meaning`, laid over the defaults.
        user_id_field: how a user's id is called in the input of `get_user` (not published: a
            setting; `uid` is what the chats export calls it).
        connect_timeout_seconds: for one connection.
        read_timeout_seconds: for one whole answer of an operation (a time-out per read would let a
            slow drip go on for ever); for a download, between two chunks.
        call_deadline_seconds: for one call with all its attempts.
        attempts: how often a call or a download is tried.
        backoff_first_seconds: the wait after the first failure; it doubles, with jitter.
        backoff_max_seconds: the longest wait, also when Retry-After asks for more.
        max_reply_bytes: the largest answer of an operation, decoded.
        download_deadline_seconds: for one download with all its attempts.
        max_download_bytes: the largest file, as it comes and decoded.
        allowed_hosts: further hosts that files may come from: `cdn.x.ru`, or `.x.ru` for all below.
        allow_public_hosts: files may come from any host with a public address.
        allow_loopback: the base URL's own host, port and scheme may be on this machine (sandbox).
        allowed_networks: networks that files may come from though not public: `10.1.0.0/16`.
        ca_file: certificates to trust in place of the usual ones.

    Raises:
        BadConfiguration: a base URL, a network or a figure that can't be used.
    """

    base_url: str
    routes: Routes = field(default_factory=Routes)
    status_meanings: Mapping[int, str] = field(default_factory=dict)
    user_id_field: str = "uid"
    connect_timeout_seconds: float = 10
    read_timeout_seconds: float = 60
    call_deadline_seconds: float = 120
    attempts: int = 4
    backoff_first_seconds: float = 0.5
    backoff_max_seconds: float = 60
    max_reply_bytes: int = 64 * 1024**2
    download_deadline_seconds: float = 1800
    max_download_bytes: int = 2 * 1024**3
    allowed_hosts: tuple[str, ...] = ()
    allow_public_hosts: bool = True
    allow_loopback: bool = False
    allowed_networks: tuple[str, ...] = ()
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        _ = self.base, self.meanings, self.networks
        limits = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name.endswith(("_seconds", "_bytes")) or name == "attempts"
        }
        for name, value in limits.items():
            if not value > 0:
                raise _wrong(name, "it is not above 0", "Give a figure above 0.")

    @cached_property
    def base(self) -> httpx.URL:
        """`base_url`, parsed, without a slash at its end."""
        cure = "Write it as https://host/path, without user, `?` or `#`."
        try:
            url = httpx.URL(self.base_url.rstrip("/"))
        except (httpx.InvalidURL, TypeError):
            url = httpx.URL("")
        if url.scheme not in ("http", "https") or not url.host:
            raise _wrong("base_url", "it is no http or https address", cure)
        if url.userinfo or url.query or url.fragment:
            raise _wrong("base_url", "it has a user, a query or a fragment", cure)
        return url

    @cached_property
    def meanings(self) -> Mapping[int, Meaning]:
        """Status → meaning, with this company's overrides."""
        return status_table(self.status_meanings)

    @cached_property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`allowed_networks`, parsed."""
        try:
            return tuple(ip_network(network) for network in self.allowed_networks)
        except ValueError:
            pass
        raise _wrong("allowed_networks", "one is no network", "Write them as 10.1.0.0/16.")

    def url(self, operation: Operation) -> httpx.URL:
        """The full URL of `operation`."""
        return self.base.copy_with(
            path=self.base.path.rstrip("/") + self.routes.path(operation),
        )


def _wrong(name: str, came: str, cure: str) -> BadConfiguration:
    return BadConfiguration("configuration", f"the setting {name}", came, cure)
