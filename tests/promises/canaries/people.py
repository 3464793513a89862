"""The persons of the sandbox: what its export files and its users list say of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from canaries.searching import Searcher
from sandbox.company import InventedCompany

SAMPLE = 3
_SURNAME_CHARS = 6


def sampled(days: Iterable[date], *, messages_per_day: int, seed: int = 1) -> Searcher:
    """Looks for a few whole values of each kind."""
    return Searcher(
        {
            f"{kind} {number}": value
            for kind, values in _told(days, messages_per_day, seed).items()
            for number, value in enumerate(sorted(values)[:SAMPLE], start=1)
        }
    )


def everyone(days: Iterable[date], *, messages_per_day: int, seed: int = 1) -> Searcher:
    """Looks for everybody: all surnames, phones and addresses, and words that texts begin with."""
    told = _told(days, messages_per_day, seed)
    surnames = {word for name in told["client"] | told["operator"] for word in name.split()[1:2]}
    wanted = {
        "surname": {word for word in surnames if len(word) >= _SURNAME_CHARS},
        "phone": told["phone"],
        "email": told["email"],
        "text": {" ".join(text.split()[:3]) for text in told["text"]},
    }
    return Searcher(
        {
            f"{kind} {number}": value
            for kind, values in wanted.items()
            for number, value in enumerate(sorted(values), start=1)
        }
    )


def _told(days: Iterable[date], messages_per_day: int, seed: int) -> dict[str, set[str]]:
    company = InventedCompany(seed, messages_per_day)
    messages = [message for day in days for message in company.sent_on(day)]
    users = company.users(messages[0].sent_at.date())
    return {
        "client": {m.client_name for m in messages},
        "phone": {m.client_phone for m in messages},
        "operator": {m.operator_name for m in messages if m.operator_name},
        # A text without a figure in it is anybody's.
        "text": {m.text for m in messages if any(map(str.isdigit, m.text)) and len(m.text) > 12},
        "login": {str(user["login"]) for user in users},
        "email": {str(user["email"]) for user in users},
    }
