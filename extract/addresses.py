"""Which hosts an export file may come from: the address connected to is what counts, not its name.

A name is resolved once, every address is checked, and the connection is made to a checked address,
so that a name that resolves differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx

from extract.errors import DownloadIncomplete, LocationRefused
from extract.options import ClientOptions

_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")  # RFC 8215: leads where its network wants
_COMPATIBLE = ip_network("::/96")  # RFC 4291, given up long ago
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CURE = (
    "If this host is right, add it to SMARTCONNECT_DOWNLOAD_HOSTS; otherwise ask SmartConnect why "
    "an export points there."
)


@dataclass(frozen=True)
class Target:
    """A URL with the checked address to connect to."""

    url: httpx.URL
    address: IPv4Address | IPv6Address
    is_vendor: bool

    @property
    def connect_url(self) -> httpx.URL:
        """The URL with the address in place of the name."""
        return self.url.copy_with(host=str(self.address))

    @property
    def host_header(self) -> str:
        """What the server is told it is called."""
        return self.url.netloc.decode("ascii")


def same_origin(url: httpx.URL, base: httpx.URL) -> bool:
    """Whether scheme, host and port are the configured ones."""
    return (url.scheme, url.host, _port(url)) == (base.scheme, base.host, _port(base))


def _port(url: httpx.URL) -> int | None:
    return url.port or _DEFAULT_PORTS.get(url.scheme)


async def checked_target(url: httpx.URL, options: ClientOptions, asked: str) -> Target:
    """Resolve and check; nothing was sent to anyone but the resolver.

    Raises:
        LocationRefused: scheme, host or address that we don't connect to.
        DownloadIncomplete: the name can't be resolved now.
    """
    is_vendor = same_origin(url, options.base)
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise _refused(asked, f"it is no plain http address (scheme {url.scheme[:12]!r})")
    if url.scheme == "http" and options.base.scheme == "https":
        raise _refused(asked, "it is unencrypted http, while the API speaks https")
    listed = is_vendor or _is_listed(url.host, options.allowed_hosts)
    if not listed and not options.allow_public_hosts:
        raise _refused(asked, "its host is not among those allowed")
    addresses = await _resolve(url, asked)
    for address in addresses:
        if not _may_connect(address, options, is_vendor=is_vendor, listed=listed):
            raise _refused(asked, "its host leads to an address inside a network, not a public one")
    return Target(url, addresses[0], is_vendor)


def _may_connect(
    address: IPv4Address | IPv6Address, options: ClientOptions, *, is_vendor: bool, listed: bool
) -> bool:
    checked = _meant(address) if isinstance(address, IPv6Address) else address
    if checked.is_loopback:
        return is_vendor and options.allow_loopback
    if any(checked in network for network in options.networks):
        return listed or options.allow_public_hosts
    return checked.is_global and not checked.is_multicast and checked not in _LOCAL_NAT64


def _meant(address: IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one carries: mapped, compatible, 6to4, or by NAT64."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    carries = address in _NAT64 or (address in _COMPATIBLE and int(address) > 1)
    return IPv4Address(int(address) & 0xFFFFFFFF) if carries else address


def _is_listed(host: str, allowed: tuple[str, ...]) -> bool:
    name = host.lower().rstrip(".")
    return any(
        name == entry.lower() or (entry.startswith(".") and name.endswith(entry.lower()))
        for entry in allowed
    )


async def _resolve(url: httpx.URL, asked: str) -> list[IPv4Address | IPv6Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, _port(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise DownloadIncomplete(
            "download", asked, "the file's host has no address", "Check DNS, then run again."
        )
    return [ip_address(str(entry[4][0]).split("%")[0]) for entry in found]


def _refused(asked: str, came: str) -> LocationRefused:
    return LocationRefused("download", asked, f"the location is refused: {came}", _CURE)
