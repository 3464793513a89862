"""That readers were put back to an earlier release, for all machines that share files.

They stay there until a run publishes what was loaded since or, where they are held, until they are
let go. `revision` is that of the newest database of which readers had a release when they were put
back: a release of a later one moves them on.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from warehouse.layout import DataDirectory


@dataclass(frozen=True)
class PutBack:
    """Which release readers were put back to, and from which revision."""

    to: int
    revision: int = 0


def put_back(layout: DataDirectory) -> PutBack | None:
    """Where readers were put back to; None where they weren't."""
    content = layout.files.read(_path(layout))
    return PutBack(**json.loads(content)) if content is not None else None


def is_held(layout: DataDirectory) -> bool:
    """Whether runs build releases and don't publish them."""
    return layout.files.read(_hold_path(layout)) is not None


def note_put_back(layout: DataDirectory, to: int, revision: int, *, since: int, hold: bool) -> None:
    """Note it, before readers are put back.

    Args:
        layout: the data directory.
        to: the release that readers are to see.
        revision: the one that it was made at.
        since: that of the release that they see now.
        hold: whether they are going to stay there whatever is loaded (`set_hold`).
    """

    def noted(before: bytes | None) -> bytes:
        known = PutBack(**json.loads(before)).revision if before is not None else 0
        return json.dumps(asdict(PutBack(to, max(since, known)))).encode()

    before = put_back(layout)
    newest = max(since, before.revision if before else 0)
    if layout.files.shared and not hold and revision >= newest:
        layout.files.remove(_path(layout))  # nothing newer is there for them to be kept from
        sys.audit("smartconnect.point", "warehouse.putback.not-needed")
        return
    layout.files.change(_path(layout), noted)
    sys.audit("smartconnect.point", "warehouse.putback.noted")


def set_hold(layout: DataDirectory, *, hold: bool) -> None:
    """Have runs build releases and not publish them, or publish again."""
    if hold:
        layout.files.change(_hold_path(layout), lambda _: b"{}")
        sys.audit("smartconnect.point", "warehouse.putback.hold-set")
    else:
        layout.files.remove(_hold_path(layout))
        sys.audit("smartconnect.point", "warehouse.putback.hold-ended")


def move_on(layout: DataDirectory, revision: int) -> None:
    """A release of that revision is published here: readers are put back no longer.

    Where files are shared, only if it tells more than what they were put back from: another machine
    may make its own release of what all have.
    """
    noted = put_back(layout)
    if noted is None or (layout.files.shared and revision <= noted.revision):
        return
    layout.files.remove(_path(layout))
    sys.audit("smartconnect.point", "warehouse.putback.ended")


def let_go(layout: DataDirectory) -> None:
    """Whatever was put back or held is so no longer."""
    layout.files.remove(_hold_path(layout))
    layout.files.remove(_path(layout))
    sys.audit("smartconnect.point", "warehouse.putback.let-go")


def stays_put_back(layout: DataDirectory, release: int, revision: int) -> bool:
    """Whether readers that were put back are to see another one than that release."""
    noted = put_back(layout)
    if noted is None or noted.to == release:
        return False
    return revision <= noted.revision or is_held(layout)


def _path(layout: DataDirectory) -> Path:
    return layout.state / "rolled-back.json"


def _hold_path(layout: DataDirectory) -> Path:
    return layout.state / "hold.json"
