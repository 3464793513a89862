"""`smartconnect rollback`: readers are put back to an earlier release.

Where machines share an object store, readers of all of them, to any release that is there.
"""

from __future__ import annotations

from rich.console import Console

from flows.errors import FlowError
from flows.mirroring import follow, rules_of
from flows.personal import data_directory
from flows.settings import Settings, load_settings
from warehouse.errors import NoSuchRelease, WarehouseError
from warehouse.layout import DataDirectory
from warehouse.privatefiles import private_files
from warehouse.published import releases
from warehouse.releases import rollback


def roll_back(console: Console, to: int | None, *, hold: bool) -> int:
    """Put readers back, and say to which release; 1 where it can't be."""
    try:
        settings = load_settings()
        layout = data_directory(settings)
        with private_files():
            number, mirrored = _rolled_back(settings, layout, to, hold=hold)
    except (WarehouseError, FlowError) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    stays = (
        "until you release the hold with a rollback to the newest"
        if hold
        else ("until the next run that loads something")
    )
    whose = "Readers of the object store" if mirrored else "Readers"
    console.print(f"{whose} see release {number}, {stays}.", markup=False, highlight=False)
    return 0 if mirrored or follow(console, settings, layout) else 1


def _rolled_back(
    settings: Settings, layout: DataDirectory, to: int | None, *, hold: bool
) -> tuple[int, bool]:
    """The release, and whether readers of the store see it already."""
    if settings.data_store is None:
        return rollback(layout, to, hold=hold).number, False
    from warehouse.store import ObjectStore  # noqa: PLC0415  (boto3 costs a second)
    from warehouse.storeputback import roll_back_on_store  # noqa: PLC0415

    layout.initialise(settings.origin)
    store = ObjectStore(settings.data_store)
    try:
        return roll_back_on_store(layout, store, rules_of(settings), to, hold=hold), True
    except NoSuchRelease:
        if to is None or to not in {kept.number for kept in releases(layout)}:
            raise
    return rollback(layout, to, hold=hold).number, False  # of this machine alone: it is mirrored
