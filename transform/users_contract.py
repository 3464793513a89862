"""The contracts of `users` (the list) and `user_details` (each user, asked for one by one).

The vendor publishes that a list of users comes, not what a user's fields are; aliases as for
`chats`.
"""

from __future__ import annotations

from dataclasses import replace

from transform.contract import Dataset, Field, Kind, Part, listed

USERS = Dataset(
    name="users",
    grain="one row per user (operator) of the company",
    version="1",
    key=("user_id",),
    order_by="user_id",
    identity=("user_id",),
    fields=(
        Field(
            "user_id",
            Kind.TEXT,
            "The vendor's id of the user, kept exactly as text; chats.user_id and "
            "statistics.user_id name it.",
            required=True,
            nullable=False,
            aliases=listed(
                "uid | id | ID пользователя | ID оператора | ID сотрудника | operator_id | "
                "agent_id | employee_id"
            ),
        ),
        Field(
            "user_name",
            Kind.NAME,
            "The user's name.",
            personal=True,
            tracked=True,
            aliases=listed(
                "name | full_name | fio | display_name | ФИО | Имя пользователя | Оператор | "
                "Сотрудник | Имя | operator_name | agent_name | nickname"
            ),
        ),
        Field(
            "login",
            Kind.TEXT,
            "The name the user signs in with.",
            personal=True,
            tracked=True,
            aliases=listed("Логин | user_login | account | login_name"),
        ),
        Field(
            "email",
            Kind.TEXT,
            "The user's e-mail address.",
            personal=True,
            tracked=True,
            aliases=listed("e-mail | mail | Почта | Электронная почта | email_address"),
        ),
        Field(
            "phone",
            Kind.TEXT,
            "The user's phone number, as the vendor writes it.",
            personal=True,
            tracked=True,
            aliases=listed("phone_number | Телефон | Номер телефона | mobile | msisdn"),
        ),
        Field(
            "role",
            Kind.TEXT,
            "What the user may do; JSON text where the vendor sends more than a word.",
            tracked=True,
            aliases=listed("Роль | user_role | role_name | position | Должность | Права | roles"),
        ),
        Field(
            "department",
            Kind.TEXT,
            "The user's department or group; JSON text where the vendor sends more than a word.",
            tracked=True,
            aliases=listed("Отдел | group | team | Группа | departments | groups | Подразделение"),
        ),
        Field(
            "status",
            Kind.TEXT,
            "Whether the user is active, blocked or gone, in the vendor's words.",
            tracked=True,
            aliases=listed("Статус | state | user_status"),
        ),
        Field(
            "is_active",
            Kind.TEXT,
            "Whether the user may work, where the vendor says so beside the status, in its words.",
            tracked=True,
            aliases=listed("active | enabled | is_enabled | Активен"),
        ),
        Field(
            "created_at",
            Kind.TEXT,
            "When the user was created, as the vendor writes it (its format isn't published).",
            aliases=listed("created | registered_at | Дата создания | date_created"),
        ),
        Field(
            "online",
            Kind.TEXT,
            "Whether the user was on line when the list was made, in the vendor's words.",
            volatile=True,
            aliases=listed("is_online | presence | online_status | Онлайн | available"),
        ),
        Field(
            "last_seen_at",
            Kind.TEXT,
            "When the user was last seen, as the vendor writes it (its format isn't published).",
            volatile=True,
            aliases=listed(
                "last_seen | last_login | last_activity | last_online | last_visit | "
                "last_login_at | last_activity_at | Последний вход | Последняя активность"
            ),
        ),
        Field(
            "extra",
            Kind.JSON,
            "What the vendor sends of a user beyond this contract: a JSON object, keys sorted.",
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
    parts=(
        Part("first_name", "First part of user_name.", ("first_name", "given_name"), "user_name"),
        Part(
            "last_name", "Last part of user_name.", ("last_name", "surname", "Фамилия"), "user_name"
        ),
    ),
)

# What is told of a user who is asked for alone isn't published either: the same fields are known.
USER_DETAILS = replace(
    USERS,
    name="user_details",
    grain="one row per user (operator) of the company, in detail: users.user_id names the same",
)
