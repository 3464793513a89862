"""Reports, and the mail server that they go through."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class ReportingSettings(BaseModel):
    """What reports are like, and who gets them."""

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
