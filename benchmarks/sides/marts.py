"""Every mart over a whole warehouse, beside the plainest SQL that computes the same from `chats`.

The plain side knows what this data is like (every message is a client's or an operator's, working
days have no pause, every category and channel is told), and so leaves out what the marts must ask.

python -m benchmarks.sides.marts DATA --rounds 3
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path

import duckdb

THREADS, MEMORY_LIMIT = 2, "4GB"
_CLOCK = """({moment}_day.working_seconds_before + greatest(0, least(
    epoch_us({moment}_utc) - epoch_us({moment}_day.opens_at_utc),
    epoch_us({moment}_day.closes_at_utc) - epoch_us({moment}_day.opens_at_utc))) / 1e6)"""
_MESSAGES = """
    SELECT message_id, chat_id, sent_at, sent_at_utc, date, hour(sent_at) AS hour,
           isodow(date) AS weekday, window_day, direction,
           CASE author_type WHEN 'user' THEN 'operator' ELSE author_type END AS author,
           direction = 'in' AS by_client, direction = 'out' AS by_operator,
           CASE WHEN direction = 'out' THEN user_id END AS operator_id,
           CASE WHEN direction = 'out' THEN user_name END AS operator_name,
           client_phone AS client_key, client_name AS client, channel,
           coalesce(category, '') AS category, text AS message_text FROM chats"""
_TURNS = """
    SELECT chat_id, number - (direction = 'out')::INTEGER AS turn,
           min(sent_at) FILTER (direction = 'in') AS asked,
           min(sent_at_utc) FILTER (direction = 'in') AS asked_utc,
           max(sent_at) FILTER (direction = 'out') AS answered,
           max(sent_at_utc) FILTER (direction = 'out') AS answered_utc,
           count(*) FILTER (direction = 'in') AS messages, any_value(channel) AS channel,
           any_value(category) AS category, any_value(client_phone) AS client_phone,
           max(user_id) FILTER (direction = 'out') AS operator_id, min(question) = 1 AS is_first
    FROM (SELECT *, count(*) FILTER (direction = 'out') OVER so_far AS number,
                 count(*) FILTER (direction = 'in') OVER so_far AS question FROM chats
          WINDOW so_far AS (PARTITION BY chat_id ORDER BY sent_at_utc, direction
                            ROWS UNBOUNDED PRECEDING))
    GROUP BY chat_id, turn HAVING asked IS NOT NULL"""
_RESPONSES = f"""
    SELECT chat_id, asked::DATE AS date, hour(asked) AS hour, asked AS asked_at,
           asked_utc AS asked_at_utc, answered_utc AS answered_at_utc, is_first, messages,
           channel, coalesce(category, '') AS category, client_phone AS client_key,
           operator_id, (epoch_us(answered_utc) - epoch_us(asked_utc)) / 1e6 AS response_seconds,
           {_CLOCK.format(moment="answered")} - {_CLOCK.format(moment="asked")}
               AS response_working_seconds,
           CASE WHEN answered IS NULL THEN (epoch_us(end_utc) - epoch_us(asked_utc)) / 1e6 END
               AS waiting_seconds,
           CASE WHEN answered IS NULL
                THEN {_CLOCK.format(moment="end")} - {_CLOCK.format(moment="asked")} END
               AS waiting_working_seconds
    FROM ({_TURNS}), (SELECT max(sent_at) AS "end", max(sent_at_utc) AS end_utc FROM chats)
    JOIN mart.calendar AS asked_day ON asked_day.date = asked::DATE
    LEFT JOIN mart.calendar AS answered_day ON answered_day.date = answered::DATE
    JOIN mart.calendar AS end_day ON end_day.date = "end"::DATE"""
_TIMES = ", ".join(
    f"quantile_cont({measure}seconds, {share}) {where} AS {prefix}{measure}{name}_seconds"
    for prefix, where in (("first_", "FILTER (is_first)"), ("", ""))
    for measure in ("response_", "response_working_")
    for share, name in ((0.5, "median"), (0.9, "p90"))
)
_BY = f"""
    SELECT date, {{key}} count(*) AS turns, count(response_seconds) AS turns_answered, {_TIMES}
    FROM ({_RESPONSES}) {{where}} GROUP BY ALL"""
_COMPARED = ("messages_in", "messages_out", "clients", "turns", "response_median_seconds")
PLAIN = {
    "messages": _MESSAGES,
    "known": """
        SELECT min(date) AS first_date, max(date) AS last_date, max(sent_at) AS data_end,
               max(sent_at_utc) AS data_end_utc FROM chats
        HAVING max(sent_at_utc) <= max(observed_at)""",
    "operators": """
        SELECT user_id AS operator_id, arg_max(user_name, sent_at_utc) AS operator_name,
               any_value(team) AS team, max(date) AS last_date
        FROM chats JOIN mart.team_list ON operator_id = user_id
        WHERE direction = 'out' GROUP BY user_id""",
    "threads": """
        SELECT chat_id, min(sent_at)::DATE AS date, min(sent_at) AS opened_at,
               min(sent_at_utc) AS opened_at_utc, max(sent_at) AS last_at,
               any_value(channel) AS channel, coalesce(max(category), '') AS category,
               max(client_phone) AS client_key,
               count(*) FILTER (direction = 'in') AS messages_in,
               count(*) FILTER (direction = 'out') AS messages_out,
               coalesce(max(sent_at_utc) FILTER (direction = 'out')
                   >= min(sent_at_utc) FILTER (direction = 'in'), false) AS is_answered,
               messages_in > 0 AND NOT is_answered AS is_unanswered
        FROM chats GROUP BY chat_id""",
    "responses": _RESPONSES,
    "response_by_day": _BY.format(key="", where=""),
    "response_by_operator": _BY.format(
        key="operator_id,", where="WHERE operator_id IS NOT NULL"
    ),
    "response_by_channel": _BY.format(key="channel,", where=""),
    "sla": f"""
        SELECT date, r.channel, target, count(*) AS turns,
               count(*) FILTER (response_working_seconds <= within_seconds) AS met,
               count(*) FILTER (response_working_seconds <= within_seconds) / count(*) AS share
        FROM ({_RESPONSES}) AS r, mart.sla_targets
        WHERE is_first AND (answered_at_utc IS NOT NULL OR waiting_working_seconds > within_seconds)
        GROUP BY ALL""",
    "message_counts": f"""
        SELECT date, weekday, hour, channel, direction, author, count(*) AS messages
        FROM ({_MESSAGES}) GROUP BY ALL""",
    "operator_load": """
        SELECT date, user_id AS operator_id, count(*) AS messages_out,
               count(DISTINCT chat_id) AS threads, count(DISTINCT hour(sent_at)) AS busy_hours,
               threads / busy_hours AS threads_per_busy_hour
        FROM chats WHERE direction = 'out' GROUP BY ALL""",
    "team_load": """
        SELECT date, team, count(DISTINCT user_id) AS operators, count(*) AS messages_out,
               count(DISTINCT chat_id) AS threads,
               count(DISTINCT (user_id, hour(sent_at))) AS busy_hours
        FROM chats JOIN mart.team_list ON operator_id = user_id
        WHERE direction = 'out' GROUP BY ALL""",
    "clients": """
        WITH wrote AS (SELECT DISTINCT date, channel, client_phone FROM chats
                       WHERE direction = 'in')
        SELECT date, channel, count(*) AS clients, count(*) FILTER (date = first) AS clients_new,
               count(*) FILTER (date > first) AS clients_returning
        FROM wrote JOIN (SELECT client_phone, min(date) AS first FROM wrote GROUP BY ALL)
             USING (client_phone)
        GROUP BY ALL""",
    "categories": """
        SELECT date, coalesce(category, '') AS category,
               count(*) FILTER (direction = 'in') AS messages_in,
               count(*) FILTER (direction = 'out') AS messages_out,
               count(DISTINCT chat_id) AS threads,
               count(DISTINCT client_phone) FILTER (direction = 'in') AS clients
        FROM chats GROUP BY ALL""",
    "comparison": f"""
        WITH told AS MATERIALIZED (
            SELECT * FROM (
                SELECT date, channel, count(*) FILTER (direction = 'in') AS messages_in,
                       count(*) FILTER (direction = 'out') AS messages_out,
                       count(DISTINCT client_phone) FILTER (direction = 'in') AS clients
                FROM chats GROUP BY ALL)
            LEFT JOIN (SELECT date, channel, count(*) AS turns,
                              quantile_cont(response_seconds, 0.5) AS response_median_seconds
                       FROM ({_RESPONSES}) GROUP BY ALL) USING (date, channel))
        SELECT now.date, now.channel, {", ".join(
            f"now.{name}, day.{name} AS {name}_day_before, week.{name} AS {name}_week_before"
            for name in _COMPARED)}
        FROM told AS now
        LEFT JOIN told AS day ON day.channel = now.channel AND day.date = now.date - 1
        LEFT JOIN told AS week ON week.channel = now.channel AND week.date = now.date - 7""",
}  # fmt: skip


def cost(connection: duckdb.DuckDBPyConnection, sql: str) -> float:
    """CPU seconds of all threads for every value of a query, none of them handed out.

    Each is hashed: to count them, DuckDB would not even unpack them.
    """
    began = time.process_time()
    connection.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM ({sql})").fetchall()
    return time.process_time() - began


def require_same(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Prove that the mart and the plain query say the same, to the last row."""
    columns = [str(row[0]) for row in connection.execute(f"DESCRIBE mart.{name}").fetchall()]
    listed = ", ".join(
        f"round({column}::DOUBLE, 3)" if column.endswith(("seconds", "share", "hour")) else column
        for column in columns
    )
    sums = f"SELECT count(*), sum(hash({listed})) FROM"
    ours = connection.execute(f"{sums} mart.{name}").fetchone()
    plain = connection.execute(f"{sums} ({PLAIN[name]})").fetchone()
    if ours != plain:
        raise SystemExit(f"mart.{name} differs from the plain query: {ours} and {plain}")


def main() -> None:
    """Prints the CPU seconds of each mart and side in each round as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    copy = given.data / "marts.duckdb"
    shutil.copyfile(given.data / "current" / "warehouse.duckdb", copy)
    told: dict[str, dict[str, list[float]]] = {}
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"SET threads = {THREADS}; SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        connection.execute(
            "INSERT INTO mart.team_list "
            "SELECT (100 + i)::VARCHAR, 'team ' || i % 3 FROM range(9) AS numbers(i)"
        )
        for name, plain in PLAIN.items():
            require_same(connection, name)
            sides = {"ours": f"FROM mart.{name}", "plain": plain}
            told[name] = {side: [] for side in sides}
            for _ in range(given.rounds):
                for side, sql in sides.items():
                    told[name][side].append(cost(connection, sql))
    copy.unlink()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
