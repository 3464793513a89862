"""The vendor's token: where it is looked for, at each call, so that a rotated one is found."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from flows.companysettings import company_file
from flows.errors import NotConfigured
from flows.settings import Settings, home, load_settings, require_company, selected_company

_NOWHERE = (
    "No token: set SMARTCONNECT_TOKEN in the environment or in .env, name a file in "
    "SMARTCONNECT_TOKEN_FILE, or save a Prefect Secret block named {block!r}; "
    "to try everything with invented data, add --sandbox."
)
_NOT_ITS_OWN = (
    "No token for company {key}: set SMARTCONNECT_TOKEN or SMARTCONNECT_TOKEN_FILE in "
    "companies/{key}.env, or save a Prefect Secret block named {block!r}. One that is in .env, or "
    "in the environment for all, is never taken for a company's."
)


def no_token(settings: Settings) -> NotConfigured:
    """Where a token is looked for, in a sentence."""
    said = _NOWHERE if settings.company is None else _NOT_ITS_OWN
    return NotConfigured(said.format(block=settings.token_block, key=settings.company))


def local_token(company: str | None = None) -> str | None:
    """The token of the environment, `.env`, the company's file or the token file, as they are now;
    of the chosen company if none is given.
    """
    settings = _settings_of(company, _sources(company or selected_company()))
    if settings.token is not None and settings.token.get_secret_value().strip():
        return settings.token.get_secret_value().strip()
    if settings.token_file is None:
        return None
    path = home() / settings.token_file
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(
            f"SMARTCONNECT_TOKEN_FILE names {path}, which can't be read ({type(error).__name__})."
        ) from None


def _sources(key: str | None) -> tuple[object, ...]:
    """What the settings are read from: while it is the same, they needn't be read again.

    The vendor is asked several times for each day, and reading all settings takes milliseconds.
    """
    variables = [item for item in os.environ.items() if item[0].upper().startswith("SMARTCONNECT_")]
    files = [home() / ".env", *([company_file(home(), key)] if key else [])]
    return (home(), *sorted(variables), *map(_identity, files))


def _identity(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@lru_cache(maxsize=16)
def _settings_of(company: str | None, _sources: tuple[object, ...]) -> Settings:
    """The settings as their sources have them."""
    return load_settings(company)


def block_token(name: str) -> str | None:
    """The token of the Prefect Secret block `name`, or None where there is none."""
    from prefect.blocks.system import Secret  # noqa: PLC0415  (only where no nearer source has it)

    try:
        secret: Any = Secret.load(name, _sync=True)  # type: ignore[call-arg]
    except ValueError:
        return None
    value = secret.get()
    return value.strip() if isinstance(value, str) and value.strip() else None


def token_source(settings: Settings) -> Callable[[], str]:
    """What the client asks for the token, at each call, so that a rotated one is found.

    Raises:
        NotConfigured: there is no token anywhere (at once, and later if it was taken away); or
            there are several companies, and none is chosen.
    """
    require_company(settings)

    def read() -> str:
        token = local_token(settings.company) or block_token(settings.token_block)
        if token is None:
            raise no_token(settings)
        return token

    read()
    return read
