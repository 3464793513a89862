"""What goes along with a task to another machine, and what that machine has ready for it."""

from __future__ import annotations

from contextvars import copy_context

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import SyncClientContext, serialize_context
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    temporary_settings,
)

from flows.cluster import settings_stay
from flows.daskworker import dask_setup
from flows.servers import free_port


def test_a_task_takes_no_settings_along_and_so_none_of_the_machines_secrets() -> None:
    secret = "smartconnect:told-to-nobody"
    with temporary_settings({PREFECT_API_AUTH_STRING: secret}):
        by_itself = serialize_context()
        with settings_stay():
            along = serialize_context()
            assert PREFECT_API_AUTH_STRING.value() == secret, "the flow keeps to its own"
        assert serialize_context() == by_itself
    assert secret in repr(by_itself)
    assert secret not in repr(along)
    assert along == {**by_itself, "settings_context": {}}


def set_up() -> list[SyncPrefectClient]:
    """What two tasks have, in contexts that are copied from the worker's."""
    dask_setup(None)
    context = SyncClientContext.get()
    assert context is not None
    try:
        return [copy_context().run(get_client, sync_client=True) for _ in range(2)]
    finally:
        context.__exit__(None, None, None)


def test_all_tasks_of_a_dask_worker_have_one_client_even_if_it_starts_before_the_server() -> None:
    away = f"http://127.0.0.1:{free_port()}/api"
    with temporary_settings({PREFECT_API_URL: away}):
        first, second = copy_context().run(set_up)
    assert first is second
    assert str(first.api_url).rstrip("/") == away
