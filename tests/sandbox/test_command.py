"""`smartconnect sandbox`: help that explains, the same bytes for the same seed in any process, and
a record of what was served."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from flows.servers import program, running_sandbox_process

WINDOW = {"date_from": "02.02.2026", "date_to": "03.02.2026"}


def export_bytes(base_url: str, kind: str = "chats") -> bytes:
    token = {"token": "sandbox-token"}
    with httpx.Client(base_url=base_url, timeout=30) as http:
        started = http.post(f"/export/{kind}", json={**token, **WINDOW}).json()
        asked = {**token, "task_id": started["task_id"]}
        location = http.post(f"/export/{kind}/task", json=asked).json()["location"]
        return http.get(location).content


def users(base_url: str) -> list[dict[str, object]]:
    return list(httpx.post(f"{base_url}/users", json={"token": "sandbox-token"}).json()["users"])


def test_help_explains_every_option() -> None:
    asked = [program("smartconnect"), "sandbox", "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    for option in (
        "--corpus",
        "--selection",
        "--export-seconds",
        "--format",
        "--fault",
        "--record",
    ):
        assert option in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--selection", "both"), "message, thread"),
        (("--today", "2026-02-01"), "dd.mm.yyyy"),
        (("--fault", "fire"), "never-ready"),
    ],
)
def test_a_wrong_option_is_refused_with_what_there_is(options: tuple[str, str], said: str) -> None:
    done = subprocess.run(
        [program("smartconnect"), "sandbox", *options],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "300"},
    )
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_the_same_seed_makes_the_same_bytes_in_another_process(
    format_: str, tmp_path: Path
) -> None:
    made = []
    for number, seed in enumerate(("5", "5", "6")):
        options = ("--seed", seed, "--export-seconds", "0", "--format", format_, "--wrap", "zip")
        with running_sandbox_process(tmp_path / str(number), *options) as base_url:
            made.append((export_bytes(base_url), export_bytes(base_url, "statistics")))
    assert made[0] == made[1]
    assert made[0][0] != made[2][0]


def test_users_come_and_go_and_are_renamed(tmp_path: Path) -> None:
    lists = []
    for day in ("01.02.2026", "01.05.2026", "01.08.2026"):
        with running_sandbox_process(tmp_path / day, "--today", day) as base_url:
            lists.append({user["id"]: user["name"] for user in users(base_url)})
    february, may, august = lists
    assert february.keys() - may.keys()
    assert may.keys() - february.keys()
    assert any(february[number] != august[number] for number in february.keys() & august.keys())


def test_what_was_served_is_written_down(tmp_path: Path) -> None:
    record = tmp_path / "record"
    options = ("--record", str(record), "--export-seconds", "0")
    with running_sandbox_process(tmp_path / "sandbox", *options) as base_url:
        export_bytes(base_url)
        served = httpx.get(f"{base_url.removesuffix('/api')}/sandbox/served").json()
    lines = (record / "served.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == served
    assert [entry["event"] for entry in served] == ["start", "file"]
    assert served[1]["rows"] > 100
