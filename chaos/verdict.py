"""Whether a warehouse equals the vendor's truth: what was lost, doubled, strange or changed.

Looks at what readers see (the current release), and takes the truth from the sandbox: its own
content hashes, and the ids behind them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from sandbox.messages import Message, content_hash
from sandbox.tables import Table
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

Row = tuple[object, ...]
CHATS = """
    SELECT window_day, message_id, strftime(sent_at, '%Y-%m-%d %H:%M:%S'), direction,
           coalesce(CASE direction WHEN 'out' THEN user_name ELSE client_name END, ''), text
    FROM chats ORDER BY message_id::BIGINT
"""
STATISTICS = """
    SELECT window_day, strftime(date, '%d.%m.%Y'), channel, channel_account_id,
           coalesce(user_id, ''), coalesce(user_name, ''), messages_in_count, messages_out_count,
           chats_new_count, coalesce(first_response_avg_seconds::BIGINT::VARCHAR, '')
    FROM statistics
"""
# What the ledger itself promises, each as a count of rows that break it.
RULES = {
    "loads whose rows read aren't loaded + duplicate + quarantined": """
        SELECT count(*) FROM meta.loads WHERE outcome = 'loaded'
        AND dataset IN ('chats', 'statistics')
        AND rows_read <> rows_loaded + rows_duplicate + rows_quarantined""",
    "days whose shown rows aren't its file's without hidden and duplicate ones": """
        SELECT count(*) FROM meta.days AS d WHERE rows - rows_hidden - rows_duplicate <>
        CASE dataset WHEN 'chats' THEN (SELECT count(*) FROM chats AS c
                                        WHERE c.window_day = d.window_day)
        ELSE (SELECT count(*) FROM statistics AS s WHERE s.window_day = d.window_day) END""",
    "days that come twice": """
        SELECT count(*) - count(DISTINCT (dataset, window_day)) FROM meta.days""",
    "loads that come twice": "SELECT count(*) - count(DISTINCT load_id) FROM meta.loads",
    "rows of days that aren't loaded": """
        SELECT count(*) FROM (SELECT 'chats' AS dataset, window_day, load_id FROM chats
                              UNION ALL SELECT 'statistics', window_day, load_id FROM statistics)
        ANTI JOIN meta.days USING (dataset, window_day, load_id)""",
    "users with two versions at once, or a version that ends before it begins": """
        SELECT count(*) - count(DISTINCT user_id) + count(*) FILTER (valid_to <= valid_from)
        FROM (SELECT user_id, valid_from, valid_to FROM users_history
              WHERE valid_to IS NULL OR valid_to <= valid_from)""",
    "users twice in a day's list": """
        SELECT count(*) - count(DISTINCT (snapshot_date, user_id)) FROM user_snapshots""",
}


@dataclass
class Verdict:
    """What is wrong, in numbers and in sentences; nothing where the truth was reached.

    Attributes:
        rows: messages and figures that were compared.
        lost: messages (or figures) of the truth that readers don't see.
        doubled: those they see more than once.
        wrong: all else, in sentences.
    """

    rows: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether readers see the truth and nothing else."""
        return not (self.lost or self.doubled or self.wrong)

    def lines(self) -> list[str]:
        """For a person; ids and days, no texts."""
        named = (("lost", self.lost), ("doubled", self.doubled))
        counted = [f"{len(found)} {word}: {', '.join(found[:8])}" for word, found in named if found]
        return counted + self.wrong[:20]


@dataclass(frozen=True)
class Truth:
    """What a company's vendor has for the days that were asked for."""

    messages: Mapping[date, Sequence[Message]]
    hashes: Mapping[date, str]
    statistics: Mapping[date, Table]
    users: set[str]


def judge(data: Path, truth: Truth) -> Verdict:
    """Compare the current release of `data` with the truth."""
    verdict, layout = Verdict(), DataDirectory(data)

    def shown(sql: str) -> list[Row]:
        return query_release(layout, sql).rows

    _judge_chats(verdict, truth, shown(CHATS))
    _judge_statistics(verdict, truth, shown(STATISTICS))
    _judge_users(verdict, truth, shown("SELECT user_id, valid_to FROM users_history"))
    now = {str(row[0]) for row in shown("SELECT user_id FROM users")}
    if now != truth.users:
        verdict.wrong.append(f"users has {len(now)} ids, the vendor {len(truth.users)}")
    for name, sql in RULES.items():
        count = shown(sql)[0][0]
        if count:
            verdict.wrong.append(f"{count} {name}")
    return verdict


def _judge_chats(verdict: Verdict, truth: Truth, rows: Iterable[Row]) -> None:
    by_day: dict[date, list[Row]] = {}
    for day, *row in rows:
        by_day.setdefault(day, []).append(tuple(row))  # type: ignore[arg-type]
    for day, messages in truth.messages.items():
        _told_apart(
            verdict,
            f"chats of {day:%d.%m.}",
            Counter(str(m.message_id) for m in messages),
            Counter(str(row[0]) for row in by_day.get(day, [])),
        )
        if content_hash(messages) != truth.hashes[day]:
            verdict.wrong.append(f"chats of {day:%d.%m.}: the sandbox contradicts itself")
        elif hash_of(by_day.get(day, [])) != truth.hashes[day]:
            verdict.wrong.append(f"chats of {day:%d.%m.}: the content isn't the vendor's")
    for day in by_day.keys() - truth.messages.keys():
        verdict.wrong.append(f"chats of {day:%d.%m.}: nobody asked for it")


def _judge_statistics(verdict: Verdict, truth: Truth, rows: Iterable[Row]) -> None:
    by_day: dict[date, Counter[str]] = {}
    for day, *row in rows:
        key = "|".join(str(cell) for cell in row)
        by_day.setdefault(day, Counter())[key] += 1  # type: ignore[arg-type]
    for day, (_, table) in truth.statistics.items():
        wanted = Counter("|".join(map(str, row)) for row in table)
        found = by_day.get(day, Counter())
        _told_apart(verdict, f"statistics of {day:%d.%m.}", wanted, found, named=False)


def _told_apart(
    verdict: Verdict, what: str, wanted: Counter[str], found: Counter[str], *, named: bool = True
) -> None:
    verdict.rows += found.total()
    lost, more = wanted - found, found - wanted
    for key, count in lost.items():
        verdict.lost += [f"{what} {key if named else 'row'}"] * count
    for key, count in more.items():
        if key in wanted:
            verdict.doubled += [f"{what} {key if named else 'row'}"] * count
        else:
            verdict.wrong.append(f"{what}: {count} rows that the vendor doesn't have")


def _judge_users(verdict: Verdict, truth: Truth, history: Sequence[Row]) -> None:
    """Nobody came or went: everyone has one version, and it is open."""
    versions = Counter(str(row[0]) for row in history)
    closed = sum(row[1] is not None for row in history)
    if closed:
        verdict.wrong.append(f"{closed} versions of users were closed though nobody went")
    again = [user for user, count in versions.items() if count > 1]
    if again:
        verdict.doubled += [f"version of user {user}" for user in again]
    if versions.keys() != truth.users:
        verdict.wrong.append(f"the history has {len(versions)} users of {len(truth.users)}")


def hash_of(rows: Iterable[Row]) -> str:
    """The sandbox's documented hash, made from what readers see."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\x1f".join(str(part) for part in row).encode() + b"\x1e")
    return digest.hexdigest()
