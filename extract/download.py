"""A location becomes a file: streamed, bounded, length and hash proven, its kind by its bytes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import httpx

from extract.addresses import Address, Target, candidates, checked_target
from extract.bodies import BodyDamaged, BodyTooLarge, body_chunks
from extract.claims import Claim, ReadyExport
from extract.client import SmartConnectClient
from extract.content import error_message, is_page, suffix_of
from extract.errors import (
    DownloadFailed,
    DownloadIncomplete,
    DownloadRefused,
    DownloadTooLarge,
    EmptyDownload,
    LocationExpired,
    NotAnExport,
)
from extract.partfile import PartFile
from extract.retrying import TryAgain, parse_retry_after, with_retries
from extract.statuses import Meaning
from extract.transport import FAULTS, NOT_SENT, describe, http_client

MAX_REDIRECTS = 3
_LATER = "Run again later; what was loaded before stays as it is."


@dataclass(frozen=True)
class Downloaded:
    """A file in the folder it was asked into; `suffix` is told by its bytes, not by its name.

    It is whole as far as can be told without reading it, but not fsynced: whoever keeps it does.
    """

    path: Path
    sha256: str
    size_bytes: int
    suffix: str


@dataclass(frozen=True)
class _Elsewhere:
    """A redirect's target, not yet checked."""

    location: str


class _TokenWanted:
    """The configured host refuses the file without the token."""


async def fetch_export(
    client: SmartConnectClient, claim: Claim, folder: Path
) -> tuple[ReadyExport, Downloaded]:
    """Locate an export and download it; where its location has expired, once more from another.

    Raises:
        ExtractError: as `Claim.locate`, `Claim.relocate` and `download` do.
    """
    ready = await claim.locate()
    try:
        return ready, await download(client, ready.location, folder, about=ready.request.about)
    except LocationExpired:
        pass
    ready = await claim.relocate()
    return ready, await download(client, ready.location, folder, about=ready.request.about)


async def download(
    client: SmartConnectClient, location: str, folder: Path, *, about: str = "an export file"
) -> Downloaded:
    """Fetch `location` into `folder`, under a name of its own, mode 0600.

    Not published, so both are tried: whether a relative location is meant from the base URL or
    from its host (`addresses.candidates`), and whether the token is needed. It is sent only to the
    configured scheme, host and port, in a POST's body, once, after the file was refused without.

    Args:
        client: an entered client.
        location: as the vendor gave it.
        folder: made if missing.
        about: the dataset and the day, for messages.

    Raises:
        LocationRefused, LocationExpired, DownloadRefused, DownloadIncomplete, DownloadTooLarge,
        EmptyDownload, NotAnExport: by what came; nothing is left in the folder then.
        DiskUnusable: the folder can't be written.
    """
    deadline = client.options.download_deadline_seconds
    fetch = _Fetch(client, folder, about)
    try:
        async with asyncio.timeout(deadline):
            return await with_retries(client.options, deadline, lambda: fetch.any_of(location))
    except TryAgain as again:
        failure = again.failure
    except TimeoutError:
        came = f"it did not come whole in {deadline:g} s"
        failure = DownloadIncomplete("download", about, came, _LATER)
    raise failure  # outside of `except`, so that nothing of the request hangs on it


