"""For a dashboard that runs on: the release that readers of the store see, looked for now and then.

Where files aren't shared there is nothing to look for: a release that is published here is seen.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from flows.settings import Settings
from flows.showing import Tell, shown_directory
from warehouse.errors import WarehouseError
from warehouse.layout import DataDirectory

LOOK_SECONDS = 30.0


class Following:
    """Looks for newer releases within the block, in a thread of its own.

    Args:
        settings: of the company.
        layout: its data directory.
        tell: takes a sentence when a release came, or can't be brought.
    """

    def __init__(
        self,
        settings: Settings,
        layout: DataDirectory,
        tell: Tell,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._settings, self._own, self._tell = settings, layout, tell
        self._look_seconds = look_seconds
        self._found = layout
        self._told = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="following", daemon=True)

    def directory(self) -> DataDirectory:
        """Where the release is that is to be seen, as far as is known."""
        found = self._found
        # A copy goes as soon as this machine has a release of its own that is to be seen.
        return found if found.current.is_symlink() else self._own

    def __enter__(self) -> Self:
        if self._settings.data_store is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.is_set():
            try:
                self._found = shown_directory(
                    self._settings, self._own, parquet=True, tell=self._tell
                )
                self._told = ""
            except (WarehouseError, OSError) as error:  # what is seen stays
                if str(error) != self._told:
                    self._told = str(error)
                    self._tell(self._told)
            self._ended.wait(self._look_seconds)
