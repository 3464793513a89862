"""The contract of `channel_accounts`: one row per channel account that allows bulk messaging.

The vendor publishes that a list of accounts comes, not what an account's fields are; aliases as for
`chats`.
"""

from __future__ import annotations

from transform.contract import Dataset, Field, Kind, listed

CHANNEL_ACCOUNTS = Dataset(
    name="channel_accounts",
    grain="one row per channel account of the company that allows bulk messaging",
    version="1",
    key=("channel_account_id",),
    order_by="channel_account_id",
    identity=("channel_account_id",),
    fields=(
        Field(
            "channel_account_id",
            Kind.TEXT,
            "The vendor's id of the account, kept exactly as text; chats.channel_account_id and "
            "statistics.channel_account_id name it.",
            required=True,
            nullable=False,
            aliases=listed(
                "id | account_id | channel_id | inbox_id | ID канала | ID аккаунта | "
                "ID аккаунта канала | ID подключения"
            ),
        ),
        Field(
            "account_name",
            Kind.TEXT,
            "The account's name, as the company or the vendor calls it.",
            tracked=True,
            aliases=listed(
                "name | title | channel_account_name | display_name | Название | Имя | Аккаунт"
            ),
        ),
        Field(
            "channel",
            Kind.TEXT,
            "The channel (WhatsApp, Telegram…), in the vendor's words.",
            tracked=True,
            aliases=listed(
                "channel_type | channel_name | type | messenger | platform | Канал | Мессенджер | "
                "Тип канала"
            ),
        ),
        Field(
            "max_length",
            Kind.TEXT,
            "The longest message that the account takes, as the vendor writes it.",
            unit="characters",
            tracked=True,
            aliases=listed(
                "max_message_length | message_max_length | max_text_length | maxlength | "
                "message_limit | Максимальная длина | Длина сообщения"
            ),
        ),
        Field(
            "status",
            Kind.TEXT,
            "Whether the account works, in the vendor's words.",
            tracked=True,
            aliases=listed("state | account_status | active | enabled | is_active | Статус"),
        ),
        Field(
            "created_at",
            Kind.TEXT,
            "When the account was set up, as the vendor writes it (its format isn't published).",
            aliases=listed("created | connected_at | date_created | Дата создания"),
        ),
        Field(
            "extra",
            Kind.JSON,
            "What the vendor sends of an account beyond this contract: a JSON object, keys sorted.",
            personal=True,
            volatile=True,
        ),
        Field(
            "observed_at",
            Kind.INSTANT,
            "When the list was asked for.",
            nullable=False,
            volatile=True,
        ),
        Field(
            "load_id", Kind.TEXT, "The load that brought this row.", nullable=False, volatile=True
        ),
    ),
)
