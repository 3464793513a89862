"""A release on an object store, after it was published here: by a command, or by hand.

Nothing of a store's client is imported where none is set.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from flows.errors import FlowError, NotConfigured
from flows.handing import in_turn
from flows.personal import data_directory
from flows.settings import Settings, load_settings
from flows.space import in_words
from warehouse.errors import WarehouseError
from warehouse.handing import is_handed_over
from warehouse.layout import DataDirectory
from warehouse.privatefiles import private_files
from warehouse.published import current_release

if TYPE_CHECKING:
    from warehouse.mirroring import Mirrored
    from warehouse.storepublishing import Rules


def mirror_now(settings: Settings, layout: DataDirectory, *, take_over: bool = False) -> Mirrored:
    """Mirror the current release by the settings.

    Raises:
        NotConfigured: no store is set.
        warehouse.errors.WarehouseError: as `warehouse.mirroring.mirror` has them.
    """
    from warehouse.mirroring import mirror  # noqa: PLC0415
    from warehouse.store import ObjectStore  # noqa: PLC0415  (boto3 costs a second)

    rules, store = rules_of(settings, take_over=take_over), ObjectStore(_url(settings))
    if not is_handed_over(layout):
        with in_turn(settings, layout, "a mirror"):  # hands over at its end
            pass
    return mirror(layout, store, rules)


def rules_of(settings: Settings, *, take_over: bool = False) -> Rules:
    """How releases are kept on the store."""
    from warehouse.storepublishing import Rules  # noqa: PLC0415

    return Rules(
        keep=settings.keep_releases,
        grace_seconds=settings.store_grace_seconds,
        wait_seconds=settings.writer_wait_seconds,
        take_over=take_over,
    )


def sentence(told: Mirrored) -> str:
    """What was sent."""
    if told.put_back:
        return (
            f"Release {told.release} stays here: readers were put back to another one "
            "(`smartconnect rollback`)."
        )
    if told.elsewhere:
        return (
            f"Release {told.release} stays here: another machine has loaded since, and publishes "
            "what this one has with it."
        )
    if not told.new:
        return f"Release {told.release} is on the object store already."
    return (
        f"Release {told.release} is on the object store: {told.files:,} new files "
        f"({in_words(told.bytes)}), {told.removed:,} old ones removed."
    )


def follow(console: Console, settings: Settings, layout: DataDirectory) -> bool:
    """After a command that published here: mirror it where a store is set; False where it failed.

    The command's own work stands.
    """
    if settings.store is None or current_release(layout) is None:
        return True
    return _told(console, settings, layout, take_over=False)


def run_push(console: Console, *, take_over: bool) -> int:
    """`smartconnect push`: mirror the current release now."""
    try:
        settings = load_settings()
        layout = data_directory(settings)
        layout.initialise(settings.origin)
    except (FlowError, WarehouseError) as error:
        return _failed(console, error)
    with private_files():
        return 0 if _told(console, settings, layout, take_over=take_over) else 1


def run_pull(console: Console, folder: Path, *, parquet: bool) -> int:
    """`smartconnect pull`: bring the release that readers of the store see."""
    try:
        url = _url(load_settings())
        from warehouse.pulling import pull  # noqa: PLC0415
        from warehouse.store import ObjectStore  # noqa: PLC0415

        with private_files():
            told = pull(ObjectStore(url), folder, parquet=parquet)
    except (FlowError, WarehouseError) as error:
        return _failed(console, error)
    said = f"{in_words(told.bytes)} came" if told.new else "it was here already"
    place = folder / "current"
    _say(console, f"Release {told.release} is in {place} ({said}).")
    _say(console, f"duckdb -readonly {place / 'warehouse.duckdb'}")
    return 0


def _told(console: Console, settings: Settings, layout: DataDirectory, *, take_over: bool) -> bool:
    try:
        _say(console, sentence(mirror_now(settings, layout, take_over=take_over)))
    except (FlowError, WarehouseError) as error:
        _failed(console, error)
        return False
    return True


def _url(settings: Settings) -> str:
    if settings.store is None:
        raise NotConfigured(
            "No object store is named: set SMARTCONNECT_STORE_URL=s3://bucket/prefix, or "
            "SMARTCONNECT_DATA_URL (docs/object-store.md)."
        )
    return settings.store


def _failed(console: Console, error: Exception) -> int:
    console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


def _say(console: Console, said: str) -> None:
    console.print(said, markup=False, highlight=False, soft_wrap=True)
