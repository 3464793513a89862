"""What is loaded, published as a release; one that was damaged is replaced, and it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from prefect.assets import materialize
from prefect.cache_policies import NO_CACHE

from flows import assets
from flows.run import Run, current_run
from flows.stages import in_thread
from flows.writersession import writer_session
from warehouse.database import Writer
from warehouse.integrity import Damage
from warehouse.published import Release
from warehouse.releases import damage_of_current, publish

READ_WHOLE_EVERY_DAYS = 7  # every byte of the release; other nights, what tells of a change
_SESSION: ContextVar[tuple[Writer, Damage | None]] = ContextVar("session to publish in")
_REPLACED = "It was replaced by a new release of what is loaded."
_STAYS = "Readers were put back to it, so it stays: publish another (smartconnect rollback)."


@materialize(
    *(asset for name in assets.DATASETS for asset in assets.published(name)),
    by="smartconnect",
    name="publish",
    asset_deps=[assets.export_asset(name) for name in assets.DATASETS],
    cache_policy=NO_CACHE,
)
async def publish_release() -> int | None:
    """Publish what is loaded as a new release, within `publishing`; None where nothing is new."""
    run = current_run()
    writer, damage = _SESSION.get()
    release = await publish_now(writer, run, damage)
    if run.turn is not None:
        run.turn.hold_on()
    if damage is not None:
        run.notes.append(f"{damage.sentence} {_REPLACED if release else _STAYS}")
    return release.number if release else None


@asynccontextmanager
async def publishing(run: Run) -> AsyncIterator[Writer]:
    """A session for `publish_release`, and for what is compared before it and after.

    Each session reads the database's log and description anew.
    """
    whole = run.settings.today().toordinal() % READ_WHOLE_EVERY_DAYS == 0
    damage = await in_thread(damage_of_current, run.layout, whole=whole)
    async with writer_session(run) as writer:
        token = _SESSION.set((writer, damage))
        try:
            yield writer
        finally:
            _SESSION.reset(token)


async def publish_now(writer: Writer, run: Run, damage: Damage | None = None) -> Release | None:
    """Publish within a session that is open already."""
    return await in_thread(publish, writer, keep=run.settings.keep_releases, damage=damage)
