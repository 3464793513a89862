"""SIGTERM ends a run at once and in order, wherever in its work it arrives.

Prefect's own handler raises in whichever frame runs just then: in a flow that waits for many
things that may be the progress of an artifact or a callback of the event loop, and the signal is
lost. Here it cancels the flow's own task, and Prefect is told what it was once that has ended.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.exceptions import TerminationSignal


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Within the block of a flow, SIGTERM cancels what the flow waits for.

    Elsewhere than in the main thread (a test, a notebook) signals are left as they are.

    Raises:
        TerminationSignal: SIGTERM came; Prefect marks the run as crashed, or as cancelled where
            somebody asked for that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # a flow is a coroutine
    came = asyncio.Event()

    def stop() -> None:
        came.set()
        task.cancel()

    before = signal.getsignal(signal.SIGTERM)
    loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not came.is_set():
            raise
        task.uncancel()
        raise TerminationSignal(signal=signal.SIGTERM) from None
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
