"""How patiently an export's location is waited for."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from dataclasses import dataclass

SHARE_OF_ELAPSED = 0.08
JITTER = 0.1
# Where it is known how long exports take: seldom until then, and often about then.
EARLY_SHARE_OF_ELAPSED, EARLY_SHARE_OF_EXPECTED = 0.25, 0.2
DUE_FROM, DUE_UNTIL = 0.97, 1.25
SHARE_OF_ELAPSED_WHEN_DUE = 0.02
REMEMBERED = 16


class Pace:
    """How long the exports of a run take: the fastest of the last few of each dataset, in seconds.

    Days differ, so it only says when to look more often; a faster one is noticed all the same.
    """

    def __init__(self) -> None:
        self._took: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def note(self, dataset: str, export_seconds: float) -> None:
        """An export was ready so long after its start."""
        self._took[dataset].append(export_seconds)

    def expected_seconds(self, dataset: str) -> float | None:
        """How long the next one takes at least, by what is known; None: nothing is."""
        return min(self._took[dataset], default=None)


@dataclass(frozen=True)
class Polling:
    """How patiently a location is waited for. Seconds.

    Args:
        first_seconds: the shortest wait between two polls.
        max_seconds: the longest one.
        job_deadline_seconds: for one export.
        run_deadline_seconds: for all exports of the run, from the making of `ExportJobs` on.
    """

    first_seconds: float = 0.2
    max_seconds: float = 30
    job_deadline_seconds: float = 3600
    run_deadline_seconds: float = 12 * 3600

    def fewest_polls(self, export_seconds: float | None) -> int:
        """How often an export that takes so long is asked for at least; 1 where it isn't known."""
        polls, elapsed = 1, 0.0
        while elapsed < (export_seconds or 0.0):
            elapsed += self._longest_wait(elapsed, export_seconds)
            polls += 1
        return polls

    def wait_seconds(
        self,
        elapsed_seconds: float,
        asked_seconds: float | None,
        expected_seconds: float | None = None,
    ) -> float:
        """Until the next poll: a share of what was waited so far, so that a short export is
        noticed at once and a long one isn't asked too often; Retry-After wins where it is longer.

        Args:
            elapsed_seconds: since the export was started.
            asked_seconds: what the vendor asked for.
            expected_seconds: how long others took (`Pace`).
        """
        wait = max(self._longest_wait(elapsed_seconds, expected_seconds), asked_seconds or 0)
        if wait == _due_in(elapsed_seconds, expected_seconds):
            return wait
        return min(wait, self.max_seconds) * random.uniform(1 - JITTER, 1)  # noqa: S311

    def _longest_wait(self, elapsed: float, expected: float | None) -> float:
        wait = max(elapsed * SHARE_OF_ELAPSED, self.first_seconds)
        due_in = _due_in(elapsed, expected)
        if due_in > 0:
            share = max(elapsed * EARLY_SHARE_OF_ELAPSED, (expected or 0) * EARLY_SHARE_OF_EXPECTED)
            wait = min(max(share, self.first_seconds), due_in)
        elif expected is not None and elapsed < DUE_UNTIL * expected:
            wait = max(elapsed * SHARE_OF_ELAPSED_WHEN_DUE, self.first_seconds / 4)
        return min(wait, self.max_seconds)


def _due_in(elapsed: float, expected: float | None) -> float:
    return DUE_FROM * (expected or 0) - elapsed
