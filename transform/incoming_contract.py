"""The contract of `incoming_messages`: one row per message that a callback told of.

Callbacks are claims: nothing is signed, so these rows never enter `chats`.
"""

from __future__ import annotations

from transform.contract import Dataset, Field, Kind

INCOMING = Dataset(
    name="incoming_messages",
    grain="one row per incoming message that a callback told of (a claim: nothing is signed)",
    version="1",
    order_by="sent_at",
    identity=("message_id",),
    fields=(
        Field(
            "message_id",
            Kind.TEXT,
            "The vendor's id of the message, kept exactly as text; of two claims with one id, the "
            "one received first.",
            required=True,
            nullable=False,
        ),
        Field(
            "chat_id",
            Kind.TEXT,
            "The thread that the message belongs to; joins to chats.chat_id.",
            required=True,
            nullable=False,
        ),
        Field(
            "sent_at",
            Kind.LOCAL_TIME,
            "When the message was created, in the company's local time, without a zone.",
            required=True,
            nullable=False,
        ),
        Field("sent_at_utc", Kind.INSTANT, "The same instant in UTC.", nullable=False),
        Field("date", Kind.DAY, "The day of sent_at, company-local.", nullable=False),
        Field(
            "observed_at",
            Kind.INSTANT,
            "When the callback was received, to the microsecond.",
            nullable=False,
        ),
        Field(
            "channel_account_id",
            Kind.TEXT,
            "The company's account in the channel; joins to chats.channel_account_id.",
        ),
        Field(
            "text",
            Kind.VERBATIM,
            "The message to its last character; '' is a message without text (a picture, a file).",
            personal=True,
            nullable=False,
        ),
        Field(
            "extra",
            Kind.JSON,
            "What the callback brought beyond what is published: a JSON object, keys sorted.",
            personal=True,
        ),
        Field("load_id", Kind.TEXT, "The load that brought this row.", nullable=False),
    ),
)
