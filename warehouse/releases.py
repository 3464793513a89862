"""Releases: a copy of the database and a tree of Parquet files, published by one symlink.

`current` is the only thing that ever changes for readers. A release is built
(`warehouse.releasebuilding`), and then the link is swapped: a kill at any point leaves a whole one.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from warehouse.database import Writer, revision
from warehouse.disk import on_disk
from warehouse.errors import NoSuchRelease
from warehouse.forgetting import forget_copy
from warehouse.integrity import Damage, find_damage
from warehouse.lake import write_lake_file
from warehouse.layout import DataDirectory, sync
from warehouse.ledger import day_files
from warehouse.published import (
    Release,
    current_release,
    files_of,
    has_personal,
    releases,
    revision_of,
)
from warehouse.putback import (
    is_held,
    let_go,
    move_on,
    note_put_back,
    put_back,
    set_hold,
    stays_put_back,
)
from warehouse.releasebuilding import build_release, is_made_at
from warehouse.releasefiles import columns_of, table_sql
from warehouse.sparetree import PARQUET, forget_trees, keep_trees
from warehouse.writerbase import known_release
from warehouse.writercopy import put_off_removal


@on_disk("publish a release")
def publish(writer: Writer, *, keep: int, damage: Damage | None = None) -> Release | None:
    """Publish the writer's database if readers would see something new in it.

    A release that a crash left built but not pointed at is pointed at. Lake files that no day needs
    any more are removed afterwards, and releases but the last `keep`. A newest release with
    `damage` is replaced, and not kept.

    Returns:
        The release that readers see from now on, or None if they see the same as before (also while
        a rollback holds publication).
    """
    layout = writer.layout
    number, newest = revision(writer.connection), releases(layout)[-1:]
    held = is_held(layout)
    damaged = newest[0] if newest and damage and damage.number == newest[0].number else None
    if damage and damaged:
        _mend_lake(writer, damaged, damage)
    if newest and not damaged and is_made_at(layout, newest[0], number):
        current = current_release(layout)
        if current is not None and (current.number == newest[0].number or put_back(layout)):
            return None
        release = newest[0]
    else:
        last = max(newest[0].number if newest else 0, known_release(layout))
        release = build_release(
            writer, last + 1, number, damage.changed if damage and damaged else ()
        )
    if held or (layout.files.shared and stays_put_back(layout, release.number, number)):
        return None
    point_at(layout, release)
    move_on(layout, number)
    if damaged:
        _remove_release(layout, damaged)
    _sweep(writer, keep)
    return release


def damage_of_current(layout: DataDirectory, *, whole: bool = False) -> Damage | None:
    """What was done to the release that readers see, if anything; `whole`: every byte is read."""
    current = current_release(layout)
    if current is None:
        return None
    return find_damage(current.number, current.path, files_of(current), whole=whole)


def _mend_lake(writer: Writer, release: Release, damage: Damage) -> None:
    """Write lake files anew that were written into through a release's links to them."""
    for contract in writer.contracts.values():
        for day, file in () if contract.key else day_files(writer, contract.dataset).items():
            name = f"{PARQUET}/{contract.dataset}/window_day={day.isoformat()}/part.parquet"
            if name not in damage.changed or not file.path.exists():
                continue
            if not (release.path / name).samefile(file.path):
                continue
            shown = writer.connection.sql(columns_of(contract, table_sql(contract, day)))
            if shown is not None:
                write_lake_file(
                    writer.layout,
                    contract.schema,
                    shown.to_arrow_table().cast(contract.schema).to_batches(),
                    dataset=contract.dataset,
                    window_day=day,
                    load_id=file.path.stem,
                )


