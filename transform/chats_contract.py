"""The contract of `chats`: one row per message.

The vendor publishes neither columns nor headers ("expect Russian or English"), so the aliases
follow how chat platforms of the field name these columns in their public documentation, best first.
"""

from __future__ import annotations

from transform.contract import Dataset, Field, Kind, Part, listed

_IDENTITY_NOTE = "Kept exactly as text: leading zeros and long numbers survive."

_FIELDS = (
    Field(
        "message_id",
        Kind.TEXT,
        f"The vendor's id of the message; may be missing. {_IDENTITY_NOTE}",
        aliases=listed(
            "ID сообщения | Идентификатор сообщения | Номер сообщения | № сообщения | "
            "Код сообщения | msg_id | message uid | message number | message uuid | "
            "uuid сообщения | id"
        ),
    ),
    Field(
        "chat_id",
        Kind.TEXT,
        f"The thread the message belongs to. {_IDENTITY_NOTE}",
        aliases=listed(
            "thread_id | ID чата | Идентификатор чата | Номер чата | № чата | ID треда | "
            "ID диалога | Идентификатор диалога | Номер диалога | № диалога | dialog_id | "
            "ID обращения | Номер обращения | № обращения | Обращение | ID беседы | "
            "ID переписки | conversation_id | conversation number | chat number | "
            "chat session id | session_id | ID сессии | thread | ticket_id | ID тикета | "
            "request_id | ID запроса | room_id | conversation | Тред | Диалог | Чат | chat"
        ),
    ),
    Field(
        "sent_at",
        Kind.LOCAL_TIME,
        "When the message was created, in the company's local time, without a zone.",
        required=True,
        nullable=False,
        aliases=listed(
            "Дата и время сообщения | Дата и время отправки | Дата и время | Дата/время | "
            "Дата, время | Дата время | Время отправки | Дата отправки | Отправлено | "
            "message_time | message date | message created at | sent | sent time | send time | "
            "date sent | datetime | date_time | date and time | timestamp | created_at | "
            "created | created time | created date | creation time | Создано | Дата создания | "
            "Время создания | Время получения | received_at | Дата доставки | posted at"
        ),
    ),
    Field(
        "sent_at_utc",
        Kind.INSTANT,
        "The same instant in UTC. Where the local time is ambiguous (a clock set back), the "
        "earlier instant is taken, unless the file names the zone.",
        nullable=False,
    ),
    Field("date", Kind.DAY, "The day of sent_at, company-local.", nullable=False),
    Field(
        "observed_at",
        Kind.INSTANT,
        "When the export that brought this row was started: the later observation is shown.",
        nullable=False,
    ),
    Field(
        "direction",
        Kind.DIRECTION,
        "in: from the client; out: to the client; null: neither (a service message) or not told.",
        aliases=listed(
            "Направление | Направление сообщения | message direction | Тип направления | "
            "in_out | Вх/исх | Входящее/исходящее | flow | is_incoming | incoming | inbound | "
            "Входящее | is_outgoing | outgoing | outbound | Исходящее | Тип сообщения | "
            "message_type | type | Тип"
        ),
        doubtful=("Тип сообщения", "message_type", "type", "Тип"),
    ),
    Field(
        "author_type",
        Kind.AUTHOR_TYPE,
        "client, user (an operator), bot or system; another word as the file has it.",
        aliases=listed(
            "Тип автора | Тип отправителя | Роль отправителя | Роль автора | Кто написал | "
            "sender_type | sender role | author role | from type | participant type | "
            "actor_type | user_type | role | Роль"
        ),
    ),
    Field(
        "user_id",
        Kind.TEXT,
        "The user (operator) who wrote the message or is in charge of the chat.",
        aliases=listed(
            "uid | ID пользователя | ID оператора | Идентификатор оператора | ID сотрудника | "
            "ID агента | ID менеджера | operator_id | agent_id | employee_id | manager_id | "
            "assignee_id | admin_id | staff_id | responsible id | ID ответственного"
        ),
    ),
    Field(
        "user_name",
        Kind.NAME,
        "The user's name at the time of the export, as the file writes it.",
        personal=True,
        aliases=listed(
            "Оператор | Имя оператора | ФИО оператора | Сотрудник | Имя сотрудника | "
            "ФИО сотрудника | Пользователь | Имя пользователя | Агент | Имя агента | "
            "Менеджер | Имя менеджера | Ответственный | operator_name | operator | "
            "agent_name | agent | employee | manager | assignee | assigned to | "
            "assigned agent | admin | teammate"
        ),
    ),
    Field(
        "client_name",
        Kind.NAME,
        "The client's name at the time of the export, as the file writes it.",
        personal=True,
        aliases=listed(
            "Клиент | Имя клиента | ФИО клиента | Имя посетителя | Посетитель | Контакт | "
            "Имя контакта | Абонент | Собеседник | Покупатель | client | customer_name | "
            "customer | visitor_name | visitor | contact_name | contact | requester | "
            "requester name | lead name | subscriber name | name | Имя"
        ),
    ),
    Field(
        "client_phone",
        Kind.TEXT,
        "The client's phone number, as the file writes it.",
        personal=True,
        aliases=listed(
            "Телефон клиента | Номер телефона клиента | Тел. клиента | Номер клиента | "
            "Телефон контакта | Телефон посетителя | Номер телефона | Телефон | "
            "Номер абонента | MSISDN | customer_phone | contact_phone | visitor_phone | "
            "phone_number | phone | client phone number | mobile"
        ),
    ),
    Field(
        "channel",
        Kind.TEXT,
        "The kind of channel (WhatsApp, Telegram, …), as the file names it.",
        aliases=listed(
            "Канал | Тип канала | Название канала | Имя канала | Мессенджер | Транспорт | "
            "Источник | Канал связи | channel_name | channel_type | transport | messenger | "
            "source | platform | medium | initial channel"
        ),
    ),
    Field(
        "channel_account_id",
        Kind.TEXT,
        "The company's account in that channel.",
        aliases=listed(
            "ID канала | Идентификатор канала | ID аккаунта канала | ID аккаунта | "
            "channel_id | account_id | inbox_id | ID подключения | Аккаунт канала | "
            "channel account | inbox"
        ),
    ),
    Field(
        "category",
        Kind.TEXT,
        "The chat's category.",
        aliases=listed(
            "Категория | Категории | Категория чата | Категория обращения | Тематика | Тема | "
            "Тема обращения | chat_category | categories | topic | subject | Рубрика"
        ),
    ),
    Field(
        "status",
        Kind.TEXT,
        "The message's or the chat's status at the time of the export; it may change later.",
        aliases=listed(
            "Статус | Статус сообщения | Статус доставки | Статус чата | Статус диалога | "
            "Статус обращения | Состояние | message_status | delivery_status | chat_status | "
            "conversation_status | state"
        ),
    ),
    Field(
        "text",
        Kind.VERBATIM,
        "The message to its last character; '' is a message without text (a picture, a file).",
        personal=True,
        required=True,
        nullable=False,
        aliases=listed(
            "Текст | Текст сообщения | Сообщение | Содержание | Содержимое | Тело сообщения | "
            "Текст переписки | message | message_text | message_body | body | content | "
            "message_content | msg | Реплика"
        ),
    ),
    Field(
        "extra",
        Kind.JSON,
        "Columns of the file that the contract doesn't know: a JSON object, header → text.",
        personal=True,
    ),
    Field("load_id", Kind.TEXT, "The load that brought this row.", nullable=False),
)

