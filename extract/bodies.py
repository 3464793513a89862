"""A response's body, decoded by us in bounded steps, never above a cap.

httpx would decode a whole chunk at once; half a megabyte of gzip can be a gigabyte of text.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

import httpx

_STEP_BYTES = 1024**2


class BodyTooLarge(Exception):
    """More bytes than the cap, as they come or decoded."""


class BodyDamaged(Exception):
    """Cut short, or an encoding that can't be decoded."""


class _Gunzip:
    """Streaming decoder of gzip (several members too) and zlib."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
            yield self._inflate.decompress(data, _STEP_BYTES)
            data = self._inflate.unconsumed_tail or self._inflate.unused_data

    @property
    def complete(self) -> bool:
        return self._inflate.eof


def _decoder(response: httpx.Response) -> _Gunzip | None:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Gunzip()
    raise BodyDamaged("an encoding that was not asked for")


async def body_chunks(response: httpx.Response, max_bytes: int) -> AsyncIterator[bytes]:
    """The decoded body, in chunks of at most 1 MiB or what the network gave at once.

    Raises:
        BodyTooLarge: above `max_bytes`, by its Content-Length, on the wire, or decoded.
        BodyDamaged: fewer bytes than its Content-Length, or an encoding cut off or broken.
    """
    decoder = _decoder(response)
    length = response.headers.get("content-length", "")
    expected = int(length) if length.isascii() and length.isdigit() else None
    if expected is not None and expected > max_bytes:
        raise BodyTooLarge
    raw = decoded = 0
    try:
        async for data in response.aiter_raw():
            raw += len(data)
            for piece in decoder.feed(data) if decoder else (data,):
                decoded += len(piece)
                if max(raw, decoded) > max_bytes:
                    raise BodyTooLarge
                yield piece
    except zlib.error:
        decoder, expected = None, -1
    if expected not in (None, raw) or (decoder and not decoder.complete):
        raise BodyDamaged("cut short or not decodable")


async def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """The whole body; raises as `body_chunks` does."""
    return b"".join([chunk async for chunk in body_chunks(response, max_bytes)])
