"""The receiver over real sockets: what is acknowledged is kept, and nothing else gets in."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from extract import inboxsegments
from extract.callbacks import CallbackOptions
from extract.callbackserver import callback_socket, serve_callbacks
from extract.inbox import request_seal
from extract.inboxsegments import (
    Received,
    inbox_segments,
    read_segment,
    seal_abandoned,
    sealed_segments,
)

SECRET, NEXT = "secret-of-the-path-1", "secret-of-the-path-2"
MESSAGE = {
    "channel_account_id": 7,
    "thread_id": "t-1",
    "message": "Здравствуйте!\nЭто я",
    "message_id": 1,
    "time": 1770000000,
}


@dataclass
class Running:
    folder: Path
    port: int

    def url(self, secret: str = SECRET) -> str:
        return f"http://127.0.0.1:{self.port}/{secret}"

    def post(self, message: object = MESSAGE, secret: str = SECRET) -> httpx.Response:
        return httpx.post(self.url(secret), json=message)

    def kept(self) -> list[Received]:
        assert request_seal(self.folder, 10)
        lines = [line for path in sealed_segments(self.folder) for line in read_segment(path)]
        return [received for _, received in lines if received is not None]

    def bodies(self) -> list[object]:
        return [json.loads(r.body) for r in self.kept() if r.reason is None]


@contextmanager
def receiving(folder: Path, **options: object) -> Iterator[Running]:
    bound = callback_socket("127.0.0.1", 0)
    servers: list[uvicorn.Server] = []
    given = CallbackOptions(**{"secrets": [SECRET], **options})  # type: ignore[arg-type]
    work = serve_callbacks(
        folder, given, bound, seal_seconds=60, seal_bytes=10**7, ready=servers.append
    )
    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    while not (servers and servers[0].started):
        time.sleep(0.01)
    try:
        yield Running(folder, bound.getsockname()[1])
    finally:
        servers[0].should_exit = True
        thread.join(30)
        bound.close()


@pytest.fixture
def receive(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(receiving(tmp_path, **options))


def raw_request(running: Running, *pieces: bytes, pause_seconds: float = 0.0) -> bytes:
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        answer = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_seconds)
            while more := connection.recv(65536):
                answer += more
        except ConnectionError:
            pass
        return answer


def head(secret: str, length: int, *more: str) -> bytes:
    lines = [f"POST /{secret} HTTP/1.1", "host: x", f"content-length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.promise("callback-acknowledged", "callback-repeated")
def test_json_and_forms_are_kept_as_they_came_again_and_again(
    receive: Callable[..., Running],
) -> None:
    running = receive()
    assert running.post().json() == {"status": 200, "description": "kept"}
    assert running.post().status_code == 200
    form = httpx.post(running.url(), data={k: str(v) for k, v in MESSAGE.items()})
    assert form.status_code == 200
    assert httpx.post(running.url(), content=b"message_id=3&thread_id=a%2Bb").status_code == 200
    kept = running.kept()
    assert [r.reason for r in kept] == [None] * 4
    assert [r.form for r in kept] == [False, False, True, False]
    assert json.loads(kept[0].body) == json.loads(kept[1].body) == MESSAGE
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in sealed_segments(running.folder))


@pytest.mark.promise("callback-malformed")
@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "neither a JSON object nor a form"),
        (b"{", 400, "neither a JSON object nor a form"),
        (b"[1]", 400, "neither a JSON object nor a form"),
        (b"[" * 100_000, 400, "neither a JSON object nor a form"),
        (b"\xff\xfe", 400, "neither a JSON object nor a form"),
        (b'{"thread_id": "a"}', 422, "without message_id"),
        (b'{"message_id": null, "thread_id": ""}', 422, "without message_id and thread_id"),
    ],
)
def test_what_is_no_message_is_told_so_and_kept_aside(
    receive: Callable[..., Running], body: bytes, status: int, reason: str
) -> None:
    running = receive()
    answer = httpx.post(running.url(), content=body)
    assert (answer.status_code, answer.json()["description"]) == (status, reason)
    [kept] = running.kept()
    assert (kept.body, kept.reason) == (body, reason)


@pytest.mark.promise("callback-oversized")
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_cap_is_refused_and_its_beginning_kept(
    receive: Callable[..., Running], chunked: bool
) -> None:
    running = receive(max_body_bytes=2000)
    body = b"x" * 1_000_000
    given = (body[n : n + 1000] for n in range(0, len(body), 1000)) if chunked else body
    with suppress(httpx.TransportError):  # we stop to read, and the client may see that first
        assert httpx.post(running.url(), content=given).status_code == 413
    [kept] = running.kept()
    assert (len(kept.body), kept.reason) == (2000, "larger than 2000 bytes")


@pytest.mark.promise("callback-slow")
def test_a_body_that_drips_is_told_so_and_kept_aside(receive: Callable[..., Running]) -> None:
    running = receive(deadline_seconds=0.4)
    answer = raw_request(running, head(SECRET, 100), *[b"{"] * 3, pause_seconds=0.1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert running.kept()[0].reason == "too slow"


@pytest.mark.promise("callback-slow")
def test_a_head_that_drips_is_cut_off(receive: Callable[..., Running]) -> None:
    running = receive(deadline_seconds=0.4)
    began = time.monotonic()
    assert raw_request(running, b"POST /", *[b"x"] * 8, pause_seconds=0.1) == b""
    assert raw_request(running) == b""  # one that never says anything
    assert time.monotonic() - began < 15
    assert running.post().status_code == 200


@pytest.mark.promise("callback-slow")
def test_one_that_breaks_off_is_kept_aside(receive: Callable[..., Running]) -> None:
    running = receive()
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(head(SECRET, 100) + b"{")
        time.sleep(0.2)
    deadline = time.monotonic() + 10
    while not (kept := running.kept()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [(r.body, r.reason) for r in kept] == [(b"{", "broken off")]


@pytest.mark.promise("callback-forged")
def test_a_stranger_finds_nothing_and_leaves_nothing(receive: Callable[..., Running]) -> None:
    running = receive(secrets=[SECRET, NEXT])
    assert [running.post(secret=s).status_code for s in (SECRET, NEXT)] == [200, 200]
    for path in ("", "x", SECRET[:-1], SECRET + "x", SECRET.upper(), f"{SECRET}/", "%ff", "%D1%8F"):
        answer = running.post(secret=path)
        assert (answer.status_code, answer.json()["description"]) == (404, "no such page")
        assert httpx.get(running.url(path)).status_code == 404
    assert httpx.get(running.url()).status_code == 405
    assert len(running.kept()) == 2


@pytest.mark.promise("callback-forged")
def test_who_calls_from_elsewhere_finds_nothing(receive: Callable[..., Running]) -> None:
    running = receive(addresses=["203.0.113.0/24", "2001:db8::/32"])
    assert running.post().status_code == 404
    near = receive(addresses=["203.0.113.0/24", "127.0.0.0/8"])
    assert near.post().status_code == 200


@pytest.mark.promise("callback-flood")
def test_beyond_the_rate_one_is_asked_to_come_again(receive: Callable[..., Running]) -> None:
    running = receive(rate_per_second=5)
    with httpx.Client() as client:
        answers = [client.post(running.url(), json=MESSAGE) for _ in range(20)]
    codes = [answer.status_code for answer in answers]
    assert codes[:5] == [200] * 5
    assert 429 in codes
    assert all(a.headers["retry-after"] for a in answers if a.status_code == 429)
    assert len(running.kept()) == codes.count(200)


@pytest.mark.promise("callback-secret")
def test_the_secret_is_in_no_log(
    receive: Callable[..., Running],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG, "uvicorn")
    caplog.set_level(logging.DEBUG, "asyncio")
    running = receive(max_body_bytes=2000)
    running.post()
    httpx.post(running.url(), content=b"{")
    raw_request(running, f"POST /{SECRET} HTTP/9.9\r\nconnection: close\r\n\r\n".encode())
    raw_request(running, f"POST /{SECRET} \x00 HTTP/1.1\r\nbad header\r\n\r\n".encode())
    written = caplog.text + "".join(capfd.readouterr())
    httpx_own = [line for line in written.splitlines() if "httpx" in line or "httpcore" in line]
    assert SECRET not in "\n".join(line for line in written.splitlines() if line not in httpx_own)


@pytest.mark.promise("callback-disk")
def test_what_the_disk_refuses_is_not_acknowledged(
    receive: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = receive()
    assert running.post().status_code == 200

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(inboxsegments.os, "fdatasync", refuse)
        assert running.post({**MESSAGE, "message_id": 2}).status_code == 503
    assert running.post({**MESSAGE, "message_id": 3}).status_code == 200
    ids = [body["message_id"] for body in running.bodies()]  # type: ignore[index]
    assert ids[0] == 1
    assert ids[-1] == 3


def test_a_torn_line_is_no_message_and_the_living_keep_their_segment(tmp_path: Path) -> None:
    with receiving(tmp_path) as running:
        running.post()
        assert seal_abandoned(tmp_path) == []
    [path] = sealed_segments(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-5] + b"\n" + whole[:20])
    assert [found is not None for _, found in read_segment(path)] == [True, False, False]


def test_what_is_open_is_sealed_on_request_though_more_comes_all_the_while(tmp_path: Path) -> None:
    with receiving(tmp_path) as running:
        running.post()
        [open_now] = inbox_segments(tmp_path)
        ended = threading.Event()

        def go_on() -> None:
            with httpx.Client() as client:
                while not ended.is_set():
                    client.post(running.url(), json=MESSAGE)

        sender = threading.Thread(target=go_on)
        sender.start()
        try:
            assert request_seal(tmp_path, 10)
        finally:
            ended.set()
            sender.join()
        assert not open_now.exists()
        assert open_now.with_suffix(".sealed").exists()
