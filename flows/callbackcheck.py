"""After a run's loads: what callbacks told of and the export doesn't, and the other way round.

A warning with numbers and message ids, in the summary and as an artifact; no texts, no threads.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.completeness import ranges
from flows.run import Run
from flows.telling import leave_artifact
from warehouse.callbackcheck import CallbackComparison, compare_callbacks
from warehouse.database import Writer

IDS_SHOWN = 10
DAYS_TOLD = 7
_CALLBACK_CURE = (
    "backfill these days; if it stays, somebody else knows the callbacks' path: change "
    "SMARTCONNECT_CALLBACK_SECRET"
)
_EXPORT_CURE = (
    "look whether `smartconnect callbacks` ran then and could be reached, and whether the URL in "
    "SmartConnect's management section is right"
)


def compare(writer: Writer, _: Run) -> list[CallbackComparison]:
    """Compare all days; found differences go into meta.callback_reconciliation."""
    return compare_callbacks(writer)


def days_of(told: Sequence[CallbackComparison]) -> list[CallbackComparison]:
    """The rows of whole days, of the last that were compared: older ones were told before."""
    days = [comparison for comparison in told if comparison.chat_id is None]
    newest = max((day.window_day for day in days), default=None)
    return [day for day in days if newest and (newest - day.window_day).days < DAYS_TOLD]


def callback_warnings(told: Sequence[CallbackComparison]) -> list[str]:
    """A sentence for each direction: how many messages, which days, what to do."""
    said = []
    for name, what, cure in (
        ("only_callback", "told of by callbacks are not in chats", _CALLBACK_CURE),
        ("only_export", "of chats came with no callback", _EXPORT_CURE),
    ):
        wrong = [day for day in days_of(told) if getattr(day, name)]
        if wrong:
            count = sum(getattr(day, name) for day in wrong)
            days = ", ".join(ranges(day.window_day for day in wrong)[:6])
            said.append(f"Disagreement: {count:,} messages {what} ({days}); {cure}.")
    return said


async def tell_callbacks(told: Sequence[CallbackComparison]) -> None:
    """The days that differ as an artifact."""
    wrong = [day for day in days_of(told) if not day.agrees]
    if not wrong:
        return
    lines = [
        f"| {day.window_day:%d.%m.%Y} | {day.callbacks:,} | {day.exported:,} | "
        f"{'' if day.statistics_in_count is None else f'{day.statistics_in_count:,}'} | "
        f"{day.matched_certain:,} | {day.matched_probable:,} | {day.only_callback:,} | "
        f"{_ids(day.only_callback_ids)} | {day.only_export:,} | {_ids(day.only_export_ids)} |"
        for day in wrong
    ]
    heads = (
        "day", "callbacks", "incoming in chats", "by statistics", "matched by id",
        "matched by thread, minute and text", "only callback", "ids", "only export", "ids",
    )  # fmt: skip
    table = "\n".join([f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *lines])
    said = "".join(f"- {line}\n" for line in callback_warnings(told))
    await leave_artifact("callbacks-reconciliation", f"## Callbacks\n\n{said}\n{table}\n")


def _ids(ids: Sequence[str]) -> str:
    more = ", …" if len(ids) > IDS_SHOWN else ""
    return ", ".join(ids[:IDS_SHOWN]).replace("|", "") + more
