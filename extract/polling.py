"""How patiently an export's location is waited for."""

from __future__ import annotations

import random
from dataclasses import dataclass

SHARE_OF_ELAPSED = 0.08
JITTER = 0.1


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
            share = max(elapsed * SHARE_OF_ELAPSED, self.first_seconds)
            elapsed += min(share, self.max_seconds)
            polls += 1
        return polls

    def wait_seconds(self, elapsed_seconds: float, asked_seconds: float | None) -> float:
        """Until the next poll: a share of what was waited so far, so that a short export is
        noticed at once and a long one isn't asked too often; Retry-After wins where it is longer.
        """
        wait = max(elapsed_seconds * SHARE_OF_ELAPSED, self.first_seconds, asked_seconds or 0)
        return min(wait, self.max_seconds) * random.uniform(1 - JITTER, 1)  # noqa: S311
