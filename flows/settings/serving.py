"""What listens: Prefect's server, the dashboard, the receiver of callbacks."""

from __future__ import annotations

import re
from ipaddress import ip_network

from pydantic import BaseModel, Field, SecretStr, field_validator

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")


class ServingSettings(BaseModel):
    """Addresses, ports, passwords and limits of what listens."""

    ui_password: SecretStr | None = Field(
        None,
        min_length=12,
        description="Of Prefect's server and UI (user `smartconnect`); `smartconnect up` listens "
        "beyond this machine only with it.",
    )
    dashboard_host: str = Field(
        "127.0.0.1",
        description="Where the dashboard listens; beyond this machine only with its password, and "
        "a proxy with TLS belongs before it.",
    )
    dashboard_port: int = Field(
        4290,
        ge=0,
        le=65535,
        description="The dashboard's port; with 0 `smartconnect up` starts none.",
    )
    dashboard_password: SecretStr | None = Field(
        None,
        min_length=12,
        description="Of the dashboard (user `smartconnect`); asked of everyone once it is set.",
    )
    dashboard_memory_limit_mb: int = Field(
        500, ge=128, description="DuckDB's memory for the dashboard, in MB."
    )
    callback_secret: SecretStr | None = Field(
        None,
        description="The last part of the path that SmartConnect's callbacks come to, at least 16 "
        "letters, digits, `-` or `_`; two, parted by a comma, while it is changed.",
    )
    callback_host: str = Field(
        "127.0.0.1", description="Where callbacks are received; a proxy with TLS belongs before it."
    )
    callback_port: int = Field(
        4280, ge=0, le=65535, description="Where callbacks are received: the port."
    )
    callback_addresses: tuple[str, ...] = Field(
        (),
        description='Networks that callbacks may come from, as JSON: `["203.0.113.0/24"]`; '
        "without it, any.",
    )
    callback_max_body_bytes: int = Field(
        256 * 1024, ge=1024, description="The largest body of a callback."
    )
    callback_deadline_seconds: float = Field(
        10, gt=0, description="For a callback's request, from its first byte to its last."
    )
    callback_rate_per_second: float = Field(
        2000, ge=1, description="Callbacks a second; more are asked to come again later (429)."
    )
    callback_seal_seconds: float = Field(
        60, gt=0, description="A segment of the inbox that is older is closed, and can be loaded."
    )

    @field_validator("callback_secret")
    @classmethod
    def _safe_secrets(cls, given: SecretStr | None) -> SecretStr | None:
        parts = given.get_secret_value().split(",") if given else []
        if given and not (len(parts) <= 2 and all(map(_SECRET.fullmatch, parts))):
            raise ValueError("one or two of at least 16 letters, digits, - or _")
        return given

    @field_validator("callback_addresses")
    @classmethod
    def _known_networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            ip_network(text, strict=False)
        return given
