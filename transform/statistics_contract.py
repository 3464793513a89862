"""The contract of `statistics`: one row per day × channel × user, as far as the file brings them.

The vendor publishes neither columns nor units. Units stand in the names of the measures; a bare
number in a duration's column counts as seconds unless its header names another unit. What isn't
listed here is kept in `extra`, never guessed.
"""

from __future__ import annotations

from transform.chats_contract import CHATS
from transform.contract import Dataset, Field, Kind, listed


def _count(name: str, meaning: str, aliases: str) -> Field:
    return Field(name, Kind.COUNT, meaning, aliases=listed(aliases))


def _seconds(name: str, meaning: str, aliases: str) -> Field:
    return Field(name, Kind.SECONDS, meaning, aliases=listed(aliases), unit="seconds")


_DIMENSIONS = (
    Field(
        "date",
        Kind.DAY,
        "The day of the figures, company-local; the day asked for, if the file has no such column.",
        nullable=False,
        aliases=listed("Дата | День | Сутки | day | report_date | Дата отчета"),
    ),
    Field(
        "channel",
        Kind.TEXT,
        "The kind of channel (WhatsApp, Telegram, …), as the file names it.",
        aliases=CHATS.field("channel").aliases,
    ),
    Field(
        "channel_account_id",
        Kind.TEXT,
        "The company's account in that channel.",
        aliases=CHATS.field("channel_account_id").aliases,
    ),
    Field(
        "user_id",
        Kind.TEXT,
        "The user (operator) the figures are of.",
        aliases=(*CHATS.field("user_id").aliases, "id"),
    ),
    Field(
        "user_name",
        Kind.NAME,
        "The user's name at the time of the export.",
        personal=True,
        aliases=(*CHATS.field("user_name").aliases, "name", "Имя", "ФИО", "username"),
    ),
)

_COUNTS = (
    _count(
        "chats_count",
        "Chats that the user or channel had that day.",
        "Чатов | Чаты | Количество чатов | Кол-во чатов | Всего чатов | Диалогов | Диалоги | "
        "Количество диалогов | Кол-во диалогов | Всего диалогов | Обращений | Обращения | "
        "Количество обращений | Кол-во обращений | Всего обращений | chats | total chats | "
        "number of chats | conversations | conversations_count | total conversations | dialogs",
    ),
    _count(
        "chats_new_count",
        "Chats that began that day.",
        "Новых чатов | Новые чаты | Новых диалогов | Новые диалоги | Новых обращений | "
        "Новые обращения | new chats | new conversations | opened chats | opened conversations",
    ),
    _count(
        "chats_closed_count",
        "Chats that were closed that day.",
        "Закрыто чатов | Закрытых чатов | Закрытые чаты | Закрыто диалогов | "
        "Закрытые диалоги | Закрыто обращений | Закрытые обращения | Завершенные чаты | "
        "Завершено чатов | closed chats | resolved chats | closed conversations | "
        "resolved conversations | resolutions count",
    ),
    _count(
        "chats_missed_count",
        "Chats that nobody answered.",
        "Пропущено чатов | Пропущенных чатов | Пропущенные чаты | Пропущенные диалоги | "
        "Пропущено обращений | Пропущенные обращения | Пропущенные | Необслуженные | "
        "missed chats | missed conversations | missed | unanswered chats | abandoned chats",
    ),
    _count(
        "chats_transferred_count",
        "Chats that were handed to another user.",
        "Переведено чатов | Передано чатов | Переданные чаты | Переадресовано чатов | "
        "Переданные | transferred chats | forwarded chats | transfers | conversation transfers",
    ),
    _count(
        "messages_count",
        "Messages in both directions.",
        "Сообщений | Сообщения | Количество сообщений | Кол-во сообщений | Всего сообщений | "
        "messages | total messages | number of messages",
    ),
    _count(
        "messages_in_count",
        "Messages from clients.",
        "Входящих сообщений | Входящие сообщения | Входящих | Входящие | Получено сообщений | "
        "Сообщений клиента | Сообщений от клиентов | Сообщений посетителя | Вх. сообщений | "
        "incoming messages | incoming messages count | inbound messages | messages received | "
        "received messages | messages in | customer messages | visitor messages",
    ),
    _count(
        "messages_out_count",
        "Messages to clients.",
        "Исходящих сообщений | Исходящие сообщения | Исходящих | Исходящие | "
        "Отправлено сообщений | Сообщений оператора | Сообщений операторов | Исх. сообщений | "
        "outgoing messages | outgoing messages count | outbound messages | messages sent | "
        "sent messages | messages out | agent messages | operator messages",
    ),
    _count(
        "clients_count",
        "Clients who wrote or were written to.",
        "Клиентов | Клиенты | Количество клиентов | Уникальных клиентов | Уникальные клиенты | "
        "Посетителей | clients | customers | unique clients | unique customers | visitors",
    ),
    _count(
        "clients_new_count",
        "Clients who wrote for the first time.",
        "Новых клиентов | Новые клиенты | new clients | new customers | new contacts",
    ),
    _count(
        "ratings_count",
        "Chats that were rated.",
        "Количество оценок | Кол-во оценок | Оценок | ratings | rated chats | csat responses",
    ),
)

