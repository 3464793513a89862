"""An export's file, as whole as anything can tell: one that looks cut off is asked for again, once.

Where no length was announced, a transfer that ends early looks like one that is complete. A text
whose last line has no end is then believed only where the mapping file says that all end so.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass

from extract.claims import Claim, ReadyExport
from extract.download import Downloaded, download
from extract.errors import DownloadFailed, DownloadIncomplete, LocationExpired
from flows.run import Run
from transform.readers import ends_within_line

_CUT = "no length was announced, and the file ends within a line, both times it was asked for"
_CURE = (
    "What was loaded before stays. Run again later; if all of the vendor's files end so, set "
    "last_line_open = true in the mapping file."
)


@dataclass(frozen=True)
class Fetched:
    """An export and its file in `state/incoming`."""

    ready: ReadyExport
    file: Downloaded


async def fetch(run: Run, claim: Claim, dataset: str) -> Fetched:
    """Wait for the export, download its file; a location that is gone is replaced once.

    Raises:
        extract.errors.DownloadIncomplete: the file ends within a line, twice.
        extract.errors.ExtractError: by how to recover.
    """
    ready = await claim.locate()
    about = ready.request.about
    try:
        file = await download(run.client, ready.location, run.layout.incoming, about=about)
    except LocationExpired:
        ready = await claim.relocate()
        file = await download(run.client, ready.location, run.layout.incoming, about=about)
    if not _looks_cut(run, dataset, file):
        return Fetched(ready, file)
    file.path.unlink()
    sys.audit("smartconnect.point", "flows.fetching.cut-file-removed")
    again = None
    with suppress(DownloadFailed):
        again = await download(run.client, ready.location, run.layout.incoming, about=about)
    if again is not None and not _looks_cut(run, dataset, again):
        return Fetched(ready, again)
    if again is not None:
        again.path.unlink()
        sys.audit("smartconnect.point", "flows.fetching.second-cut-file-removed")
    raise DownloadIncomplete("download", about, _CUT, _CURE)


def _looks_cut(run: Run, dataset: str, file: Downloaded) -> bool:
    known = file.length_announced or run.mapping.of(dataset).source.last_line_open
    return not known and ends_within_line(file.path)
