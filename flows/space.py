"""How much the data takes and how long the disk will do, in sentences."""

from __future__ import annotations

from warehouse.space import DiskUse

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_YEARS_THAT_NOBODY_COUNTS = 10


def in_words(size_bytes: float) -> str:
    """A size for a person: `1.2 GB`."""
    size, unit = float(size_bytes), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:,.1f} {_UNITS[unit]}" if unit else f"{size:,.0f} bytes"


def disk_lines(use: DiskUse) -> list[str]:
    """What each area takes, and when the disk will be full."""
    areas = ", ".join(f"{name} {in_words(size)}" for name, size in use.areas.items() if size)
    return [
        f"Disk: {areas or 'nothing yet'}; {in_words(use.free_bytes)} are free.",
        *_forecast(use),
    ]


def space_warning(use: DiskUse, warn_days_left: int) -> str | None:
    """A warning where the disk is full in fewer days than that."""
    left = use.days_left
    if left is None or left >= warn_days_left:
        return None
    return (
        f"The disk will be full in about {left} days: a day adds {in_words(use.day_bytes)}, and "
        f"{in_words(use.free_bytes)} are free. Free space, or keep less "
        "(SMARTCONNECT_KEEP_RAW_DAYS, SMARTCONNECT_KEEP_RELEASES)."
    )


def _forecast(use: DiskUse) -> list[str]:
    left = use.days_left
    if left is None:
        return []
    years = left / 365
    if years > _YEARS_THAT_NOBODY_COUNTS:
        long = f"more than {_YEARS_THAT_NOBODY_COUNTS} years"
    else:
        long = f"about {years:.1f} years" if years >= 1 else f"about {left} days"
    return [f"A day adds {in_words(use.day_bytes)}: that is enough for {long}."]
