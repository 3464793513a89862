"""Callbacks as a vendor sends them: real sockets, kept open, one message after the other on each.

python -m benchmarks.sides.calling bare PORT      a server that only acknowledges
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Scope = dict[str, Any]


def message(number: int) -> dict[str, object]:
    """A message with that id."""
    return {
        "channel_account_id": 100 + number % 5,
        "thread_id": f"thread-{number % 1000}",
        "message": f"Здравствуйте! Где мой заказ №{number}? " * 3,
        "message_id": number,
        "time": int(time.time()),
    }


@dataclass
class Told:
    """What came of it. Seconds from sending to the answer."""

    acknowledged: set[int] = field(default_factory=set)
    refused: int = 0
    broken: int = 0
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The latency that this share of the messages stayed below."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))]


async def call(
    port: int,
    path: str,
    ids: range,
    *,
    per_second: float | None = None,
    connections: int = 32,
    stop: Callable[[], bool] = lambda: False,
) -> Told:
    """Send messages, at a pace or as fast as they are answered; broken ones are sent once more
    and again, until they are acknowledged or `stop` says so.
    """
    told, waiting = Told(), iter(ids)
    began = time.monotonic()

    async def one_connection() -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for number in waiting:
            if per_second:
                await asyncio.sleep(began + (number - ids.start) / per_second - time.monotonic())
            body = json.dumps(message(number), ensure_ascii=False).encode()
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            sent = time.monotonic()
            while not stop():
                try:
                    if streams is None:
                        streams = await asyncio.open_connection("127.0.0.1", port)
                    status = await _exchange(*streams, head.encode() + body)
                except (OSError, asyncio.IncompleteReadError):
                    told.broken += 1
                    _close(streams)
                    streams = None
                    await asyncio.sleep(0.05)
                    continue
                if status == 200:
                    told.acknowledged.add(number)
                    told.seconds.append(time.monotonic() - sent)
                    break
                told.refused += 1
                await asyncio.sleep(0.05)
            if stop():
                break
        _close(streams)

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return told


def _close(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
    if streams is not None:
        streams[1].close()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> int:
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ")[1])


async def bare(scope: Scope, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Reads the body, and acknowledges: nothing is kept."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"14")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"status":200}'})


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(
        bare,
        port=int(sys.argv[2]),
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
