"""Every setting, its default and its meaning: the only reader of the environment.

A setting `x` is the environment variable `SMARTCONNECT_X`, or a line of `.env` in the working
directory (or in `SMARTCONNECT_HOME`); where there are several companies, of `companies/<key>.env`
beside it. The table in README.md is made from the descriptions here.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from flows.companysettings import (
    FOLDER,
    company_file,
    company_keys,
    company_values,
    listed,
    misnamed,
    overridden,
    own_values,
)
from flows.errors import NotConfigured
from flows.settings.keeping import KeepingSettings
from flows.settings.reporting import ReportingSettings
from flows.settings.serving import ServingSettings
from flows.settings.sharing import SharingSettings
from flows.settings.telling import TellingSettings
from flows.settings.vendor import VENDOR_URL, Boundary, Selection, VendorSettings

__all__ = [
    "VENDOR_URL",
    "Boundary",
    "Selection",
    "Settings",
    "companies",
    "company_problems",
    "home",
    "load_settings",
    "overridden_variables",
    "own_settings",
    "require_company",
    "selected_company",
]


def home() -> Path:
    """The directory that `.env` and relative paths are taken from."""
    return Path(os.environ.get("SMARTCONNECT_HOME") or Path.cwd())


class Settings(
    ServingSettings,
    ReportingSettings,
    TellingSettings,
    SharingSettings,
    KeepingSettings,
    VendorSettings,
    BaseSettings,
):
    """One company's settings. Durations are seconds, sizes bytes, shares between 0 and 1."""

    model_config = SettingsConfigDict(env_prefix="SMARTCONNECT_", extra="ignore", frozen=True)

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def data_root(self) -> Path:
        """`data_dir`, absolute."""
        return (home() / self.data_dir).resolve()

    @property
    def origin(self) -> str:
        """Whose data this is; a data directory takes one origin only."""
        return "sandbox" if self.sandbox else urlsplit(self.base_url).hostname or self.base_url

    @property
    def data_store(self) -> str | None:
        """Where all files are, for machines that share nothing else; None: on this one alone."""
        return self._of_origin(self.data_url)

    @property
    def store(self) -> str | None:
        """Where releases are mirrored to."""
        return self.data_store or self._of_origin(self.store_url)

    def _of_origin(self, url: str | None) -> str | None:
        """The sandbox's is never beside a company's."""
        if url is None or not self.sandbox:
            return url
        return f"{url.rstrip('/')}{'-' if url.count('/') > 2 else '/'}sandbox"

    def today(self) -> datetime:
        """Now, in the company's time zone."""
        return datetime.now(self.zone)


def companies() -> list[str]:
    """The keys of all companies; none where there is one company only, or the sandbox is meant."""
    return [] if _sandbox_meant() else company_keys(home())


def selected_company() -> str | None:
    """The company that this process works for; None where none is chosen, and for the sandbox."""
    key = os.environ.get("SMARTCONNECT_COMPANY", "").strip()
    return key if key and not _sandbox_meant() else None


def company_problems() -> list[str]:
    """What is wrong with companies' files, in sentences; it concerns no other company."""
    found = misnamed(home())
    for key in companies():
        try:
            load_settings(key)
        except NotConfigured as error:
            found.append(str(error))
    return found


def own_settings(key: str) -> set[str]:
    """The names of the settings that are a company's own: of its file or its variables."""
    return set(own_values(Settings, home(), key))


def overridden_variables() -> dict[str, list[str]]:
    """Variables of the environment that override companies' files, and whose."""
    found: dict[str, list[str]] = {}
    for key in companies():
        for name in overridden(Settings, company_file(home(), key)):
            found.setdefault(name, []).append(key)
    return found


def _sandbox_meant() -> bool:
    said = os.environ.get("SMARTCONNECT_SANDBOX", "").strip().lower()
    return said in ("1", "true", "t", "yes", "y", "on")


def require_company(settings: Settings) -> None:
    """Nothing is read or written for no company in particular where there are several.

    Raises:
        NotConfigured: none is chosen; the message lists them.
    """
    if settings.company is None and not settings.sandbox and (keys := company_keys(home())):
        raise NotConfigured(
            f"Which company? {listed(keys)} Say `smartconnect --company {keys[0]} …`, or set "
            "SMARTCONNECT_COMPANY in the environment."
        )


def load_settings(company: str | None = None) -> Settings:
    """Read the environment, `.env`, and the file of a company: of the chosen one if none is given.

    Raises:
        NotConfigured: a value can't be used; the message names each setting, never its value.
            Or there is no such company.
    """
    key = company or selected_company()
    try:
        shared = Settings(_env_file=home() / ".env")
        if shared.company is not None and not os.environ.get("SMARTCONNECT_COMPANY"):
            raise NotConfigured(
                "SMARTCONNECT_COMPANY is in .env, which is all companies': take it out, and say "
                "`smartconnect --company <key>`, or set it in the environment."
            )
        if key is None:
            return shared.model_copy(update={"company": None})
        files = (home() / ".env", home() / FOLDER / f"{key}.env")
        return Settings(_env_file=files, **company_values(Settings, home(), key, shared))
    except ValidationError as error:
        lines = "; ".join(
            f"SMARTCONNECT_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        whose = f" of company {key}" if key else ""
        raise NotConfigured(f"A setting{whose} can't be used: {lines}.") from None
