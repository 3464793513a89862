"""Real conversations as a company's: days laid end to end, threads that never end before they
begin."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sandbox.corpus import Corpus
from sandbox.messages import Message

START = date(2026, 2, 1)
# The file's days are in no order; Ann goes on over midnight, and is silent for two days after it.
LINES = [
    ("2010-10-05", "12:00:00", "ann", "three"),
    ("2004-11-15", "23:58:00", "ann", "one"),
    ("2004-11-15", "23:59:00", "bob", "ann: answer"),
    ("2004-12-01", "00:01:00", "ann", "two"),
]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    monkeypatch.setattr("sandbox.corpus.OPERATORS", 1)
    lines = [*LINES, *(("2004-11-15", "10:00:00", "bob", "hello") for _ in range(3))]
    columns = [*zip(*lines, strict=True), ("ubuntu",) * len(lines)]
    names = ["date", "time", "nick", "text", "channel"]
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), tmp_path / "c.parquet")
    return Corpus(tmp_path / "c.parquet", START)


def all_messages(corpus: Corpus) -> list[Message]:
    return [m for n in range(5) for m in corpus.sent_on(START + timedelta(days=n))]


def test_days_follow_each_other_from_the_start_and_keep_their_clock(corpus: Corpus) -> None:
    days = [len(corpus.sent_on(START + timedelta(days=n))) for n in range(4)]
    assert days == [5, 1, 1, 0]
    assert {m.text: str(m.sent_at) for m in all_messages(corpus) if m.author == "ann"} == {
        "one": "2026-02-01 23:58:00",
        "two": "2026-02-02 00:01:00",
        "three": "2026-02-03 12:00:00",
    }


def test_ids_are_the_lines_of_the_file(corpus: Corpus) -> None:
    texts = {m.message_id: m.text for m in all_messages(corpus)}
    assert [texts[number] for number in sorted(texts)][:4] == [line[3] for line in LINES]


def test_a_thread_begins_with_its_first_message_and_may_run_over_midnight(corpus: Corpus) -> None:
    threads: dict[str, list[Message]] = {}
    for message in all_messages(corpus):
        assert message.thread_start <= message.sent_at.date()
        threads.setdefault(message.thread_id, []).append(message)
    said = [[m.text for m in found] for found in threads.values()]
    assert ["one", "ann: answer", "two"] in said
    assert ["three"] in said
    assert [m.text for m in corpus.started_on(START) if m.author == "ann"] == ["one", "two"]