@on_disk("point readers at another release")
def rollback(layout: DataDirectory, to: int | None = None, hold: bool = False) -> Release:
    """Point readers at an earlier release (the one before the current one if `to` is None).

    With `hold`, later runs build releases and don't point at them, until a rollback without it.

    Raises:
        NoSuchRelease: there is none such; the message lists those that are kept.
    """
    kept, current = releases(layout), current_release(layout)
    if to is None:
        earlier = [r for r in kept if current is not None and r.number < current.number]
        chosen = earlier[-1] if earlier else None
    else:
        chosen = next((r for r in kept if r.number == to), None)
    if chosen is None:
        listed = ", ".join(str(r.number) for r in kept) or "none"
        wanted = f"release {to}" if to is not None else "release before the current one"
        raise NoSuchRelease(f"There is no {wanted}; kept are: {listed}.")
    since = revision_of(current) if current else 0
    note_put_back(layout, chosen.number, revision_of(chosen), since=since, hold=hold)
    set_hold(layout, hold=hold)
    point_at(layout, chosen)
    return chosen


def point_at(layout: DataDirectory, release: Release) -> None:
    """Swap the link; readers see the old release or the new one, and nothing between."""
    beside = layout.root / f".current.{os.getpid()}"
    beside.unlink(missing_ok=True)
    sys.audit("smartconnect.point", "warehouse.releases.old-link-removed")
    beside.symlink_to(Path("releases") / str(release.number))
    sys.audit("smartconnect.point", "warehouse.releases.link-made")
    beside.replace(layout.current)
    sys.audit("smartconnect.point", "warehouse.releases.link-swapped")
    sync(layout.root)


def _remove_release(layout: DataDirectory, old: Release, *, for_the_next: bool = False) -> None:
    """Take it away from whoever lists releases at once, then its bytes; its trees may be kept."""
    gone = layout.building / f"gone-{old.number}"
    old.path.rename(gone)
    sys.audit("smartconnect.point", "warehouse.releases.old-put-aside")
    if for_the_next and (gone / PARQUET).is_dir():
        keep_trees(layout, gone)
    shutil.rmtree(gone, ignore_errors=True)
    sys.audit("smartconnect.point", "warehouse.releases.old-removed")


def _sweep(writer: Writer, keep: int) -> None:
    """Remove old releases and lake files that no day needs; open files stay readable.

    Where releases are published without the personal columns, none that has them is kept.
    """
    layout, current = writer.layout, current_release(writer.layout)
    for path in (*layout.building.glob("gone-*"), *layout.building.glob("release-*")):
        shutil.rmtree(path, ignore_errors=True)  # of a killed run: the writer's lock is ours
        sys.audit("smartconnect.point", "warehouse.releases.half-done-removed")
    kept = releases(layout)
    withheld = [r for r in kept if not layout.personal_published and has_personal(r)]
    for old in [r for r in kept if r in withheld or r not in kept[-keep:]]:
        if current is not None and old.number == current.number:
            continue
        _remove_release(layout, old, for_the_next=layout.personal_published)
    if not layout.personal_published:
        forget_trees(layout)
    superseded = writer.connection.execute(
        """SELECT dataset, window_day, load_id FROM meta.loads WHERE outcome = 'loaded'
           AND (dataset, load_id) NOT IN (
               SELECT (dataset, parse_filename(lake_file, true)) FROM meta.days)"""
    ).fetchall()
    loaded = {layout.lake_file(dataset, day, load_id) for dataset, day, load_id in superseded}
    if layout.files.shared:  # the database that others begin with may need them still
        there = layout.files.names(layout.lake)
        put_off_removal(layout, [path for path in there if path in loaded])
        return
    for path in sorted(path for path in loaded if path.exists()):
        layout.files.remove(path)
        sys.audit("smartconnect.point", "warehouse.releases.lake-file-removed")


def publish_alone(writer: Writer) -> int:
    """Publish what the writer has as the only release there is, whatever held publication.

    For what must not be read any more; who has an old release open reads it to the end.

    Returns:
        How many releases were removed.
    """
    layout = writer.layout
    let_go(layout)
    forget_copy(layout)
    publish(writer, keep=2)
    current, removed = current_release(layout), 0
    for old in releases(layout):
        if current is not None and old.number != current.number:
            _remove_release(layout, old)
            removed += 1
    forget_trees(layout)
    return removed
