"""`smartconnect callbacks`: the receiver with the settings' bounds, until it is stopped."""

from __future__ import annotations

import asyncio
import signal

from rich.console import Console

from extract.callbacks import CallbackOptions
from extract.callbackserver import callback_socket, serve_callbacks
from flows.errors import NotConfigured
from flows.personal import data_directory
from flows.settings import Settings, load_settings
from warehouse.privatefiles import private_files

SEAL_BYTES = 16 * 1024**2


def callback_options(settings: Settings) -> CallbackOptions:
    """The settings that concern callbacks.

    Raises:
        NotConfigured: there is no secret.
    """
    if settings.callback_secret is None:
        raise NotConfigured(
            "Whoever knows the callbacks' path is believed, and none is set, so nothing was "
            "started: set SMARTCONNECT_CALLBACK_SECRET (in .env) to something long and random, and "
            "https://<your host>/<it> as the URL in SmartConnect's management section."
        )
    return CallbackOptions(
        secrets=settings.callback_secret.get_secret_value().split(","),
        addresses=settings.callback_addresses,
        max_body_bytes=settings.callback_max_body_bytes,
        deadline_seconds=settings.callback_deadline_seconds,
        rate_per_second=settings.callback_rate_per_second,
    )


def run_callbacks(console: Console) -> None:
    """Receive until SIGTERM or Ctrl-C.

    Raises:
        NotConfigured: there is no secret.
        warehouse.errors.WarehouseError: the data directory can't be used, or is another's.
        OSError: nothing can listen there.
    """
    settings = load_settings()
    options = callback_options(settings)
    layout = data_directory(settings)
    layout.initialise(settings.origin)
    bound = callback_socket(settings.callback_host, settings.callback_port)
    host, port = bound.getsockname()[:2]
    console.print(f"Callbacks are received at {host}:{port}", highlight=False, soft_wrap=True)
    # The server has its own handlers while it serves; afterwards the inbox is still to be sealed.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with private_files():
        receiver = asyncio.run(
            serve_callbacks(
                layout.inbox,
                options,
                bound,
                seal_seconds=settings.callback_seal_seconds,
                seal_bytes=SEAL_BYTES,
            )
        )
    told = ", ".join(f"{n:,} × {what}" for what, n in sorted(receiver.counts.items())) or "nothing"
    console.print(f"Answered: {told}", highlight=False, soft_wrap=True)
