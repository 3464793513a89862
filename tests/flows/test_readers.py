"""Readers of `current`, in processes of their own and as nobody, while days are loaded and released
again and again: no error, no half of anything, never two releases mixed.

Fifteen seconds of it; a minute with `LONG=1`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_company import NARROW, beginning, load_rows

from warehouse.database import Writer
from warehouse.layout import DataDirectory
from warehouse.published import Release, current_release, releases
from warehouse.releases import publish

LONG_SECONDS, SHORT_SECONDS = 60, 15
KEPT_RELEASES = 12
FIRST = date(2026, 2, 1)
Read = dict[str, object]


class Company:
    """Days whose rows are other ones at each load, some of them shared with the day before."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.loads = 0
        self.random = random.Random(7)

    def load(self, number: int) -> None:
        """Replace day `number` by new content."""
        self.loads += 1
        day = FIRST + timedelta(days=number)
        observed_at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.loads)
        load_id = f"load-{self.loads:06d}"
        first = number * 1000 - 100  # a hundred messages are the day before's as well
        ids = [str(first + n) for n in range(self.random.randrange(600, 1000))]
        columns = [
            pa.array(ids),
            pa.array([datetime(2026, 2, 1)] * len(ids), pa.timestamp("us")),
            pa.array([f"text {n} of {load_id}" for n in ids]),
            pa.array([observed_at] * len(ids), pa.timestamp("us", tz="UTC")),
            pa.array([load_id] * len(ids)),
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=NARROW)
        result = load_rows(self.writer, NARROW, [batch], day, load_id, observed_at)
        assert result.outcome == "loaded"

    def release(self, keep: int) -> Release:
        """Load a few days anew and publish."""
        for number in self.random.sample(range(4), 2):
            self.load(number)
        found = publish(self.writer, keep=keep)
        assert found is not None
        return found


@pytest.fixture
def company() -> Iterator[Company]:
    """A data directory that nobody may enter, made by a writer with a tight umask."""
    root = Path(tempfile.mkdtemp(prefix="smartconnect-readers-"))
    root.chmod(0o755)
    before = os.umask(0o077)
    try:
        layout = DataDirectory(root / "data")
        with beginning(layout, NARROW) as writer:
            found = Company(writer)
            for number in range(4):
                found.load(number)
            publish(writer, keep=KEPT_RELEASES)
            yield found
    finally:
        os.umask(before)
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def reader(kind: str, current: Path, seconds: float, log: Path) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_name("reading.py")
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, str(script), kind, str(current), str(seconds)],
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.mark.rehearsal
@pytest.mark.slow
@pytest.mark.promise("reader-holds-release")
def test_readers_meet_no_error_and_no_mixed_release_while_days_are_loaded_and_published(
    company: Company, long_run: bool, tmp_path: Path
) -> None:
    seconds = LONG_SECONDS if long_run else SHORT_SECONDS
    current = company.writer.layout.current
    logs = [tmp_path / f"{n}-{kind}.log" for n, kind in enumerate(("duckdb", "pandas") * 2)]
    with ExitStack() as stack:
        readers = [
            stack.enter_context(reader(log.stem.split("-")[1], current, seconds, log))
            for log in logs
        ]
        published = 0
        while any(process.poll() is None for process in readers):
            company.release(KEPT_RELEASES)
            published += 1
        assert [process.returncode for process in readers] == [0] * len(readers)
    for log in logs:
        reads: list[Read] = [json.loads(line) for line in log.read_text().splitlines()]
        # A release is promised for as long as it is kept; a slow reader may outlive that.
        errors = [read for read in reads if "error" in read and read["kept"]]
        assert errors == []
        whole = [read for read in reads if "rows" in read]
        assert [read for read in whole if not read["same"] or not read["rows"]] == []
        assert len(whole) > len(reads) * 0.9
        assert len({read["release"] for read in whole}) > 3
    assert published > 5


@pytest.mark.promise("reader-holds-release", "reader-release-removed")
def test_a_release_that_is_held_open_stays_as_it_was_while_others_come_and_go(
    company: Company,
) -> None:
    for _ in range(4):
        company.release(keep=4)
    layout = company.writer.layout
    held = current_release(layout)
    assert held is not None

    def parquet_rows() -> int:
        files = sorted((held.path / "parquet" / "chats").glob("*/part.parquet"))
        return sum(pq.ParquetFile(file).read().num_rows for file in files)

    with duckdb.connect(str(held.path / "warehouse.duckdb"), read_only=True) as connection:
        asked = "SELECT count(*), sum(hash(message_id, text, load_id)) FROM chats"
        before, rows = connection.execute(asked).fetchone(), parquet_rows()
        assert before is not None
        assert before[0] == rows
        kept = {release.number for release in releases(layout)}
        for _ in range(3):
            company.release(keep=4)
            assert connection.execute(asked).fetchone() == before
            assert parquet_rows() == rows
        assert {release.number for release in releases(layout)} & kept == {held.number}
        for _ in range(2):
            company.release(keep=4)
        assert not held.path.exists()
        assert connection.execute(asked).fetchone() == before


@pytest.mark.promise("reader-holds-release")
def test_nobody_can_write_into_a_release(company: Company, tmp_path: Path) -> None:
    log = tmp_path / "write.log"
    with reader("write", company.writer.layout.current, 0, log) as process:
        process.wait(60)
    assert json.loads(log.read_text()) == {"refused": "IOException"}