_PARTS = (
    Part(
        "date_part",
        "The day of sent_at, where the file keeps the time in a column of its own.",
        listed("Дата | date | Дата сообщения | День | day | sent_date"),
        part_of="sent_at",
    ),
    Part(
        "time_part",
        "The time of day of sent_at, where the file keeps the date in a column of its own.",
        listed("Время | time | Время сообщения | time of day"),
        part_of="sent_at",
    ),
    Part(
        "author",
        "Who wrote the message: the client's name where it came in, the user's where it went out.",
        listed(
            "Автор | Автор сообщения | Отправитель | Имя отправителя | Имя автора | От кого | "
            "author_name | sender_name | sender | from | from name | nick | nickname | "
            "written by | sent by"
        ),
    ),
)

CHATS = Dataset(
    name="chats",
    grain="one row per message",
    version="1",
    fields=_FIELDS,
    parts=_PARTS,
    order_by="sent_at",
    identity=("message_id",),
    # Names, phones, statuses and the user in charge change after the fact; these four never do.
    # What they leave equal (the same words in the same second) the warehouse tells apart by an
    # ordinal.
    identity_fallback=("chat_id", "sent_at", "direction", "text"),
    # Without either, two clients' equal messages could not be told from one message seen twice.
    required_any=(("message_id", "chat_id"),),
)
