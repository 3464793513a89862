"""What is shipped to run this for years: systemd units and the container's recipe.

Systemd's own checker reads the units; on a machine without it these tests are left out, loudly, and
`.ci/run` installs it. No container engine is needed: the recipe is read, not built.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.servers import PREFECT_ENVIRONMENT, free_port, pruned_after
from flows.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]
UNITS = sorted((PROJECT / "deploy" / "systemd").glob("*.service"))
RECIPE = PROJECT / "deploy" / "Containerfile"
INSTALLED = "/opt/smartconnect"
# Of 10, the worst; a unit without any hardening has 9.6.
MOST_EXPOSED = 20
# What honcho gives a process between its SIGTERM and its SIGKILL, twice, and as much to spare.
CLEAN_STOP_SECONDS = 20


@pytest.fixture(scope="session")
def systemd() -> str:
    found = shutil.which("systemd-analyze")
    if found is None and os.environ.get("REQUIRE_SYSTEMD"):
        pytest.fail("systemd-analyze is not installed, and REQUIRE_SYSTEMD is set")
    if found is None:
        pytest.skip("systemd-analyze is not installed: the units are not checked")
    return found


def lines_of(unit: Path) -> list[str]:
    return [x for x in unit.read_text(encoding="utf-8").splitlines() if x and x[0] not in "#["]


def value(unit: Path, key: str) -> str:
    (found,) = (line.partition("=")[2] for line in lines_of(unit) if line.startswith(f"{key}="))
    return found


def environment(unit: Path) -> dict[str, str]:
    words = [x[12:].split() for x in lines_of(unit) if x.startswith("Environment=")]
    return dict(word.split("=", 1) for line in words for word in line)


@pytest.mark.promise("operations-units")
def test_systemd_understands_every_line_of_the_units(systemd: str, tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        (tmp_path / unit.name).write_text(
            text.replace(f"{INSTALLED}/.venv/bin", str(Path(sys.executable).parent)).replace(
                f"WorkingDirectory={INSTALLED}", f"WorkingDirectory={PROJECT}"
            )
        )
    command = [systemd, "verify", "--man=no", *map(str, sorted(tmp_path.glob("*.service")))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.promise("operations-units")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_a_unit_little_exposed(unit: Path, systemd: str) -> None:
    command = [systemd, "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.mark.promise("operations-units")
def test_units_are_alike_and_know_no_more_than_they_need() -> None:
    assert len(UNITS) == 5
    hardened = [
        [line for line in lines_of(unit) if re.match("Protect|Private|Restrict|System", line)]
        for unit in UNITS
    ]
    assert all(one == hardened[0] for one in hardened)
    for unit in UNITS:
        assert value(unit, "NoNewPrivileges") == "true"
        assert value(unit, "User") == "smartconnect"
        assert value(unit, "Restart") == "always"
        assert int(value(unit, "TimeoutStopSec")) >= CLEAN_STOP_SECONDS
        knows_token = any(line.startswith("LoadCredential=token:") for line in lines_of(unit))
        assert knows_token == (unit.stem in ("smartconnect", "smartconnect-worker"))
    dashboard = next(unit for unit in UNITS if unit.stem.endswith("dashboard"))
    assert not any(
        line.startswith(("ReadWritePaths", "StateDirectory")) for line in lines_of(dashboard)
    )


@pytest.mark.promise("operations-units")
def test_separate_units_have_the_environment_that_up_gives() -> None:
    server, worker = (
        environment(PROJECT / "deploy" / "systemd" / f"smartconnect-{name}.service")
        for name in ("server", "worker")
    )
    days = type(load_settings()).model_fields["keep_runs_days"].default
    assert {**PREFECT_ENVIRONMENT, **pruned_after(days)}.items() <= server.items()
    assert PREFECT_ENVIRONMENT.items() <= worker.items()
    assert server["PREFECT_API_URL"] == worker["PREFECT_API_URL"]


def steps(instruction: str) -> list[str]:
    joined = RECIPE.read_text(encoding="utf-8").replace("\\\n", " ")
    return [
        re.sub(r"\s+", " ", line.partition(" ")[2]).strip()
        for line in joined.splitlines()
        if line.startswith(f"{instruction} ")
    ]


@pytest.mark.promise("operations-units")
def test_the_containers_steps_are_what_ci_runs() -> None:
    run = [step for step in steps("RUN") if not step.startswith(("apt-get update", "useradd"))]
    assert run == ["make .venv/.runtime", ".ci/run"]
    # What CI begins with makes that target, by the hashes of the lock.
    assert re.search(r"^make test$", (PROJECT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    for target in ("test", ".venv/.runtime"):
        made = subprocess.run(
            ["make", "--dry-run", "--always-make", target],
            cwd=PROJECT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "--require-hashes -r requirements.lock" in made.stdout


@pytest.mark.promise("operations-units")
def test_the_image_is_nobodys_root_and_holds_no_secret_and_no_data() -> None:
    text = RECIPE.read_text(encoding="utf-8")
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert last.index("COPY --from=build") < last.index("\nUSER ") < last.index("ENTRYPOINT")
    assert steps("VOLUME") == ["/data"]
    assert steps("ARG") == ["BASE=docker.io/library/python:3.11-slim-bookworm"]
    given = dict(word.split("=", 1) for line in steps("ENV") for word in line.split())
    secret = {name for name in given if re.search("TOKEN|PASSWORD|SECRET", name)}
    assert secret == {"SMARTCONNECT_TOKEN_FILE"}
    assert given["SMARTCONNECT_TOKEN_FILE"].startswith("/run/secrets/")
    ignored = (PROJECT / ".containerignore").read_text(encoding="utf-8").splitlines()
    assert {".env", ".env.*", "data", "data-*", ".git", ".venv"} <= set(ignored)
    assert (PROJECT / ".dockerignore").read_text("utf-8").splitlines() == ignored


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def healthy() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Health)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.promise("operations-units")
def test_the_health_check_tells_a_server_that_answers_from_none(healthy: int) -> None:
    (step,) = steps("HEALTHCHECK")
    _, *command = json.loads(step.partition("CMD ")[2])
    for port, code in ((healthy, 0), (free_port(), 1)):
        words = [word.replace(":4200/", f":{port}/") for word in command]
        done = subprocess.run([sys.executable, *words], capture_output=True, check=False)
        assert done.returncode == code


def test_the_page_installs_what_is_there() -> None:
    page = (PROJECT / "docs" / "deploy.md").read_text(encoding="utf-8")
    for unit in UNITS:
        assert unit.stem in page
    for told in re.findall(r"deploy/[\w./-]+\w", page):
        assert (PROJECT / told).exists(), told
