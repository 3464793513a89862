"""One GET that tells a watchman elsewhere that all is well; a failure is a sentence, never raised.

The address is a secret of its own: whoever knows it can feign success. So it is in no message.
"""

from __future__ import annotations

import asyncio

import httpx

from extract.transport import FAULTS, describe, silence_http_loggers

DEADLINE_SECONDS = 20.0


async def ping(url: str, deadline_seconds: float = DEADLINE_SECONDS) -> str | None:
    """Call `url`; None if it answered with success, else what came, without the address."""
    silence_http_loggers()
    try:
        async with (
            asyncio.timeout(deadline_seconds),
            httpx.AsyncClient(follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers={"user-agent": "smartconnect-etl"}) as response,
        ):
            return None if response.is_success else f"HTTP {response.status_code}"
    except TimeoutError:
        return f"no answer in {deadline_seconds:g} s"
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        return "it is no http or https address"
    except FAULTS as error:
        return describe(error)