class _Fetch:
    """Attempts at one file: redirects are followed by hand, each address checked anew."""

    def __init__(self, client: SmartConnectClient, folder: Path, about: str) -> None:
        self._client = client
        self._options = client.options
        self._folder = folder
        self._about = about

    async def any_of(self, location: str) -> Downloaded:
        """The file at the first reading of `location` where there is one."""
        urls = candidates(location, self._options, self._about)
        for url in urls[:-1]:
            try:
                return await self._fetch(url)
            except (LocationExpired, NotAnExport):
                continue
        return await self._fetch(urls[-1])

    async def _fetch(self, url: httpx.URL) -> Downloaded:
        async with http_client(self._options, self._client.ssl, keep_alive=False) as http:
            target = await checked_target(url, self._options, self._about)
            for _ in range(MAX_REDIRECTS + 1):
                answer = await self._ask(http, target, None)
                if isinstance(answer, _TokenWanted):
                    answer = await self._ask(http, target, await self._client.read_token())
                if isinstance(answer, Downloaded):
                    return answer
                if not isinstance(answer, _Elsewhere):
                    break
                target = await self._redirected(target, answer)
        raise self._failed(DownloadRefused, "it is redirected without end, or to nowhere")

    async def _redirected(self, target: Target, answer: _Elsewhere) -> Target:
        try:
            url = target.url.join(answer.location)
        except (httpx.InvalidURL, ValueError, TypeError):
            url = httpx.URL("")  # refused below, as any that is no http address
        return await checked_target(url, self._options, self._about)

    async def _ask(
        self, http: httpx.AsyncClient, target: Target, token: str | None
    ) -> Downloaded | _Elsewhere | _TokenWanted:
        came = ""
        for address in target.addresses:
            try:
                response = await http.send(_request(http, target, address, token), stream=True)
            except NOT_SENT as error:
                came = describe(error)  # a host may answer at one of its addresses only
                continue
            except FAULTS as error:
                came = describe(error)
                break
            try:
                return await self._take(response, target, with_token=token is not None)
            finally:
                await response.aclose()
        raise TryAgain(self._failed(DownloadIncomplete, came))

    async def _take(
        self, response: httpx.Response, target: Target, *, with_token: bool
    ) -> Downloaded | _Elsewhere | _TokenWanted:
        may_ask = target.is_vendor and not with_token
        status = response.status_code
        if status in (301, 302, 303, 307, 308) and not with_token:
            return _Elsewhere(response.headers.get("location", ""))
        if status in (401, 403, 405) and may_ask:
            return _TokenWanted()
        self._require_file(response)
        with PartFile(self._folder) as part:
            await self._receive(response, part)
            if self._is_token_wanted(part) and may_ask:
                return _TokenWanted()
            self._require_export(part)
            suffix = suffix_of(part.path, part.head)
            if suffix is None:
                came = "the file was cut short: a ZIP without its end"
                raise TryAgain(self._failed(DownloadIncomplete, came))
            return Downloaded(part.keep(suffix), part.sha256, part.size_bytes, suffix)

    def _require_file(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in (401, 403, 404, 410):  # 403: how a signed address says that it has expired
            raise self._failed(LocationExpired, f"the file isn't there (HTTP status {status})")
        if status == 429 or status >= 500:
            wait = parse_retry_after(response.headers.get("retry-after"))
            raise TryAgain(self._failed(DownloadRefused, f"HTTP status {status}"), wait)
        if status != 200:
            raise self._failed(DownloadRefused, f"HTTP status {status}")

    async def _receive(self, response: httpx.Response, part: PartFile) -> None:
        limit = self._options.max_download_bytes
        failure: DownloadFailed
        try:
            async for chunk in body_chunks(response, limit):
                part.write(chunk)
        except BodyTooLarge:
            failure = self._failed(DownloadTooLarge, f"it is above {limit:,} bytes")
        except BodyDamaged:
            failure = self._failed(DownloadIncomplete, "the file was cut short")
        except FAULTS as error:
            failure = self._failed(DownloadIncomplete, describe(error))
        else:
            return
        raise failure if isinstance(failure, DownloadTooLarge) else TryAgain(failure)

    def _is_token_wanted(self, part: PartFile) -> bool:
        """A refusal can come with HTTP 200 (published of the operations)."""
        return is_page(part.head) or self._meaning(part) is Meaning.TOKEN_REFUSED

    def _meaning(self, part: PartFile) -> Meaning | None:
        message = error_message(part.head, part.size_bytes)
        status = (message or {}).get("status")
        return self._options.meanings.get(status) if isinstance(status, int) else None

    def _require_export(self, part: PartFile) -> None:
        if part.size_bytes == 0:
            raise TryAgain(self._failed(EmptyDownload, "the file is empty"))
        if is_page(part.head):
            raise self._failed(NotAnExport, "a web page came in place of a file")
        if error_message(part.head, part.size_bytes) is None:
            return
        meaning = self._meaning(part)
        if meaning in (Meaning.UNKNOWN_TASK, Meaning.TOKEN_REFUSED):
            raise self._failed(LocationExpired, f"the file isn't there ({meaning})")
        failure = self._failed(NotAnExport, "an error message came in place of a file")
        raise TryAgain(failure) if meaning in (Meaning.BUSY, Meaning.PENDING) else failure

    def _failed(self, kind: type[DownloadFailed], came: str) -> DownloadFailed:
        return kind("download", self._about, came, _LATER)


def _request(
    http: httpx.AsyncClient, target: Target, address: Address, token: str | None
) -> httpx.Request:
    """Sent to the checked address; the certificate is checked for the host's name all the same."""
    headers = {"host": target.host_header}
    if token is not None:
        headers["content-type"] = "application/json"
    return http.build_request(
        "GET" if token is None else "POST",
        target.connect_url(address),
        headers=headers,
        content=None if token is None else json.dumps({"token": token}).encode(),
        extensions={"sni_hostname": target.url.host},
    )
