"""What a Dask worker makes ready before its first day: `dask worker --preload flows.daskworker`.

Whatever it doesn't find ready each day makes for itself: a client of Prefect's server with its
certificates costs three times what Prefect does besides to run a task.
"""

from __future__ import annotations

from prefect.context import SyncClientContext
from prefect.plugins import load_prefect_collections
from prefect.settings import PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED, temporary_settings

import flows.preparing as _imported  # noqa: F401  (before the first day comes)


def dask_setup(_: object) -> None:
    """Called by Dask in the context that those of its tasks are copied from.

    Prefect's server needn't be there yet: the flow's process has compared its version.
    """
    load_prefect_collections()  # else by the first task, while the others wait
    with temporary_settings({PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False}):
        SyncClientContext().__enter__()  # for the life of the process
