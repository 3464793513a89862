"""Files beside the database that may hold an erased person: the quarantine's, and leftovers.

Quarantine files are written anew without their records; of the lake and of what is under way, all
goes that no day needs.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.database import Writer
from warehouse.erasing import IsTheirs
from warehouse.layout import PRIVATE_FILE, DataDirectory, sync


def clean_quarantine(layout: DataDirectory, is_theirs: IsTheirs) -> int:
    """Write the quarantine's files anew without their records; says how many these were."""
    erased = 0
    paths = layout.files.names(layout.quarantine)
    layout.files.fetch(paths)
    for path in paths:
        table = pq.read_table(path)
        theirs = [is_theirs(raw) for raw in table.column("raw").to_pylist()]
        if not any(theirs):
            continue
        erased += sum(theirs)
        staying = table.filter(pa.array([not one for one in theirs], pa.bool_()))
        _replace_table(layout, path, staying)
    return erased


def _replace_table(layout: DataDirectory, path: Path, table: pa.Table) -> None:
    if not table.num_rows:
        layout.files.remove(path)
        sys.audit("smartconnect.point", "warehouse.erasingfiles.quarantine-removed")
    else:
        building = layout.building / f"erased-{path.name}"
        pq.write_table(table, building, compression="zstd")
        sys.audit("smartconnect.point", "warehouse.erasingfiles.quarantine-written")
        building.chmod(PRIVATE_FILE)
        sys.audit("smartconnect.point", "warehouse.erasingfiles.quarantine-closed")
        sync(building)
        layout.files.keep(building, path)
        building.replace(path)
        sys.audit("smartconnect.point", "warehouse.erasingfiles.quarantine-replaced")
        sync(path.parent)


def remove_unneeded(writer: Writer) -> None:
    """Lake files that no day holds, and whatever is under way: another run makes it anew."""
    layout = writer.layout
    rows = writer.connection.execute("SELECT lake_file FROM meta.days").fetchall()
    needed = {layout.root / str(row[0]) for row in rows}
    for path in layout.files.names(layout.lake):
        if path not in needed:
            layout.files.remove(path)
            sys.audit("smartconnect.point", "warehouse.erasingfiles.lake-file-removed")
    for folder in (layout.building, layout.incoming, layout.state / "spill"):
        for path in folder.glob("*"):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        sys.audit("smartconnect.point", "warehouse.erasingfiles.leftover-folder-removed")
    else:
        path.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "warehouse.erasingfiles.leftover-removed")
