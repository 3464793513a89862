"""Days as the company counts them: this machine's own may be another one for hours."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def today() -> date:
    """Today in the default time zone."""
    return datetime.now(ZoneInfo("Europe/Moscow")).date()


def yesterday() -> date:
    """The last day that has ended there."""
    return today() - timedelta(days=1)
