"""How the settings of one of several companies come about.

`.env` is all companies'; `companies/<key>.env` is one's and overrides it, and variables of the
environment override both. What would be another company's if it were shared (the token above all)
is taken from the company's own alone: its file, or variables `SMARTCONNECT_COMPANY_<KEY>__X` for
whoever keeps secrets in the environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource

from flows.errors import NotConfigured

FOLDER = "companies"
PREFIX = "SMARTCONNECT_"
KEY = re.compile(r"[a-z0-9-]{1,40}")
# Nothing shared is taken for these.
OWN: Mapping[str, str | None] = {
    "token": None,
    "token_file": None,
    "token_block": "smartconnect-token-{key}",
    "callback_secret": None,
    "ping_url": None,  # a watchman of all would take one company's success for everybody's
    "report_company": "{key}",
}
PLACES = ("data_dir", "store_url", "data_url")  # what is shared has a folder a company


def company_keys(home: Path) -> list[str]:
    """The keys of all companies, in their order; none where there is one company only."""
    return sorted(file.stem for file in _files(home) if KEY.fullmatch(file.stem))


def misnamed(home: Path) -> list[str]:
    """What is wrong with files that are no company's by their name: it holds up no other's runs."""
    return [
        f"{file} names no company: a key is 1 to 40 of a-z, 0-9 and -, such as acme.env."
        for file in sorted(_files(home))
        if not KEY.fullmatch(file.stem)
    ]


def _files(home: Path) -> list[Path]:
    return [file for file in (home / FOLDER).glob("*.env") if not file.name.startswith(".")]


def company_file(home: Path, key: str) -> Path:
    """Where a company's settings are.

    Raises:
        NotConfigured: there is no such company; the message lists those there are.
    """
    keys = company_keys(home)
    if key in keys:
        return home / FOLDER / f"{key}.env"
    named = f"company {key!r}" if KEY.fullmatch(key) else "such company"
    raise NotConfigured(
        f"There is no {named}: {listed(keys)} It is added by a file {FOLDER}/<key>.env in "
        f"{home}, with its token."
    )


def listed(keys: Sequence[str]) -> str:
    """The companies there are, in a sentence."""
    return f"There are {', '.join(keys)}." if keys else "There are none."


def company_values(
    model: type[BaseSettings], home: Path, key: str, shared: BaseSettings
) -> dict[str, Any]:
    """The values of one company that go before the environment's and the files'.

    Args:
        model: the settings.
        home: where `.env` and `companies` are.
        key: the company's.
        shared: the settings without a company.

    Raises:
        NotConfigured: there is no such company.
    """
    own = own_values(model, home, key)
    found: dict[str, Any] = {**_variables(model, key), "company": key}
    for name, default in OWN.items():
        found[name] = own.get(name, default.format(key=key) if default else None)
    for name in PLACES:
        if name in own:
            found[name] = own[name]
        elif (place := getattr(shared, name, None)) is not None:
            found[name] = f"{str(place).rstrip('/')}/company={key}"
    return found


def own_values(model: type[BaseSettings], home: Path, key: str) -> dict[str, Any]:
    """The settings of a company's file and of its variables, which win.

    Raises:
        NotConfigured: there is no such company.
    """
    return {**file_values(model, company_file(home, key)), **_variables(model, key)}


def _variables(model: type[BaseSettings], key: str) -> dict[str, Any]:
    prefix = f"{PREFIX}COMPANY_{key.upper().replace('-', '_')}__"
    return dict(EnvSettingsSource(model, env_prefix=prefix)())


def file_values(model: type[BaseSettings], file: Path) -> dict[str, Any]:
    """The settings that a file has, by their names."""
    source = DotEnvSettingsSource(model, env_file=file, env_prefix=PREFIX)
    return {name: value for name, value in source().items() if name in model.model_fields}


def overridden(model: type[BaseSettings], file: Path) -> list[str]:
    """The settings of a company's file that the environment overrides, by their variables."""
    environment = EnvSettingsSource(model, env_prefix=PREFIX)()
    names = file_values(model, file).keys() - OWN.keys() - set(PLACES)
    return sorted(f"{PREFIX}{n.upper()}" for n in names & environment.keys() if n != "company")
