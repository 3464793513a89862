"""Who may see the dashboard: over real sockets, as a stranger would try."""

from __future__ import annotations

import base64
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from serving import served

from dashboard import guard
from dashboard.app import DashboardOptions
from dashboard.server import OpenToEveryone, dashboard_socket
from flows.errors import NotConfigured
from flows.servers import program
from flows.settings import Settings
from flows.viewing import dashboard_port

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty") / "data"
    (folder / "reports").mkdir(parents=True)
    (folder / "reports" / "week.html").write_text("<script>alert(1)</script>week", "utf-8")
    (folder / "secret.html").write_text("secret", "utf-8")
    return folder


@pytest.fixture(scope="module")
def here(empty: Path) -> Iterator[str]:
    with served(empty) as url:
        yield url


@pytest.fixture
def locked(empty: Path) -> Iterator[str]:
    with served(empty, password=PASSWORD, host="0.0.0.0") as url:
        yield url


def get(
    url: str, path: str = "/", method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    body = answer.read().decode()
    told = {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return answer.status, told, body


def login(password: str, user: str = guard.USER) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.promise("dashboard-password")
@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "10.0.0.1", "example.com"])
def test_nothing_listens_beyond_this_machine_without_a_password(host: str, tmp_path: Path) -> None:
    with pytest.raises(OpenToEveryone):
        dashboard_socket(host, 0, DashboardOptions(reports=tmp_path))
    with pytest.raises(NotConfigured, match="SMARTCONNECT_DASHBOARD_PASSWORD"):
        dashboard_port(Settings(dashboard_host=host), sandbox=True)


@pytest.mark.promise("dashboard-password")
def test_the_command_refuses_in_a_sentence(tmp_path: Path) -> None:
    command = [program("smartconnect"), "dashboard", "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing was" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_serves_until_ctrl_c(empty: Path, tmp_path: Path) -> None:
    command = [program("smartconnect"), "dashboard", "--port", "0", "--no-open"]
    environment = {**os.environ, "SMARTCONNECT_DATA_DIR": str(empty), "SMARTCONNECT_SANDBOX": "1"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().split()[-1]
        deadline = time.monotonic() + 60
        while True:
            try:
                assert get(url)[0] == 200
                break
            except ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, b"")


@pytest.mark.promise("dashboard-password")
def test_without_the_password_there_is_nothing_to_see(locked: str) -> None:
    for path in ("/", "/threads", "/reports/week.html", "/static/dashboard.css", "/release.json"):
        status, told, body = get(locked, path)
        assert (status, "Basic" in told["www-authenticate"]) == (401, True)
        assert "SmartConnect" not in body
    for wrong in (login(PASSWORD, "root"), login(""), "Basic ???", "Bearer x", "Basic"):
        assert get(locked, Authorization=wrong)[0] == 401
    assert get(locked, Authorization=login(PASSWORD))[0] == 200
    assert get(locked, Authorization=login(PASSWORD), Host="dashboard.example")[0] == 200


@pytest.mark.promise("dashboard-password")
def test_whoever_guesses_is_slowed_down(locked: str) -> None:
    tried = [get(locked, Authorization=login(f"guess {n}"))[0] for n in range(guard.FAILURES + 3)]
    assert tried == [401] * guard.FAILURES + [429] * 3
    assert get(locked, Authorization=login(PASSWORD))[0] == 429  # so that it isn't told either


def test_a_password_that_is_set_is_asked_of_this_machine_too(empty: Path) -> None:
    with served(empty, password=PASSWORD) as url:
        assert get(url)[0] == 401


LOCAL = ("localhost", "127.0.0.1", "localhost:4290", "127.0.0.1:80", "[::1]:4290", "LOCALHOST")
FOREIGN = ("evil.example", "evil.example:4290", "127.0.0.1.evil.example", "localhost.evil.example",
           "localhost@evil.example", "", "2130706433", "127.0.0.1:x")  # fmt: skip


@pytest.mark.promise("dashboard-rebinding")
def test_a_page_elsewhere_reaches_nothing_by_another_name(here: str) -> None:
    assert [get(here, Host=name)[0] for name in LOCAL] == [200] * len(LOCAL)
    assert [get(here, Host=name)[0] for name in FOREIGN] == [421] * len(FOREIGN)


def test_nothing_is_changed_and_nothing_runs(here: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert get(here, method=method)[0] == 405
    status, told, body = get(here)
    assert (status, body.count("<script")) == (200, 1)
    policy = told["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert told["x-content-type-options"] == "nosniff"
    assert told["referrer-policy"] == "no-referrer"
    assert told["cache-control"] == "no-store"
    assert "server" not in told
    _, told, _ = get(here, "/reports/week.html")
    assert "sandbox" in told["content-security-policy"]
    assert "script" not in told["content-security-policy"]


@pytest.mark.promise("dashboard-only-its-files")
@pytest.mark.parametrize(
    "path",
    [
        "/reports/../secret.html",
        "/reports/%2e%2e/secret.html",
        "/reports/..%2fsecret.html",
        "/reports//secret.html",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2fapp.py",
        "//etc/passwd",
        "/reports/%00.html",
    ],
)
def test_an_address_leads_nowhere_else(here: str, path: str) -> None:
    parts = urlsplit(here)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split(b" ", 2)[1] in (b"404", b"400")
    assert b"secret" not in answer.replace(path.encode(), b"")


def test_before_the_first_release_a_page_says_so(here: str) -> None:
    status, _, body = get(here, Accept_Language="ru")
    assert status == 200
    assert "Данных ещё нет" in body
    assert "No data yet" in get(here, "/threads?kind=opened", Accept_Language="en")[2]
    assert get(here, "/nothing")[0] == 404
    assert get(here, "/release.json")[2] == '{"release":null}'
