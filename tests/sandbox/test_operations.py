"""Every operation as it is published, over HTTP; and the typed client against all ten of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from extract.client import ClientOptions, SmartConnectClient
from extract.errors import ExportFailed, RequestRefused, TaskFailed, TokenRefused, VendorBusy
from sandbox.server import RunningSandbox

DAY = "03.02.2026"
StartSandbox = Callable[..., RunningSandbox]
Answer = dict[str, Any]


def ask(sandbox: RunningSandbox, path: str, **given: object) -> Answer:
    """One POST with the token in the JSON body; HTTP's own status is 200, come what may."""
    body = {"token": sandbox.token, **given}
    response = httpx.post(f"{sandbox.base_url}{path}", json=body, timeout=30)
    assert response.status_code == 200
    answer = response.json()
    assert isinstance(answer["status"], int)
    return dict(answer)


def served(sandbox: RunningSandbox) -> list[Answer]:
    return list(httpx.get(f"{sandbox.root_url}/sandbox/served").json())


@pytest.mark.parametrize(
    ("path", "given", "fields"),
    [
        ("/messages/submit", {"channel_account_id": 101, "thread_id": "7", "message": "Да"}, {}),
        ("/bulk", {"message": "Всем"}, {"task_id": int}),
        ("/bulk/accounts", {}, {"accounts": list}),
        ("/export/chats", {"date_from": DAY, "date_to": DAY}, {"task_id": int}),
        ("/export/statistics", {"date_from": DAY, "date_to": DAY}, {"task_id": int}),
        ("/users", {}, {"users": list}),
        ("/users/user", {"uid": 1}, {"user": dict}),
    ],
)
def test_an_operation_answers_with_status_200_and_its_fields(
    path: str, given: Answer, fields: dict[str, type], start_sandbox: StartSandbox
) -> None:
    answer = ask(start_sandbox(), path, **given)
    assert answer["status"] == 200
    assert {name: type(answer[name]) for name in fields} == fields


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("/messages/submit", {"thread_id": "7", "message": "Да"}, 400),
        ("/messages/submit", {"channel_account_id": 101, "message": "Да"}, 400),
        ("/messages/submit", {"channel_account_id": 1, "thread_id": "", "message": "Да"}, 400),
        ("/bulk", {"message": 5}, 400),
        ("/bulk/task", {"task_id": [1]}, 400),
        ("/bulk/task", {"task_id": 77}, 404),
        ("/export/chats", {"date_from": "2026-02-03"}, 400),
        ("/export/statistics", {"date_to": "31.02.2026"}, 400),
        ("/export/chats/task", {"task_id": 77}, 404),
        ("/export/statistics/task", {}, 400),
        ("/users/user", {"uid": 77}, 404),
        ("/users", {"token": "another"}, 403),
    ],
)  # fmt: skip
def test_a_failure_is_told_in_the_body_while_http_says_200(
    path: str, given: Answer, status: int, start_sandbox: StartSandbox
) -> None:
    answer = ask(start_sandbox(), path, **given)
    assert answer["status"] == status
    assert answer["description"]


@pytest.mark.parametrize("body", [b"", b"[1]", b"\xff"])
def test_what_is_no_json_object_is_malformed_input(
    body: bytes, start_sandbox: StartSandbox
) -> None:
    response = httpx.post(f"{start_sandbox().base_url}/users", content=body)
    assert (response.status_code, response.json()["status"]) == (200, 400)


