"""Whose data it is, how the vendor is asked, and what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, SecretStr, field_validator

VENDOR_URL = "https://smartconnect.smstraffic.ru/api"
Boundary = Literal["unknown", "inclusive", "exclusive"]
Selection = Literal["unknown", "message", "thread"]


class VendorSettings(BaseModel):
    """The company, its token, the API and what its exports are like."""

    company: str | None = Field(
        None,
        description="The key of one of several companies (docs/companies.md): of the environment "
        "alone; `smartconnect --company` sets it.",
    )
    token: SecretStr | None = Field(
        None, description="The company's token. Without it, `token_file`, then the Secret block."
    )
    token_file: Path | None = Field(None, description="A file that holds the token alone.")
    token_block: str = Field(
        "smartconnect-token", description="The Prefect Secret block that holds the token."
    )
    base_url: str = Field(VENDOR_URL, description="Where the API is.")
    sandbox: bool = Field(
        False, description="Invented data is meant. Set by `--sandbox`, never for a company."
    )
    routes: dict[str, str] = Field(
        default_factory=dict,
        description='Paths of operations, as JSON: `{"start_chats_export": "/export/chats"}`.',
    )
    status_meanings: dict[int, str] = Field(
        default_factory=dict,
        description='What a `status` of the vendor means, as JSON: `{"102": "pending"}`.',
    )
    user_id_field: str = Field(
        "uid", min_length=1, description="What a user's id is called in the input of `get_user`."
    )
    time_zone: str = Field("Europe/Moscow", description="The company's time zone: its days.")
    nightly_cron: str | None = Field(
        None,
        pattern=r"^\s*(\S+\s+){4}\S+\s*$",
        description="When the nightly of one of several companies begins, in its time zone, as "
        "cron; `15 3 * * *` and up to half an hour, by its key, if empty.",
    )
    date_to: Boundary = Field(
        "unknown", description="Whether an export includes `date_to`; found out while unknown."
    )
    selection: Selection = Field(
        "unknown",
        description="Whether an export selects by the message's date or by its thread's start; "
        "found out while unknown.",
    )
    lookback_days: int = Field(3, ge=1, description="How many past days each nightly asks again.")
    catch_up_days: int = Field(
        31, ge=0, description="How far back a nightly reaches by itself after an outage."
    )
    revisit_days: tuple[int, ...] = Field(
        (1, 2, 3, 7, 14, 30),
        description="Ages in days at which a day is asked again when selection is by thread "
        "or unknown.",
    )
    export_jobs: int = Field(
        4, ge=1, le=64, description="Exports that may run at the vendor at once, over all runs."
    )
    poll_first_seconds: float = Field(0.2, gt=0, description="The first wait between two polls.")
    poll_max_seconds: float = Field(30, gt=0, description="The longest wait between two polls.")
    export_deadline_seconds: float = Field(
        3600, gt=0, description="How long one export may take before its day fails."
    )
    run_deadline_seconds: float = Field(
        12 * 3600, gt=0, description="How long a run may wait for exports in all."
    )
    resume_within_seconds: float = Field(
        6 * 3600,
        ge=0,
        description="An export that a dead run started is waited for up to this age.",
    )
    connect_timeout_seconds: float = Field(10, gt=0, description="For a connection.")
    read_timeout_seconds: float = Field(60, gt=0, description="Between two bytes of an answer.")
    call_deadline_seconds: float = Field(120, gt=0, description="For one call with its retries.")
    download_deadline_seconds: float = Field(1800, gt=0, description="For one download.")
    max_download_bytes: int = Field(2 * 1024**3, gt=0, description="The largest file accepted.")
    download_hosts: tuple[str, ...] = Field(
        (), description='Further hosts that export files may come from, as JSON: `["cdn.x.ru"]`.'
    )
    calls_per_run: int | None = Field(
        None, ge=1, description="Calls of the API that one run may make; without it, no bound."
    )
    calls_per_day: int | None = Field(
        None,
        ge=1,
        description="Calls of the API that all runs of a day (the company's) may make together.",
    )
    extract_client_file: Path | None = Field(
        None,
        description="A file with the name of the client whose chats `extract-chats` asks for: a "
        "name is personal, and never a parameter.",
    )
    user_details: bool = Field(
        True,
        description="Whether `snapshot-users` asks for each user in detail: a call for each.",
    )
    user_details_at_once: int = Field(
        4, ge=1, le=64, description="Users that are asked for at once."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        ZoneInfo(name)
        return name
