"""A delivery in a process of its own, which may die by SIGKILL at a crash point.

    python killed_delivery.py [POINT COUNT]

Prints each delivery's outcome, and the error of the end.
"""

from __future__ import annotations

import asyncio
import sys

from killed_run import die_at

from extract.errors import SendUncertain
from flows.deliveries import Deliveries, Parcel, require_delivered
from flows.errors import NotDelivered
from flows.mail import Message
from flows.settings import load_settings

PARCEL = Parcel(
    "day-2026-02-01",
    "the report of 01.02.2026",
    "smartconnect report --day 01.02.2026 --send-again",
    Message("A day", "A day\n\nMessages: 12"),
)


def main(point: list[str]) -> None:
    settings = load_settings()
    if point:
        die_at(point[0], int(point[1]))
    found = asyncio.run(Deliveries(settings).deliver(PARCEL))
    for delivered in found:
        print(delivered)
    try:
        require_delivered(PARCEL, found)
    except (SendUncertain, NotDelivered) as error:
        print(error)


if __name__ == "__main__":
    main(sys.argv[1:])
