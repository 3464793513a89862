"""Real servers that several machines have in common, each on a free port: Postgres, Redis."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.servers import free_port

DEBIAN = "/usr/lib/postgresql/*/bin"


def required(name: str, variable: str) -> str:
    """A program's path; without it the test is left out, or fails where CI must have it."""
    places = [*map(str, sorted(Path("/").glob(DEBIAN[1:]), reverse=True)), os.environ["PATH"]]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None and os.environ.get(variable):
        pytest.fail(f"{name} is not installed, and {variable} is set")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@dataclass(frozen=True)
class Postgres:
    """A running server; its administrator comes in by the socket in `folder`."""

    folder: Path
    host: str
    port: int

    def administrator(self) -> dict[str, str]:
        """What `psql` takes from the environment."""
        return {"PGHOST": str(self.folder), "PGPORT": str(self.port), "PGUSER": "administrator"}


@contextmanager
def running_postgres(host: str = "127.0.0.1") -> Iterator[Postgres]:
    """Postgres on `host`, in a short-lived folder, as nobody in particular; stopped at the end."""
    initdb, postgres = (required(name, "REQUIRE_POSTGRES") for name in ("initdb", "postgres"))
    user = _unprivileged()
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        how: dict[str, object] = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
        data, port = folder / "data", free_port()
        begin = [initdb, "-D", str(data), "-U", "administrator", "-E", "UTF8", "--no-sync"]
        access = ["--auth-local=trust", "--auth-host=scram-sha-256"]
        subprocess.run([*begin, *access], check=True, cwd=folder, stdout=subprocess.DEVNULL, **how)  # type: ignore[call-overload]
        with (data / "pg_hba.conf").open("a") as hba:
            hba.write("host all all all scram-sha-256\n")
        command = [postgres, "-D", str(data), "-p", str(port), "-k", str(folder), "-h", host]
        command += ["-c", "fsync=off", "-c", "max_connections=300"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, **how)  # type: ignore[call-overload]
        try:
            made_server = Postgres(folder, host, port)
            _wait(lambda: _answers(made_server), server, folder / "log")
            yield made_server
        finally:
            server.terminate()  # smart, then fast
            server.send_signal(2)
            server.wait(30)


def _unprivileged() -> pwd.struct_passwd | None:
    """Postgres refuses to run as root; whoever isn't, runs it themselves."""
    return pwd.getpwnam("nobody") if os.getuid() == 0 else None


def _answers(server: Postgres) -> bool:
    command = [required("psql", "REQUIRE_POSTGRES"), "-d", "postgres", "-c", "SELECT 1"]
    environment = {**os.environ, **server.administrator()}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    return done.returncode == 0


@contextmanager
def running_redis(folder: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """Redis on `host`; yields its URL."""
    port = free_port()
    command = [required("redis-server", "REQUIRE_REDIS"), "--bind", host, "--port", str(port)]
    command += ["--save", "", "--dir", str(folder), "--protected-mode", "no"]
    log = folder / "redis.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait(lambda: b"Ready to accept connections" in log.read_bytes(), server, log)
        yield f"redis://{host}:{port}/0"
    finally:
        server.terminate()
        server.wait(30)


def _wait(ready, server: subprocess.Popen[bytes], log: Path) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 60
    while not ready():
        assert server.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.1)
