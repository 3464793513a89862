"""A network of the test's own: a bridge, and machines that reach it by a cable that can be pulled.

Each machine is a network namespace, so that nothing of another is to be reached but by the bridge;
where namespaces can't be made, there is no network, and a machine is cut off by stopping it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

# Nobody's by chance here, and public in the eyes of our client, which follows to no private one.
SUBNETS = "11.99"


class Network:
    """Made by `network`; `host` is where servers listen."""

    def __init__(self) -> None:
        self._subnet = f"{SUBNETS}.{secrets.randbelow(256)}"
        self.host = f"{self._subnet}.1"
        self._word = secrets.token_hex(2)
        self._bridge = f"sb{self._word}"
        self._machines: list[str] = []

    def start(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("addr", "add", f"{self.host}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")

    def machine(self, number: int) -> tuple[str, ...]:
        """A new machine; the command that others are put behind to run there."""
        name, inside = f"sm{self._word}{number}", f"si{self._word}{number}"
        _ip("netns", "add", name)
        self._machines.append(name)
        _ip("link", "add", name, "type", "veth", "peer", "name", inside)
        _ip("link", "set", name, "master", self._bridge, "up")
        _ip("link", "set", inside, "netns", name)
        _ip("-n", name, "addr", "add", f"{self.address(number)}/24", "dev", inside)
        _ip("-n", name, "link", "set", inside, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        return ("ip", "netns", "exec", name)

    def address(self, number: int) -> str:
        return f"{self._subnet}.{10 + number}"

    def cut_off(self, number: int) -> None:
        """Pull the machine's cable: whatever it sends is lost, and nobody is told."""
        _ip("link", "set", f"sm{self._word}{number}", "down")

    def stop(self) -> None:
        for name in self._machines:
            _ip("netns", "del", name)
        _ip("link", "del", self._bridge)


def possible() -> bool:
    """Whether this machine lets us have a network."""
    if os.getuid() != 0 or shutil.which("ip") is None:
        return False
    trial = f"st{secrets.token_hex(2)}"
    made = subprocess.run(["ip", "netns", "add", trial], capture_output=True, check=False)
    if made.returncode == 0:
        _ip("netns", "del", trial)
    return made.returncode == 0


@contextmanager
def network() -> Iterator[Network]:
    """A network for the time of the block."""
    made = Network()
    made.start()
    try:
        yield made
    finally:
        made.stop()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