_DURATIONS = (
    _seconds(
        "first_response_avg_seconds",
        "Mean time until the first answer.",
        "Среднее время первого ответа | Ср. время первого ответа | Время первого ответа | "
        "Средняя скорость первого ответа | Скорость первого ответа | first_response_time | "
        "avg first response time | average first response time | first response time avg | "
        "frt | avg first response | first_response_avg | time to first response",
    ),
    _seconds(
        "response_avg_seconds",
        "Mean time until an answer, over all answers.",
        "Среднее время ответа | Ср. время ответа | Средняя скорость ответа | Время ответа | "
        "Скорость ответа | avg response time | average response time | response time avg | "
        "response_time | response_avg | Средняя скорость всех ответов",
    ),
    _seconds(
        "wait_avg_seconds",
        "Mean time that clients waited in the queue.",
        "Среднее время ожидания | Ср. время ожидания | Время ожидания | avg wait time | "
        "average wait time | waiting time avg | wait time | wait_avg",
    ),
    _seconds(
        "chat_duration_avg_seconds",
        "Mean length of a chat.",
        "Средняя длительность чата | Средняя длительность диалога | "
        "Средняя продолжительность чата | Средняя продолжительность диалога | "
        "Среднее время чата | Среднее время диалога | Длительность чата | "
        "Средняя длительность | avg chat duration | average chat duration | "
        "chat duration avg | avg handle time | average handle time | aht | chat_duration_avg",
    ),
    _seconds(
        "resolution_avg_seconds",
        "Mean time until a chat was closed.",
        "Среднее время решения | Среднее время закрытия | Время решения | "
        "avg resolution time | average resolution time | resolution time | resolution_avg",
    ),
    _seconds(
        "online_seconds",
        "Time that the user was on line.",
        "Время онлайн | Время в сети | Онлайн | Время на линии | online time | time online | "
        "online | total online time | logged in time",
    ),
)

STATISTICS = Dataset(
    name="statistics",
    grain="one row per day, channel and user, as far as the export brings them",
    version="1",
    fields=(
        *_DIMENSIONS,
        *_COUNTS,
        *_DURATIONS,
        Field(
            "rating_avg",
            Kind.NUMBER,
            "Mean rating, on the scale of the file.",
            aliases=listed(
                "Средняя оценка | Ср. оценка | Оценка | Рейтинг | rating | avg rating | "
                "average rating | csat | Средний балл"
            ),
        ),
        Field(
            "extra",
            Kind.JSON,
            "Columns of the file that the contract doesn't know: a JSON object, header → text.",
            personal=True,
        ),
        Field(
            "observed_at",
            Kind.INSTANT,
            "When the export that brought this row was started.",
            nullable=False,
        ),
        Field("load_id", Kind.TEXT, "The load that brought this row.", nullable=False),
    ),
    order_by="date",
)
