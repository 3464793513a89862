"""The tables of schema `mart`: what each is, and each of its columns with its meaning.

As warehouse/metatables.py has those of `meta`; warehouse/martmaking.py makes and fills them.
"""

from __future__ import annotations

from collections.abc import Mapping

from warehouse.workcalendar import COLUMNS as CALENDAR
from warehouse.workcalendar import COMMENT as CALENDAR_COMMENT

MART_TABLES: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = {
    "company": (
        "One row: what the figures of this company are told by.",
        {
            "company": (
                "VARCHAR",
                "Its key where one installation has several (docs/companies.md); NULL: the only "
                "one.",
            ),
            "time_zone": ("VARCHAR", "The time zone of its days and hours."),
            "overloaded_above": (
                "DOUBLE",
                "An operator with more threads a busy hour than so many medians is overloaded.",
            ),
            "business": ("VARCHAR", "All that reporting.toml says, as JSON."),
            "made_from": ("VARCHAR", "Hash of all that schema mart is made from."),
        },
    ),
    "calendar": (CALENDAR_COMMENT, CALENDAR),
    "sla_targets": (
        "One row a target of reporting.toml: how soon an answer is due.",
        {
            "target": ("VARCHAR", "Its name."),
            "position": ("INTEGER", "Its place in the file, from 1."),
            "within_seconds": ("BIGINT", "An answer is due within so many seconds."),
            "working_hours": ("BOOLEAN", "Only working time counts; else all time."),
            "first_only": ("BOOLEAN", "Only threads' first turns; else every turn."),
            "channel": ("VARCHAR", "Only turns of this channel; NULL: of all."),
        },
    ),
    "team_list": (
        "One row an operator whom reporting.toml puts into a team; mart.teams has all teams.",
        {
            "operator_id": ("VARCHAR", "The operator."),
            "team": ("VARCHAR", "The team's name."),
        },
    ),
}
