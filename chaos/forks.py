"""A process that has imported everything and forks a child for each run: a start costs nothing.

Reads one JSON command a line and answers in kind:
    {"start": 7, "job": {…}}      {"started": 7, "pid": 1234}, later {"ended": 7, "code": -9}
    {"signal": 7, "number": 9}    nothing; a child that has ended gets none
"""

from __future__ import annotations

import gc
import json
import os
import select
import threading
from contextlib import suppress
from typing import Any

from chaos.children import become

TURN_SECONDS = 0.02


class Forks:
    """The children that run now, by number."""

    def __init__(self) -> None:
        self._children: dict[int, int] = {}

    def obey(self, command: dict[str, Any]) -> None:
        """Start a child, or send it a signal."""
        if "start" in command:
            pid = os.fork()
            if pid == 0:
                become(command["job"])
            self._children[command["start"]] = pid
            _tell({"started": command["start"], "pid": pid})
        elif command["signal"] in self._children:
            with suppress(ProcessLookupError):
                os.kill(self._children[command["signal"]], command["number"])

    def reap(self) -> None:
        """Tell of every child that has ended."""
        for number, pid in list(self._children.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                del self._children[number]
                _tell({"ended": number, "code": os.waitstatus_to_exitcode(status)})


def _tell(said: dict[str, Any]) -> None:
    print(json.dumps(said), flush=True)


def main() -> None:
    """Serve until standard input ends."""
    if threading.active_count() > 1:
        raise SystemExit("a process with threads can't be forked safely")
    gc.collect()
    gc.freeze()  # children share what was imported
    _tell({"ready": os.getpid()})
    forks, rest = Forks(), b""
    while True:
        if select.select([0], [], [], TURN_SECONDS)[0]:
            given = os.read(0, 65536)
            if not given:
                return
            *lines, rest = (rest + given).split(b"\n")
            for line in lines:
                forks.obey(json.loads(line))
        forks.reap()


if __name__ == "__main__":
    main()
