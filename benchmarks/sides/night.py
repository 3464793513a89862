"""What a nightly does to the warehouse, without vendor and Prefect: a day of new rows and all else.

Every step of `flows.ingest` and `flows.nightly` that touches the data directory, in their order.
The newest day is loaded again with other texts; the two days before it, and three of statistics,
are confirmed. The copy of the database for readers, with its way to the disk, is a step apart.

python -m benchmarks.sides.night DATA EXPORT.csv
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.sides.ours import load, normalise
from flows.callbackcheck import compare
from flows.completeness import EXPORTED, as_markdown, told_by
from flows.ingest import read_ledger
from flows.nightly import retire, space_left
from flows.publishing import publish_now
from flows.reconciliation import reconcile, reconcile_release
from flows.run import Run, open_run
from flows.settings import load_settings
from flows.writersession import writer_session
from transform.datasets import DATASETS
from warehouse import releasefiles, releases
from warehouse.completeness import DAY_FACTS_SQL, day_facts
from warehouse.copying import copy_file
from warehouse.database import Writer
from warehouse.integrity import DATABASE
from warehouse.layout import DataDirectory, sync
from warehouse.ledger import day_states
from warehouse.loading import DayConfirmation, confirm_day
from warehouse.releases import damage_of_current
from warehouse.space import require_space
from warehouse.sparetree import keep_trees

LOOKBACK_DAYS = 3
COPY = "copy the database"
Steps = dict[str, dict[str, float]]


@contextmanager
def step(steps: Steps, name: str, within: str = "") -> Iterator[None]:
    """Add the block's seconds to a step of that name, and take them from the one it is within."""
    cpu, wall = _cpu_seconds(), time.monotonic()
    yield
    spent = {"cpu": _cpu_seconds() - cpu, "wall": time.monotonic() - wall}
    for key, seconds in spent.items():
        told = steps.setdefault(name, {"cpu": 0.0, "wall": 0.0})
        told[key] += seconds
        if within:
            steps.setdefault(within, {"cpu": 0.0, "wall": 0.0})[key] -= seconds


def tell_copying_apart(steps: Steps) -> None:
    """Time the copy of the database, its fsync, and the removal of an old one by themselves."""

    def copied(source: Path, target: Path) -> bool:
        with step(steps, COPY, within="publish"):
            return copy_file(source, target)

    def synced(path: Path) -> None:
        if path.name != DATABASE:
            sync(path)
            return
        with step(steps, COPY, within="publish"):
            sync(path)

    def removed(layout: DataDirectory, gone: Path) -> None:
        with step(steps, COPY, within="publish"):
            (gone / DATABASE).unlink()
        keep_trees(layout, gone)

    releases.keep_trees = removed
    releasefiles.copy_file = copied
    releases.sync = synced


def confirm(writer: Writer, dataset: str, day: date, now: datetime) -> None:
    """Note that the day came as it was."""
    state = day_states(writer, dataset)[day]
    seen = DayConfirmation(
        dataset=dataset,
        window_day=day,
        load_id=f"seen-{now:%Y%m%d%H%M%S%f}",
        observed_at=now,
        file_sha256=state.file_sha256,
        file_bytes=1,
        task_id=1,
        contract_version=DATASETS[dataset].version,
        flow_run_id="",
        export_seconds=1.0,
    )
    confirm_day(writer, seen)


async def night(run: Run, path: Path, steps: Steps) -> None:
    """One night."""
    day, now = date.fromisoformat(path.stem), datetime.now(UTC)
    load_id = f"night-{now:%Y%m%d%H%M%S%f}"
    with step(steps, "read the ledger"):
        await read_ledger(run, EXPORTED)
        require_space(run.layout, LOOKBACK_DAYS, run.keep_free_bytes)
    with step(steps, "read, normalise, lake"):
        lake, report = normalise(run.layout, path, day, load_id, now)
    with step(steps, "load and confirm"):
        async with writer_session(run, keep_log=True) as writer:
            with writer.together():
                load(writer, lake, report, day, load_id, now)
                for back in range(LOOKBACK_DAYS):
                    for dataset in EXPORTED if back else ("statistics",):
                        confirm(writer, dataset, day - timedelta(days=back), now)
    with step(steps, "look for damage"):
        damage = damage_of_current(run.layout)
    with step(steps, "open and close to publish"):
        session = writer_session(run)
        writer = await session.__aenter__()
    with step(steps, "reconcile"):
        told = reconcile(writer, run)
        compare(writer, run)
    with step(steps, "publish"):
        release = await publish_now(writer, run, damage)
    with step(steps, "reconcile the release"):
        told += reconcile_release(writer, run)
    with step(steps, "open and close to publish"):
        await session.__aexit__(None, None, None)
    wrong = [c for c in told if not c.agrees]
    with step(steps, "retention, completeness, space"):
        await retire(run)
        async with writer_session(run) as writer:
            facts = day_facts(writer.connection.execute(DAY_FACTS_SQL).fetchall())
        as_markdown(told_by(run.settings, facts))
        await space_left(run)
    if damage or release is None or wrong:
        raise SystemExit(f"{path}: {damage}, {release}, {wrong[:3]}")


async def measured(path: Path) -> Steps:
    """The night's steps."""
    steps: Steps = {}
    tell_copying_apart(steps)
    opening = step(steps, "open the run")
    opening.__enter__()
    async with open_run(load_settings(), "night", "", offline=True) as run:
        opening.__exit__(None, None, None)
        await night(run, path, steps)
    return steps


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Prints the seconds of each step as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    os.environ["SMARTCONNECT_SANDBOX"] = "true"
    os.environ["SMARTCONNECT_DATA_DIR"] = str(given.data)
    os.environ["SMARTCONNECT_KEEP_RELEASES"] = "2"  # the third night has a tree to take over
    print(json.dumps(asyncio.run(measured(given.file))))


if __name__ == "__main__":
    main()
