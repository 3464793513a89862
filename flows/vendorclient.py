"""How the settings have the vendor asked: the client's options, and the calls that it may make."""

from __future__ import annotations

from extract.budget import CallBudget
from extract.client import ClientOptions
from extract.routes import Routes
from extract.sharing import Shared
from flows.settings import Settings
from warehouse.layout import DataDirectory


def client_options(settings: Settings) -> ClientOptions:
    """The settings that concern the vendor's API."""
    return ClientOptions(
        base_url=settings.base_url,
        routes=Routes(settings.routes) if settings.routes else Routes(),
        status_meanings=settings.status_meanings,
        user_id_field=settings.user_id_field,
        connect_timeout_seconds=settings.connect_timeout_seconds,
        read_timeout_seconds=settings.read_timeout_seconds,
        call_deadline_seconds=settings.call_deadline_seconds,
        download_deadline_seconds=settings.download_deadline_seconds,
        max_download_bytes=settings.max_download_bytes,
        allowed_hosts=settings.download_hosts,
        allow_loopback=settings.sandbox,
    )


def call_budget(settings: Settings, layout: DataDirectory, shared: Shared | None) -> CallBudget:
    """The calls that a run may make, counted with those of the other runs, also elsewhere."""
    return CallBudget(
        layout.calls,
        settings.calls_per_run,
        settings.calls_per_day,
        lambda: settings.today().date(),
        shared,
    )
