"""`smartconnect backup` and `smartconnect restore`: thin, in this process, no token needed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console

from extract.errors import ExtractError
from flows.erasing import Erasure
from flows.errors import FlowError
from flows.handing import in_turn
from flows.mirroring import follow
from flows.personal import data_directory
from flows.settings import Settings, load_settings
from flows.sharing import bring_shared_notes
from transform.datasets import DATASETS
from transform.errors import TransformError
from warehouse.backup import back_up, restore
from warehouse.database import Writer, open_writer
from warehouse.erasinglist import read_list
from warehouse.errors import WarehouseError
from warehouse.layout import DataDirectory
from warehouse.releases import publish
from warehouse.tables import prepare_tables

FAILURES = (FlowError, TransformError, WarehouseError, ExtractError)


def run_backup(console: Console, target: Path) -> int:
    """Bring a backup up to date; 1 where it failed."""
    try:
        settings = load_settings()
        layout = data_directory(settings)
        layout.initialise(settings.origin)
        with (
            in_turn(settings, layout, "a backup"),
            _writer(layout, settings, "a backup") as writer,
        ):
            prepare_tables(writer)
            bring_shared_notes(settings, layout)
            copied = back_up(writer, target)
    except FAILURES as error:
        return _failed(console, error)
    _say(console, f"{copied.files:,} files are in {target}, {copied.new:,} of them new or changed.")
    if copied.lost:
        _say(
            console,
            f"{copied.lost:,} files are in the backup alone: raw/ has lost them. Copy them back "
            "before they are needed.",
        )
    _say(console, "The key for personal data and the mapping file are not in it: keep them apart.")
    return 0


def run_restore(console: Console, source: Path) -> int:
    """Fill the empty data directory from a backup, erase who is on the list, and publish."""
    try:
        settings = load_settings()
        layout = data_directory(settings)
        layout.initialise(settings.origin)
        files = restore(layout, source)
        if read_list(layout).unfinished:
            Erasure(settings).run()
        with (
            in_turn(settings, layout, "a restore"),
            _writer(layout, settings, "a restore") as writer,
        ):
            prepare_tables(writer)
            release = publish(writer, keep=settings.keep_releases)
    except FAILURES as error:
        return _failed(console, error)
    published = f"; published as release {release.number}" if release else ""
    _say(console, f"{files:,} files were restored{published}.")
    _say(
        console,
        "Whoever was erased after this backup was made is in it: see docs/runbooks/backup.md.",
    )
    return 0 if follow(console, settings, layout) else 1


def _writer(
    layout: DataDirectory, settings: Settings, holder: str
) -> AbstractContextManager[Writer]:
    return open_writer(
        layout,
        holder=holder,
        wait_seconds=settings.writer_wait_seconds,
        schemas=[dataset.arrow_schema() for dataset in DATASETS.values()],
        memory_limit_mb=settings.memory_limit_mb,
    )


def _failed(console: Console, error: Exception) -> int:
    console.print(str(error), style="red", markup=False, highlight=False)
    return 1


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False)
