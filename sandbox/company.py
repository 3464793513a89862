"""An invented company: operators, clients, channels, and conversations of any day, by a seed.

A day's conversations depend on the seed and the day alone, never on what was asked before. A thread
belongs to the day it began on and may run on for two more.
"""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from sandbox.messages import Message

CHANNELS = (("WhatsApp", 101), ("Telegram", 102), ("Viber", 103), ("ВКонтакте", 104), ("Сайт", 105))
_WEIGHTS = (40, 30, 12, 8, 10)
CATEGORIES = ("Доставка", "Оплата", "Возврат", "Консультация", "Жалоба", "")
_FIRST = (
    "Анна",
    "Иван",
    "Мария",
    "Пётр",
    "Ольга",
    "Дмитрий",
    "Елена",
    "Сергей",
    "Наталья",
    "Алексей",
)
_LAST = ("Соколова", "Кузнецов", "Попова", "Лебедев", "Козлова", "Новиков", "Морозова", "Волков")
_ASKS = (
    "Здравствуйте! Где мой заказ №{n}?",
    "Добрый день, как оплатить; картой можно?",
    "Не приходит код, помогите пожалуйста",
    'Пришёл не тот товар: «{n}», а заказывал "другой"',
    "Спасибо 🙏",
    "Ок",
    "Когда будет доставка?\nАдрес прежний: ул. Ленина, д. {n}",
    "Сколько стоит, если взять {n} шт.?",
)
_ANSWERS = (
    "Здравствуйте! Сейчас проверю, минуту.",
    "Заказ {n} передан курьеру; ожидайте звонка.",
    "Да, конечно: картой, по СБП, наличными.",
    "Приносим извинения! Оформили возврат.",
    "Рады помочь 😊",
    "Уточните, пожалуйста, номер заказа",
)
_HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 14, 20, 24, 24, 22, 22, 22, 21, 20, 18, 16, 14, 12, 9, 5, 2)
_DAYS = (1.1, 1.1, 1.05, 1.0, 1.0, 0.6, 0.45)
LONGEST_THREAD_DAYS = 3
MESSAGES_A_THREAD = 5.0
_ID_SPACE = 1_000_000


class InventedCompany:
    """Conversations of an invented company.

    Args:
        seed: another seed, another company.
        messages_per_day: on an average working day, about.
        users_change: people are hired, renamed and leave as months go by.
    """

    def __init__(self, seed: int, messages_per_day: int, *, users_change: bool = True) -> None:
        self._seed = seed
        self._threads = max(1, round(messages_per_day / MESSAGES_A_THREAD))
        self._users_change = users_change
        self.started_on = lru_cache(maxsize=64)(self._started_on)

    def sent_on(self, day: date) -> list[Message]:
        """Messages dated `day`, in order."""
        found = [
            message
            for back in range(LONGEST_THREAD_DAYS)
            for message in self.started_on(day - timedelta(days=back))
            if message.sent_at.date() == day
        ]
        return sorted(found, key=lambda message: (message.sent_at, message.message_id))

    def users(self, day: date) -> list[dict[str, object]]:
        """The users list as it is on `day`."""
        return [
            {
                "id": number,
                "name": self._operator_name(number, day),
                "login": f"operator{number}",
                "email": f"operator{number}@example.com",
                "role": "admin" if number == 1 else "operator",
                "active": True,
                "last_seen": f"{day.isoformat()} 18:{number:02d}:00",
            }
            for number in self._staff(day)
        ]

    def _staff(self, day: date) -> list[int]:
        if not self._users_change:
            return list(range(1, 13))
        months = day.year * 12 + day.month
        return [n for n in range(1, 17) if n <= 8 or (months + n) % 7 > 1]

    def _operator_name(self, number: int, day: date) -> str:
        married = self._users_change and number % 5 == 0 and day.month >= 7
        last = _LAST[(number + (3 if married else 0)) % len(_LAST)]
        return f"{_FIRST[number % len(_FIRST)]} {last}"

    def _started_on(self, day: date) -> list[Message]:
        rng = random.Random(f"{self._seed}:{day.isoformat()}")  # noqa: S311
        count = max(1, round(self._threads * _DAYS[day.weekday()] * rng.uniform(0.9, 1.1)))
        hours = rng.choices(range(24), _HOURS, k=count)
        starts = sorted(time(hour, rng.randrange(60), rng.randrange(60)) for hour in hours)
        found: list[Message] = []
        for number, start in enumerate(starts):
            found += self._thread(rng, day, number, start, len(found))
        return found

    def _thread(
        self, rng: random.Random, day: date, number: int, start: time, offset: int
    ) -> list[Message]:
        when = datetime.combine(day, start)
        client = rng.randrange(max(50, self._threads * 6))
        channel, account = rng.choices(CHANNELS, _WEIGHTS)[0]
        operator = rng.choice(self._staff(day))
        category, status = rng.choice(CATEGORIES), rng.choice(("closed", "closed", "open"))
        found: list[Message] = []
        for index in range(1 + min(12, int(rng.expovariate(1 / (MESSAGES_A_THREAD - 1))))):
            out = index % 2 == 1 or (index > 1 and rng.random() < 0.2)
            said = rng.choice(_ANSWERS if out else _ASKS).format(n=rng.randrange(1, 9999))
            found.append(
                Message(
                    (day.toordinal() - 700_000) * _ID_SPACE + offset + index,
                    f"{day:%Y%m%d}-{number}",
                    day,
                    when,
                    "out" if out else "in",
                    operator if out else 0,
                    self._operator_name(operator, day) if out else "",
                    f"{_FIRST[client % 10]} {_LAST[client // 10 % 8]} {client}",
                    f"+79{client % 1000:03d}{client * 7919 % 1_000_000:06d}",
                    channel,
                    account,
                    category,
                    status,
                    said,
                )
            )
            when += timedelta(seconds=int(rng.expovariate(1 / 240)) + 5)
            if rng.random() < 0.04:
                when += timedelta(hours=rng.randrange(6, 20))
            if (when.date() - day).days >= LONGEST_THREAD_DAYS:
                break
        return found
