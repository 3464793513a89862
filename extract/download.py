"""A location becomes a file: streamed, bounded, length and hash proven, its kind by its bytes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import zipfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import httpx

from extract.addresses import Target, checked_target
from extract.bodies import BodyDamaged, BodyTooLarge, body_chunks
from extract.client import SmartConnectClient
from extract.errors import (
    DiskUnusable,
    DownloadFailed,
    DownloadIncomplete,
    DownloadRefused,
    DownloadTooLarge,
    EmptyDownload,
    LocationExpired,
    NotAnExport,
)
from extract.options import ClientOptions
from extract.retrying import TryAgain, parse_retry_after, with_retries
from extract.transport import FAULTS, describe, http_client

MAX_REDIRECTS = 3
_HEAD_BYTES = 4096
_LATER = "Run again later; what was loaded before stays as it is."


@dataclass(frozen=True)
class Downloaded:
    """A file in the folder it was asked into.

    `suffix` is told by its bytes, not by its name. `length_announced`: a Content-Length came before
    it and was met; else nothing but the content can tell that the file is whole. `with_token`: it
    came only with the token.
    """

    path: Path
    sha256: str
    size_bytes: int
    suffix: str
    length_announced: bool
    with_token: bool = False


async def download(
    client: SmartConnectClient, location: str, folder: Path, *, about: str = "an export file"
) -> Downloaded:
    """Fetch `location` into `folder`, under a name of its own, mode 0600.

    A relative location is taken from the base URL as a browser would (not published); one that
    begins with `/` from its host. The token is sent only to the configured host, in a POST's body,
    and only after it refused the file without (whether it is needed is not published).

    Raises:
        LocationRefused, LocationExpired, DownloadRefused, DownloadIncomplete, DownloadTooLarge,
        EmptyDownload, NotAnExport: by what came; the file isn't there then.
        DiskUnusable: the folder can't be written.
    """
    options = client.options
    url = _absolute(location, options, about)
    deadline = options.download_deadline_seconds
    try:
        async with asyncio.timeout(deadline):
            return await with_retries(
                options, deadline, lambda: _Fetch(client, folder, about).fetch(url)
            )
    except TryAgain as again:
        failure = again.failure
    except TimeoutError:
        came = f"it did not come whole in {deadline:g} s"
        failure = DownloadIncomplete("download", about, came, _LATER)
    raise failure  # outside of `except`, so that nothing of the request hangs on it


def _absolute(location: str, options: ClientOptions, about: str) -> httpx.URL:
    try:
        return httpx.URL(f"{options.base}/").join(location.strip())
    except (httpx.InvalidURL, ValueError, TypeError):
        pass
    raise DownloadRefused(
        "download", about, "the location is no address", "Ask SmartConnect what it means."
    )


class _Fetch:
    """One attempt: redirects are followed by hand, each address checked anew."""

    def __init__(self, client: SmartConnectClient, folder: Path, about: str) -> None:
        self._client = client
        self._options = client.options
        self._folder = folder
        self._about = about

    async def fetch(self, url: httpx.URL) -> Downloaded:
        async with http_client(self._options, self._client.ssl, keep_alive=False) as http:
            target = await checked_target(url, self._options, self._about)
            for _ in range(MAX_REDIRECTS + 1):
                answer = await self._ask(http, target, None)
                if isinstance(answer, Downloaded):
                    return answer
                if answer == "token":
                    token = await self._client.read_token()
                    answer = await self._ask(http, target, token)
                    if isinstance(answer, Downloaded):
                        return replace(answer, with_token=True)
                    raise self._failed(DownloadRefused, "it is refused with the token as well")
                target = await checked_target(target.url.join(answer), self._options, self._about)
        raise self._failed(DownloadRefused, "it is redirected without end")

    async def _ask(
        self, http: httpx.AsyncClient, target: Target, token: str | None
    ) -> Downloaded | str:
        """The file, or `token` where it is wanted, or where a redirect leads."""
        request = http.build_request(
            "GET" if token is None else "POST",
            target.connect_url,
            headers={"host": target.host_header},
            content=None if token is None else json.dumps({"token": token}).encode(),
            extensions={"sni_hostname": target.url.host},
        )
        if token is not None:
            request.headers["content-type"] = "application/json"
        try:
            response = await http.send(request, stream=True)
            try:
                told = self._told(response, target, with_token=token is not None)
                return told or await self._keep(response)
            finally:
                await response.aclose()
        except FAULTS as error:
            came = describe(error)
        except BodyDamaged:
            came = "the file was cut short"
        except BodyTooLarge:
            came = ""
        if not came:
            limit = self._options.max_download_bytes
            raise self._failed(DownloadTooLarge, f"it is above {limit:,} bytes")
        raise TryAgain(self._failed(DownloadIncomplete, came))

    def _told(self, response: httpx.Response, target: Target, *, with_token: bool) -> str | None:
        status = response.status_code
        if status in (301, 302, 303, 307, 308) and not with_token:
            return response.headers.get("location", "") or "/"
        if status in (401, 403) and target.is_vendor and not with_token:
            return "token"
        if status in (404, 410):
            raise self._failed(LocationExpired, f"the file isn't there (HTTP status {status})")
        if status == 429 or status >= 500:
            wait = parse_retry_after(response.headers.get("retry-after"))
            raise TryAgain(self._failed(DownloadRefused, f"HTTP status {status}"), wait)
        if status != 200:
            raise self._failed(DownloadRefused, f"HTTP status {status}")
        return None

    async def _keep(self, response: httpx.Response) -> Downloaded:
        digest, size, head = hashlib.sha256(), 0, b""
        path = self._folder / f"{os.urandom(8).hex()}.part"
        file = self._created(path)
        try:
            async for chunk in body_chunks(response, self._options.max_download_bytes):
                if len(head) < _HEAD_BYTES:
                    head = (head + chunk)[:_HEAD_BYTES]
                digest.update(chunk)
                size += len(chunk)
                _write(file, chunk)
            _close(file)
            self._refuse_no_export(head, size)
        except BaseException:
            with suppress(OSError):
                file.close()  # what it still holds may find no place either
            path.unlink(missing_ok=True)
            raise
        announced = "content-length" in response.headers
        return Downloaded(path, digest.hexdigest(), size, suffix_of(path, head), announced)

    def _created(self, path: Path) -> BinaryIO:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sys.audit("smartconnect.point", "extract.download.folder-made")
            file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
            sys.audit("smartconnect.point", "extract.download.file-made")
        except OSError as error:
            problem = os.strerror(error.errno or 0)
        else:
            return file
        raise _disk(problem)

    def _refuse_no_export(self, head: bytes, size: int) -> None:
        if size == 0:
            raise TryAgain(self._failed(EmptyDownload, "the file is empty"))
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower()
        if start.startswith((b"<!doctype html", b"<html", b"<head")):
            raise self._failed(NotAnExport, "a web page came in place of a file")
        if start.startswith(b"{") and b'"status"' in start and size < _HEAD_BYTES:
            raise self._failed(NotAnExport, "an error message came in place of a file")

    def _failed(self, kind: type[DownloadFailed], came: str) -> DownloadFailed:
        return kind("download", self._about, came, _LATER)


def _write(file: BinaryIO, chunk: bytes) -> None:
    try:
        file.write(chunk)
        sys.audit("smartconnect.point", "extract.download.chunk-written")
    except OSError as error:
        problem = os.strerror(error.errno or 0)
    else:
        return
    raise _disk(problem)


def _close(file: BinaryIO) -> None:
    """Close it: the last bytes are written now, and the disk may refuse them."""
    try:
        file.close()
        sys.audit("smartconnect.point", "extract.download.file-whole")
    except OSError as error:
        problem = os.strerror(error.errno or 0)
    else:
        return
    raise _disk(problem)


def _disk(problem: str) -> DiskUnusable:
    cure = "Free space or correct the folder's owner and mode, then run again."
    return DiskUnusable("disk", "the folder of downloads", f"the disk answers {problem!r}", cure)


def suffix_of(path: Path, head: bytes) -> str:
    """The file's kind by its first bytes: a name for people, no promise about its content."""
    if head.startswith(b"PK\x03\x04"):
        with suppress(zipfile.BadZipFile, OSError), zipfile.ZipFile(path) as archive:
            return ".xlsx" if "xl/workbook.xml" in archive.namelist() else ".zip"
        return ".zip"
    if head.startswith(b"\x1f\x8b"):
        return ".gz"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return ".xls"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return ".json"
    return ".csv"
