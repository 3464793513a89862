"""Every setting, its default and its meaning: the only reader of the environment.

A setting `x` is the environment variable `SMARTCONNECT_X`, or a line of `.env` in the working
directory (or in `SMARTCONNECT_HOME`); where there are several companies, of `companies/<key>.env`
beside it. The table in README.md is made from the descriptions here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
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

VENDOR_URL = "https://smartconnect.smstraffic.ru/api"
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
_STORE_URL = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#]*)?$"
Boundary = Literal["unknown", "inclusive", "exclusive"]
Selection = Literal["unknown", "message", "thread"]


def home() -> Path:
    """The directory that `.env` and relative paths are taken from."""
    return Path(os.environ.get("SMARTCONNECT_HOME") or Path.cwd())


class Settings(BaseSettings):
    """One company's settings. Durations are seconds, sizes bytes, shares between 0 and 1."""

    model_config = SettingsConfigDict(env_prefix="SMARTCONNECT_", extra="ignore", frozen=True)

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
    data_dir: Path = Field(
        Path("data"),
        description="Where everything is kept; each of several companies in `company=<key>` there.",
    )
    mapping_file: Path = Field(
        Path("mapping.toml"),
        description="What the company says of its files (docs/mapping.md); may be absent.",
    )
    reporting_file: Path = Field(
        Path("reporting.toml"),
        description="Working hours, holidays, teams and targets that figures are told by "
        "(docs/reporting-file.md); may be absent.",
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
    claim_wait_seconds: float = Field(
        7200, ge=0, description="How long to wait for another run that exports the same day."
    )
    writer_wait_seconds: float = Field(
        1800, ge=0, description="How long to wait for another run that loads."
    )
    publish_every_seconds: float = Field(
        300, ge=0, description="A long run publishes what it has loaded this often."
    )
    hold_below_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A day that comes back with a smaller share of its rows is held.",
    )
    keep_releases: int = Field(5, ge=2, description="Releases kept for readers and rollback.")
    keep_free_mb: int = Field(
        200,
        ge=0,
        description="A run that would leave less space than this free, in MB, doesn't begin; 0: "
        "nothing is checked.",
    )
    warn_days_left: int = Field(
        30, ge=0, description="A nightly warns where the disk is full in fewer days than this."
    )
    keep_runs_days: int = Field(
        90,
        ge=1,
        description="Prefect's own database forgets runs, their logs and artifacts after so many "
        "days (`smartconnect up`); the ledger `meta.loads` never does.",
    )
    keep_raw_days: int | None = Field(
        None,
        ge=1,
        description="Export files are removed from `raw/` so many days after they came, if their "
        "rows are loaded; forever without it (docs/runbooks/retention.md).",
    )
    keep_quarantine_days: int | None = Field(
        None, ge=1, description="Rejected records are removed after so many days; never without it."
    )
    published_group: str | None = Field(
        None, description="The group that may read releases; without it, everyone on the host."
    )
    personal: dict[str, Literal["keep", "pseudonymise", "drop"]] = Field(
        default_factory=dict,
        description="What becomes of personal fields, as JSON: "
        '`{"client_phone": "pseudonymise", "name": "drop"}` (docs/personal-data.md).',
    )
    personal_key_file: Path | None = Field(
        None,
        description="The key for pseudonyms: outside the data, mode 0600; made by "
        "`smartconnect personal-key`.",
    )
    publish_personal: bool = Field(
        True, description="Whether releases hold the personal columns; the lake is private if not."
    )
    data_url: str | None = Field(
        None,
        pattern=_STORE_URL,
        description="All machines of a company share this prefix of an object store, "
        "`s3://bucket/prefix`: raw/, lake, quarantine and releases are there, and `data_dir` is "
        "each machine's working copy (docs/object-store.md); the sandbox's is `…-sandbox`.",
    )
    lease_seconds: float = Field(
        30.0,
        ge=1,
        description="With `data_url`: a machine that is silent for so long counts as dead, and "
        "others take over what it held.",
    )
    store_url: str | None = Field(
        None,
        pattern=_STORE_URL,
        description="Releases are mirrored to this prefix of an object store, "
        "`s3://bucket/prefix` (docs/object-store.md); the sandbox's to `…-sandbox`.",
    )
    store_grace_seconds: float = Field(
        86_400,
        ge=0,
        description="A release on the object store is kept for so long after the next one, also "
        "beyond `keep_releases`: for readers who began with it.",
    )
    task_runner: Literal["local", "dask", "ray"] = Field(
        "local",
        description="Where days are prepared: in the flow's own process, or on a cluster "
        "(docs/scale-out.md).",
    )
    cluster_address: str | None = Field(
        None,
        pattern=r"^[a-z]+://[^\s]+$|^[\w.-]+:\d+$|^auto$",
        description="The cluster's: `tcp://host:8786` of Dask's scheduler, `ray://host:10001` of "
        "Ray.",
    )
    memory_limit_mb: int = Field(250, ge=64, description="DuckDB's memory while loading, in MB.")
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
    ping_url: SecretStr | None = Field(
        None,
        description="Called (GET) after each nightly that succeeded, for a dead-man's switch "
        "elsewhere; whoever knows it can feign success, so it is in no log.",
    )
    alert_channel_account: int | None = Field(
        None,
        ge=1,
        description="A failed nightly and held days are told in a chat: through this channel "
        "account, with `alert_thread`.",
    )
    alert_thread: SecretStr | None = Field(
        None, description="The chat (thread_id) that is told; it may be a phone, so no log has it."
    )
    report_language: Literal["ru", "en"] = Field("ru", description="The language of reports.")
    report_company: str = Field(
        "", max_length=200, description="The company's name, above its reports."
    )
    report_wait_seconds: float = Field(
        7200,
        ge=0,
        description="How long a report waits for its days to be loaded; then it is made without "
        "those that aren't, and says so.",
    )
    keep_reports: int = Field(
        100, ge=1, description="Reports kept of each kind (day, week, month, other): the newest."
    )
    report_email_to: SecretStr | None = Field(
        None,
        description="Who gets reports by e-mail, parted by commas; each gets a message of their "
        "own. Addresses are personal, and in no log.",
    )
    report_email_from: SecretStr | None = Field(
        None, description="The sender of reports: `robot@x.ru`, or `Reports <robot@x.ru>`."
    )
    report_channel_account: int | None = Field(
        None,
        ge=1,
        description="Reports are told in a chat as a short text: through this channel account, "
        "with `report_thread`.",
    )
    report_thread: SecretStr | None = Field(
        None, description="The chat (thread_id) that reports go to; in no log, as `alert_thread`."
    )
    smtp_host: str | None = Field(None, description="The mail server that reports go through.")
    smtp_port: int | None = Field(
        None, ge=1, le=65535, description="Its port; 587, 465 with `tls`, 25 with `none`."
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="How the way to it is encrypted; its certificate is always verified. `none` "
        "sends no password beyond this machine.",
    )
    smtp_user: SecretStr | None = Field(None, description="The user there, if it asks for one.")
    smtp_password: SecretStr | None = Field(None, description="The user's password.")
    smtp_ca_file: Path | None = Field(
        None,
        description="Who vouches for the server's certificate (PEM), where the system doesn't "
        "know them: a company's own CA.",
    )
    smtp_timeout_seconds: float = Field(
        60, gt=0, description="For each of the mail server's answers."
    )
    smtp_deadline_seconds: float = Field(
        3600,
        ge=0,
        description="How long a mail server that is away, or says to come later, is tried by a "
        "flow; `smartconnect report` tries a minute.",
    )
    dashboard_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="Where people open the dashboard; reports link to it.",
    )
    bulk_ended_words: tuple[str, ...] = Field(
        (
            "done",
            "finished",
            "completed",
            "complete",
            "sent",
            "success",
            "failed",
            "error",
            "cancelled",
            "canceled",
            "stopped",
            "завершено",
            "завершена",
            "отправлено",
            "ошибка",
        ),
        description="Words by which a bulk task says that it has ended, in its field `state` or "
        "`status`, as JSON.",
    )
    alert_block: str | None = Field(
        None,
        description="A Prefect notification block, as `slack-webhook/ops`, that Prefect's server "
        "tells of alerts (docs/alerts.md).",
    )
    alert_webhook_url: SecretStr | None = Field(
        None,
        description="An address that Prefect's server tells of alerts (POST, JSON with `subject` "
        "and `text`); kept in a block of the server, and in no log.",
    )
    alert_email_to: SecretStr | None = Field(
        None,
        description="Who is told of alerts by e-mail, parted by commas; through the mail server "
        "and from the sender of reports.",
    )
    alert_late_after_seconds: float = Field(
        900,
        ge=1,
        description="How long a run that should have begun is given before it is told of.",
    )
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

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        ZoneInfo(name)
        return name

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
    """The token of the environment, `.env`, the company's file or the token file, read anew at each
    call; of the chosen company if none is given.
    """
    settings = load_settings(company)
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