def test_a_task_of_one_kind_is_unknown_to_the_other(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox()
    task_id = ask(sandbox, "/export/chats", date_from=DAY, date_to=DAY)["task_id"]
    assert ask(sandbox, "/export/statistics/task", task_id=task_id)["status"] == 404


@pytest.mark.parametrize("kind", ["chats", "statistics"])
def test_without_dates_an_export_is_of_last_month(kind: str, start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(today=date(2026, 3, 15))
    assert ask(sandbox, f"/export/{kind}")["status"] == 200
    assert ask(sandbox, f"/export/{kind}", date_from=None, date_to="")["status"] == 200
    assert [(e["kind"], e["date_from"], e["date_to"]) for e in served(sandbox)] == [
        (kind, "2026-02-01", "2026-02-28")
    ] * 2


@pytest.mark.parametrize("pending", [200, 102])
def test_a_location_is_empty_until_the_file_is_ready(
    pending: int, start_sandbox: StartSandbox
) -> None:
    sandbox = start_sandbox(messages_per_day=20, export_seconds=0.4, pending_status=pending)
    task_id = ask(sandbox, "/export/chats", date_from=DAY, date_to=DAY)["task_id"]
    answers = [ask(sandbox, "/export/chats/task", task_id=task_id)]
    assert (answers[0]["status"], answers[0]["location"]) == (pending, "")
    while not answers[-1]["location"]:
        answers.append(ask(sandbox, "/export/chats/task", task_id=task_id))
    assert {answer["task_id"] for answer in answers} == {task_id}
    assert answers[-1]["status"] == 200
    assert len(httpx.get(answers[-1]["location"]).content) > 100


@pytest.mark.parametrize(
    ("over_limit", "statuses"), [("queue", [200, 200, 200]), ("refuse", [200, 200, 429])]
)
def test_beyond_the_limit_an_export_waits_or_is_refused(
    over_limit: str, statuses: list[int], start_sandbox: StartSandbox
) -> None:
    sandbox = start_sandbox(export_seconds=30, max_running=2, over_limit=over_limit)
    answers = [ask(sandbox, "/export/chats", date_from=DAY, date_to=DAY) for _ in range(3)]
    assert [answer["status"] for answer in answers] == statuses


def test_queued_exports_are_ready_one_after_another(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(messages_per_day=20, export_seconds=0.3, max_running=1)
    ids = [ask(sandbox, "/export/chats", date_from=DAY, date_to=DAY)["task_id"] for _ in range(3)]
    while not ask(sandbox, "/export/chats/task", task_id=ids[2])["location"]:
        pass
    assert all(ask(sandbox, "/export/chats/task", task_id=n)["location"] for n in ids)


def test_a_download_that_needs_the_token_is_refused_without(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(messages_per_day=20, download_needs_token=True)
    task_id = ask(sandbox, "/export/chats", date_from=DAY, date_to=DAY)["task_id"]
    where = ask(sandbox, "/export/chats/task", task_id=task_id)["location"]
    assert httpx.get(where).status_code == 403
    assert httpx.post(where, json={"token": "another"}).status_code == 403
    assert httpx.post(where, json={"token": sandbox.token}).status_code == 200


def test_a_bulk_task_is_running_and_then_done(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(export_seconds=0.3)
    task_id = ask(sandbox, "/bulk", message="Всем", channel_account_id=102)["task_id"]
    task = ask(sandbox, "/bulk/task", task_id=task_id)["task"]
    assert (task["state"], task["channel_account_id"]) == ("running", 102)
    while task["state"] == "running":
        task = ask(sandbox, "/bulk/task", task_id=task_id)["task"]
    assert (task["state"], task["sent"]) == ("done", 12)


@contextmanager
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    """A company's URL: keeps what it is sent."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/callback", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_days_incoming_messages_are_sent_to_the_companys_url(start_sandbox: StartSandbox) -> None:
    with receiver() as (url, got):
        sandbox = start_sandbox(messages_per_day=30, callback_url=url)
        told = httpx.post(f"{sandbox.root_url}/sandbox/callbacks?date={DAY}", timeout=30).json()
    bodies = [httpx.Response(200, content=body).json() for body in got]
    assert told == {"sent": len(bodies), "answers": {"200": len(bodies)}}
    assert len(bodies) > 5
    kinds = {
        "channel_account_id": int,
        "thread_id": str,
        "message": str,
        "message_id": int,
        "time": int,
    }
    assert all({name: type(value) for name, value in body.items()} == kinds for body in bodies)
    assert len({body["message_id"] for body in bodies}) == len(bodies)
    midnight = 1_770_066_000  # 03.02.2026 in Moscow
    assert all(midnight <= body["time"] < midnight + 86_400 for body in bodies)


def with_client(
    sandbox: RunningSandbox, work: Callable[[SmartConnectClient], Coroutine[Any, Any, Any]]
) -> Any:
    async def run() -> Any:
        options = ClientOptions(
            base_url=sandbox.base_url,
            allow_loopback=True,
            attempts=2,
            backoff_first_seconds=0.01,
            call_deadline_seconds=5,
        )
        async with SmartConnectClient(options, lambda: sandbox.token) as client:
            return await work(client)

    return asyncio.run(run())


def test_the_typed_client_speaks_all_ten_operations_and_keeps_unknown_fields(
    start_sandbox: StartSandbox,
) -> None:
    sandbox = start_sandbox(messages_per_day=20)
    day = date(2026, 2, 3)

    async def all_ten(client: SmartConnectClient) -> None:
        sent = await client.send_message(channel_account_id=101, thread_id="7", message="Да")
        assert (sent.status, sent.description) == (200, "sent")
        bulk = await client.start_bulk(message="Всем")
        task = await client.get_bulk_task(bulk.task_id)
        assert task.task == {
            "id": bulk.task_id,
            "channel_account_id": None,
            "state": "done",
            "sent": 12,
        }
        accounts = (await client.list_channel_accounts()).accounts
        assert {"id", "name", "max_length"} <= set(accounts[0])
        chats = await client.start_chats_export(day, day, uid=3, category=5, name="Анна")
        statistics = await client.start_statistics_export(day, day)
        assert chats.task_id != statistics.task_id
        chats_task = await client.get_chats_export_task(chats.task_id)
        statistics_task = await client.get_statistics_export_task(statistics.task_id)
        assert chats_task.location.endswith(f"/files/{chats.task_id}.csv")
        assert statistics_task.location.endswith(f"/files/{statistics.task_id}.csv")
        users = (await client.list_users()).users
        user = (await client.get_user(users[0]["id"])).user
        assert user["name"] == users[0]["name"]
        assert {"team", "phone", "login"} <= set(user)

    with_client(sandbox, all_ten)


def test_the_typed_client_types_what_the_sandbox_refuses(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(export_seconds=30, max_running=1, over_limit="refuse")
    day = date(2026, 2, 3)

    async def refused(client: SmartConnectClient) -> None:
        with pytest.raises(RequestRefused):
            await client.send_message(channel_account_id=101, thread_id="7", message="Я" * 1001)
        with pytest.raises(TaskFailed):
            await client.get_bulk_task(77)
        with pytest.raises(ExportFailed):
            await client.get_chats_export_task(77)
        await client.start_chats_export(day, day)
        with pytest.raises(VendorBusy):
            await client.start_chats_export(day, day + timedelta(days=1))

    with_client(sandbox, refused)
    with pytest.raises(TokenRefused):
        with_client(RunningSandbox(sandbox.base_url, "another"), lambda client: client.list_users())
