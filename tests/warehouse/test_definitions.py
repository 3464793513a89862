"""docs/definitions.md says what the COMMENTs say, and its queries give the marts' numbers; the
example of docs/reporting-file.md can be read.
"""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from small_company import published
from test_marts_by_hand import BUSINESS, SAID

from warehouse.business import Business, parse_business
from warehouse.errors import ReportingFileWrong
from warehouse.martfiles import MARTS, mart
from warehouse.marttables import MART_TABLES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "definitions.md"
BEGIN = "<!-- marts: made by tests/warehouse/test_definitions.py, do not edit -->"
END = "<!-- /marts -->"


def tables() -> str:
    parts = []
    told = [(name, mart(name).comment, mart(name).columns) for name in MARTS]
    told += [
        (name, comment, {column: meaning for column, (_, meaning) in columns.items()})
        for name, (comment, columns) in MART_TABLES.items()
    ]
    for name, comment, columns in told:
        parts += [f"### mart.{name}", "", comment, "", "| column | meaning |", "|---|---|"]
        parts += [f"| `{column}` | {meaning} |" for column, meaning in columns.items()]
        parts.append("")
    return "\n".join(parts)


def test_the_page_says_what_the_comments_say() -> None:
    """`UPDATE_DOCS=1 make test` writes the tables anew."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    current = f"{before}{BEGIN}\n{tables()}{END}{rest.split(END)[1]}"
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(current, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == current


def test_every_file_of_sql_is_a_mart_and_has_a_meaning_for_each_of_its_columns() -> None:
    files = {path.stem for path in (Path(__file__).parents[2] / "warehouse/sql").glob("*.sql")}
    assert files == set(MARTS)
    assert all(mart(name).comment.endswith(".") and mart(name).columns for name in MARTS)


@pytest.mark.promise("marts-parquet")
def test_the_queries_of_the_page_tell_the_marts_numbers(tmp_path: Path) -> None:
    layout = published(tmp_path / "data", SAID, BUSINESS)
    release = layout.current.resolve()
    asked = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(asked) == 3
    told = []
    with duckdb.connect(str(release / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for sql in asked:
            told.append(connection.execute(sql.replace("$release", str(release))).fetchall())
        by_channel = connection.execute(
            """SELECT channel, turns, turns_answered, response_median_seconds,
                      response_working_median_seconds
               FROM mart.response_by_channel WHERE date = '2026-03-02' ORDER BY channel"""
        ).fetchall()
    assert len(told[0]) == 2
    assert told[1] == [("", 0, 1), ("Telegram", 3, 2), ("WhatsApp", 1, 1)]
    assert (
        told[2] == by_channel == [("Telegram", 2, 2, 1200, 1200), ("WhatsApp", 1, 1, 55200, 1200)]
    )


def test_the_example_of_the_reporting_file_can_be_read() -> None:
    text = (DOCS / "reporting-file.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    business = parse_business(example, "the example")
    assert business.hours_of(date(2026, 3, 3)) == ((540, 780), (840, 1200))  # a Tuesday
    assert business.hours_of(date(2026, 3, 4)) == ((540, 1080),)  # not said: as by default
    assert business.hours_of(date(2026, 1, 1)) == business.hours_of(date(2026, 3, 8)) == ()
    assert business.teams["Поддержка"] == ("504", "505")
    assert [target.within for target in business.targets] == [900, 3600]
    assert Business.model_validate_json(business.model_dump_json()) == business
    assert timedelta(seconds=Business().targets[0].within) == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[hours]\nmonday = "9-18"', "hours.monday: hours are written"),
        ('[hours]\nmonday = "18:00-09:00"', "hours.monday: hours go forward within a day"),
        ('[hours]\nmonday = "09:00-25:00"', "hours.monday: hours go forward"),
        ('[hours]\nmonday = "01:00-02:00, 03:00-04:00, 05:00-06:00"', "at most two parts"),
        ('[hours]\nmontag = "09:00-18:00"', "hours.montag: unknown key"),
        ('[days]\n"1 May" = "closed"', "days.1 May: "),
        ('[teams]\na = ["1"]\nb = ["1"]', "teams: operator '1' is in 'a' and in 'b'"),
        ('teams_from = "role"\n[teams]\na = ["1"]', "say either teams or teams_from"),
        ('[[targets]]\nname = "x"\nwithin = "soon"', "targets.0.within: a duration is written"),
        ('[[targets]]\nname = "x"\nwithin = "0m"', "targets.0.within: "),
        ('[[targets]]\nname = "x"', "targets.0.within: Field required"),
        ("overloaded_above = 0.5", "overloaded_above: "),
        ("monday = 09:00", "is not TOML"),
    ],
)
def test_a_key_that_cannot_be_meant_is_named(text: str, said: str) -> None:
    with pytest.raises(ReportingFileWrong, match=re.escape(said)):
        parse_business(text, "reporting.toml")
