"""The address connected to is what counts, however it is spelled and whatever the name said."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from vendor import StartSandbox, impatient

from extract.addresses import checked_target
from extract.client import ClientOptions, SmartConnectClient
from extract.download import download
from extract.errors import DownloadFailed, LocationRefused

VENDOR = ClientOptions(base_url="https://smartconnect.example/api")
INSIDE = [
    "127.0.0.1", "127.1", "127.255.255.254", "0", "0.0.0.0", "2130706433", "017700000001",
    "0x7f.1", "0x7f000001", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a00:1]",
    "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2002:a00:1::1]", "[2001:0:7f00:1::]",
    "localhost", "localhost.", "LOCALHOST", "10.0.0.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]",
    "[::ffff:169.254.169.254]", "[::ffff:10.0.0.1]", "224.0.0.1", "[ff02::1]", "255.255.255.255",
    "198.18.0.1", "192.0.0.1", "192.0.2.1", "240.0.0.1",
]  # fmt: skip


def check(url: str, options: ClientOptions = VENDOR) -> Any:
    return asyncio.run(checked_target(httpx.URL(url), options, "an export file"))


@pytest.mark.promise("download-private-address")
@pytest.mark.parametrize("host", INSIDE)
def test_no_spelling_of_an_inner_address_is_connected_to(host: str) -> None:
    with pytest.raises(DownloadFailed):  # a resolver may refuse a spelling before we do
        check(f"https://{host}/export.csv")


@pytest.mark.promise("download-private-address")
@pytest.mark.parametrize("address", ["8.8.8.8", "[2a00:1450:4010:c05::64]", "[::ffff:8.8.8.8]"])
def test_a_public_address_is_connected_to(address: str) -> None:
    assert check(f"https://{address}/export.csv").address.is_global


@pytest.mark.promise("download-file-scheme")
@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://8.8.8.8/x", "gopher://8.8.8.8/", "data:text/csv,a", "//8.8.8.8/x",
     "https://user:word@8.8.8.8/x", "http://8.8.8.8/x", "javascript:alert(1)", "unix:/run/x"],
)  # fmt: skip
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(LocationRefused) as refused:
        check(url)
    assert "passwd" not in str(refused.value)


@pytest.mark.promise("download-rebinding")
def test_a_name_is_resolved_once_and_the_checked_address_is_the_one_connected_to(
    start_sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`files.example` is public at the first look and loopback at every later one."""
    inner = start_sandbox()
    port = int(inner.root_url.rpartition(":")[2])
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name != "files.example":
            return real(host, *args, **kwargs)
        asked.append(name)
        address = "203.0.114.9" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    async def fetch() -> None:
        options = impatient(inner, attempts=1, connect_timeout_seconds=0.3)
        async with SmartConnectClient(options, lambda: inner.token) as client:
            await download(client, f"http://files.example:{port}/sandbox/served", tmp_path)

    with pytest.raises(DownloadFailed):
        asyncio.run(fetch())
    assert asked == ["files.example"]


@pytest.mark.promise("download-rebinding")
def test_a_name_with_one_inner_address_among_public_ones_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def both(*_: Any, **__: Any) -> Any:
        found = ("8.8.8.8", "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(LocationRefused):
        check("https://files.example/export.csv")
