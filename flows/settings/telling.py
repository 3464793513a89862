"""Who is told that something is wrong, or done."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr


class TellingSettings(BaseModel):
    """Alerts, the watchman, and how a bulk messaging says that it has ended."""

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
