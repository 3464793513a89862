"""The pipeline without Prefect: read → normalise → lake → load → publish, a day after the other.

python -m benchmarks.sides.ours pipeline DATA FILE…     everything
python -m benchmarks.sides.ours open DATA FILE          read alone
python -m benchmarks.sides.ours reading DATA FILE       read → normalise → lake
python -m benchmarks.sides.ours again DATA FILE         one more load of a day; tells its CPU
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from transform.contract import Dataset
from transform.datasets import CHATS, DATASETS
from transform.normalise import Origin, normalise_export
from transform.readers import open_export
from transform.rules import Report
from warehouse.database import Writer, open_writer
from warehouse.lake import LakeFile, write_lake_file
from warehouse.layout import DataDirectory
from warehouse.loading import DayLoad, load_day
from warehouse.releases import publish
from warehouse.tables import prepare_tables

SCHEMA = CHATS.arrow_schema()
SCHEMAS = [dataset.arrow_schema() for dataset in DATASETS.values()]
OBSERVED_AT = datetime(2026, 3, 1, tzinfo=UTC)
TOGETHER_ROWS = 500_000  # flows.loadgroups.TOGETHER_ROWS, without importing Prefect


def data_directory(root: Path) -> DataDirectory:
    """A data directory that is ready."""
    layout = DataDirectory(root)
    layout.initialise("sandbox")
    return layout


def normalise(
    layout: DataDirectory, path: Path, day: date, load_id: str, observed_at: datetime
) -> tuple[LakeFile, Report]:
    """A day's export file into the lake, every check on."""
    origin = Origin(day, observed_at, load_id, "Europe/Moscow")
    typed = normalise_export(open_export(path), CHATS, origin, expect="message")
    lake = write_lake_file(layout, SCHEMA, typed, dataset="chats", window_day=day, load_id=load_id)
    return lake, typed.report


def day_load(
    dataset: Dataset, lake: LakeFile, report: Report, day: date, load_id: str, observed_at: datetime
) -> DayLoad:
    """The day as `load_day` takes it."""
    return DayLoad(
        dataset=dataset.name,
        window_day=day,
        load_id=load_id,
        observed_at=observed_at,
        file_sha256=load_id,
        file_bytes=lake.bytes,
        task_id=1,
        contract_version=dataset.version,
        flow_run_id="",
        export_seconds=1.0,
        lake_path=lake.path,
        quarantine_path=None,
        rows_read=report.rows_read,
        rows_quarantined=report.rows_quarantined,
        rows_outside_day=report.rows_outside_day,
    )


def load(
    writer: Writer, lake: LakeFile, report: Report, day: date, load_id: str, observed_at: datetime
) -> None:
    """The day into the writer's database."""
    result = load_day(writer, SCHEMA, day_load(CHATS, lake, report, day, load_id, observed_at))
    if result.outcome != "loaded" or result.rows_loaded != report.rows_out:
        raise SystemExit(f"{day}: {result}")


def run_pipeline(root: Path, files: list[Path]) -> None:
    """Everything, as a run does it whose files come faster than they are loaded."""
    layout = data_directory(root)
    with session(layout) as writer:
        prepare_tables(writer)
    ready: list[tuple[LakeFile, Report, date, str]] = []
    for path in files:
        day, load_id = date.fromisoformat(path.stem), f"load-{path.stem}"
        ready.append((*normalise(layout, path, day, load_id, OBSERVED_AT), day, load_id))
        if path == files[-1] or sum(lake.rows for lake, *_ in ready) >= TOGETHER_ROWS:
            with session(layout) as writer, writer.together():
                for lake, report, day, load_id in ready:
                    load(writer, lake, report, day, load_id, OBSERVED_AT)
            ready = []
    with session(layout) as writer:
        publish(writer, keep=2)


def run_again(root: Path, path: Path) -> None:
    """Load a day once more, with other content, observed now; CPU before publication is told."""
    layout, now = DataDirectory(root), datetime.now(UTC)
    day, load_id = date.fromisoformat(path.stem), f"again-{now:%H%M%S%f}"
    before = _cpu_seconds()
    lake, report = normalise(layout, path, day, load_id, now)
    written = _cpu_seconds()
    with session(layout) as writer:
        load(writer, lake, report, day, load_id, now)
    loaded = _cpu_seconds()
    print(json.dumps({"normalise": written - before, "load": loaded - written}))


def session(
    layout: DataDirectory, schemas: Sequence[pa.Schema] = (SCHEMA,)
) -> AbstractContextManager[Writer]:
    """The writer's database, within the memory that a run gives it by default."""
    return open_writer(layout, holder="benchmark", wait_seconds=0, schemas=schemas)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("pipeline", "open", "reading", "again"))
    parser.add_argument("data", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    first = given.files[0]
    if given.what == "pipeline":
        run_pipeline(given.data, given.files)
    elif given.what == "again":
        run_again(given.data, first)
    elif given.what == "open":
        print(json.dumps({"rows": sum(batch.num_rows for batch in open_export(first))}))
    else:
        layout = data_directory(given.data)
        _, report = normalise(layout, first, date(2026, 2, 1), "load-2026-02-01", OBSERVED_AT)
        print(json.dumps({"rows": report.rows_out}))


if __name__ == "__main__":
    main()
