"""Which hosts an export file may come from: the address connected to is what counts, not its name.

A name is resolved once, every address is checked, and the connection is made to a checked address,
so that a name that resolves differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from extract.errors import DownloadIncomplete, LocationRefused
from extract.options import ClientOptions
from extract.retrying import TryAgain

Address = IPv4Address | IPv6Address

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CURE = (
    "Ask SmartConnect why an export points there; a host of theirs can be allowed in "
    "SMARTCONNECT_DOWNLOAD_HOSTS, if its address is a public one."
)


# Networks whose addresses carry an IPv4 address in their last 32 bits (RFC 6052, RFC 4291).
_CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))


@dataclass(frozen=True)
class Target:
    """A URL with the checked addresses that may be connected to, in the resolver's order."""

    url: httpx.URL
    addresses: tuple[Address, ...]
    is_vendor: bool

    def connect_url(self, address: Address) -> httpx.URL:
        """The URL with the address in place of the name."""
        return self.url.copy_with(host=str(address))

    @property
    def host_header(self) -> str:
        """What the server is told it is called."""
        return self.url.netloc.decode("ascii")


def candidates(location: str, options: ClientOptions, asked: str) -> list[httpx.URL]:
    """The URLs that a location can mean, the likeliest first.

    Whether it is absolute or relative is not published. A relative one is joined to the base URL
    as a browser would; since `/files/1.csv` may be meant from the host or from the base URL's
    path (and `files/1.csv` likewise), the other reading comes second.

    Raises:
        LocationRefused: it is no address at all.
    """
    text = location.strip()
    try:
        first = httpx.URL(f"{options.base}/").join(text)
        if not httpx.URL(text).is_relative_url or text.startswith("//"):
            return [first]
        below = f"{options.base}/{text.lstrip('/')}"
        second = httpx.URL(below if text.startswith("/") else options.base.join("/" + text))
    except (httpx.InvalidURL, ValueError, TypeError):
        pass
    else:
        return [first] if second == first else [first, second]
    raise _refused(asked, "it is no address")


def same_origin(url: httpx.URL, base: httpx.URL) -> bool:
    """Whether scheme, host and port are the configured ones."""
    return (url.scheme, url.host, _port(url)) == (base.scheme, base.host, _port(base))


def _port(url: httpx.URL) -> int | None:
    return url.port or _DEFAULT_PORTS.get(url.scheme)


async def checked_target(url: httpx.URL, options: ClientOptions, asked: str) -> Target:
    """Resolve and check; nothing was sent to anyone but the resolver.

    Raises:
        LocationRefused: scheme, host or address that we don't connect to.
        TryAgain: the name can't be resolved now.
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
        if not _may_connect(address, options, is_vendor=is_vendor):
            raise _refused(asked, "its host leads to an address inside a network, not a public one")
    return Target(url, addresses, is_vendor)


def _may_connect(address: Address, options: ClientOptions, *, is_vendor: bool) -> bool:
    plain = plain_address(address)
    if any(plain in network for network in options.networks):
        return True
    if plain.is_loopback:
        return is_vendor and options.allow_loopback
    return is_public(plain)


def plain_address(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, however it is wrapped; else the address."""
    if isinstance(address, IPv4Address) or address.is_loopback or address.is_unspecified:
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if inner is None and any(address in carrier for carrier in _CARRIERS):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def is_public(address: Address) -> bool:
    """Whether the whole internet may be behind it: no private, shared, local or reserved range."""
    if isinstance(address, IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _is_listed(host: str, allowed: tuple[str, ...]) -> bool:
    name = host.lower().rstrip(".")
    return any(
        name == entry.lower() or (entry.startswith(".") and name.endswith(entry.lower()))
        for entry in allowed
    )


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, or of a number however it is spelled; [] if there is none now."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]


async def _resolve(url: httpx.URL, asked: str) -> tuple[Address, ...]:
    found = await resolve(url.host, _port(url) or 0)
    if not found:
        raise TryAgain(
            DownloadIncomplete(
                "download", asked, "the file's host has no address", "Check DNS, then run again."
            )
        )
    return tuple(dict.fromkeys(ip_address(text.split("%")[0]) for text in found))


def _refused(asked: str, came: str) -> LocationRefused:
    return LocationRefused("download", asked, f"the location is refused: {came}", _CURE)
