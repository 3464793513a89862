"""The persons of the sandbox: what its export files and its users list say of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from canaries.searching import Searcher
from sandbox.company import InventedCompany

_A_KIND = 3


def persons(days: Iterable[date], *, messages_per_day: int, seed: int = 1) -> Searcher:
    """Looks for clients' names and phones, users' names, logins and addresses, and for texts."""
    company = InventedCompany(seed, messages_per_day)
    messages = [message for day in days for message in company.sent_on(day)]
    told = {
        "client": {m.client_name for m in messages},
        "phone": {m.client_phone for m in messages},
        "operator": {m.operator_name for m in messages if m.operator_name},
        # A text without a figure in it is anybody's.
        "text": {m.text for m in messages if any(map(str.isdigit, m.text)) and len(m.text) > 12},
        "login": {str(user["login"]) for user in company.users(messages[0].sent_at.date())},
        "email": {str(user["email"]) for user in company.users(messages[0].sent_at.date())},
    }
    return Searcher(
        {
            f"{kind} {number}": value
            for kind, values in told.items()
            for number, value in enumerate(sorted(values)[:_A_KIND], start=1)
        }
    )
