"""Three companies on one real server with one worker: one is refused, one is told to come later,
and the third doesn't notice. Then one goes, and comes back.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hosting import Host, running_host, wait_for

from flows.backfill import backfill
from flows.personal import data_directory
from flows.servers import program
from flows.settings import load_settings
from sandbox.options import Fault
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
]
WINDOW = {"date_from": "02.02.2026", "date_to": "03.02.2026"}
SHOWN = "SELECT * EXCLUDE (load_id, observed_at) FROM chats ORDER BY message_id"
TOKENS = {"fine": "canary-of-fine", "refused": "canary-of-refused", "busy": "canary-of-busy"}
Start = Callable[..., RunningSandbox]


def settings_of(key: str, running: RunningSandbox) -> str:
    return (
        f"SMARTCONNECT_TOKEN={TOKENS[key]}\nSMARTCONNECT_BASE_URL={running.base_url}\n"
        "SMARTCONNECT_SANDBOX=true\nSMARTCONNECT_DATE_TO=inclusive\n"
        "SMARTCONNECT_SELECTION=message\nSMARTCONNECT_CALL_DEADLINE_SECONDS=20\n"
    )


@pytest.fixture
def vendors(start_sandbox: Start) -> dict[str, RunningSandbox]:
    return {
        "fine": start_sandbox(token=TOKENS["fine"], messages_per_day=50, seed=1),
        "refused": start_sandbox(token="rotated-since", messages_per_day=50, seed=2),
        "busy": start_sandbox(token=TOKENS["busy"], seed=3, faults=(Fault("http-429"),)),
    }


@pytest.fixture
def host(vendors: dict[str, RunningSandbox], tmp_path: Path) -> Iterator[Host]:
    home = tmp_path / "home"
    (home / "companies").mkdir(parents=True)
    for key, running in vendors.items():
        (home / "companies" / f"{key}.env").write_text(settings_of(key, running))
    with running_host(tmp_path, SMARTCONNECT_HOME=str(home)) as found:
        yield found


def begin(host: Host, key: str) -> str:
    path = f"{host.api}/deployments/name/backfill/backfill-{key}"
    deployment = httpx.get(path, timeout=30).json()["id"]
    run = host.call(f"/deployments/{deployment}/create_flow_run", parameters=WINDOW)
    return str(run["id"])


def run_of(host: Host, run: str) -> dict[str, Any]:
    return dict(httpx.get(f"{host.api}/flow_runs/{run}", timeout=120).json())


def ended(host: Host, run: str) -> bool:
    return run_of(host, run)["state_type"] in ("COMPLETED", "FAILED", "CRASHED")


def deployments(host: Host) -> dict[str, dict[str, Any]]:
    found = host.call("/deployments/filter", limit=200)
    return {deployment["name"]: deployment for deployment in found}


def deploy(host: Host) -> str:
    command = [program("smartconnect"), "deploy"]
    done = subprocess.run(
        command, env=host.environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alone(running: RunningSandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirectory:
    """The same days of a company that is the only one."""
    folder.mkdir()
    monkeypatch.setenv("SMARTCONNECT_HOME", str(folder))
    (folder / ".env").write_text(settings_of("fine", running))
    asyncio.run(backfill(**WINDOW))  # type: ignore[arg-type]
    return data_directory(load_settings())


@pytest.mark.promise("companies-apart")
def test_a_company_that_is_refused_and_one_that_is_busy_do_not_disturb_the_third(
    host: Host,
    vendors: dict[str, RunningSandbox],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host.call("/work_pools/", name="smartconnect", type="process", concurrency_limit=7)
    with host.worker(within_seconds=300):  # 36 deployments are made first
        pool = httpx.get(f"{host.api}/work_pools/smartconnect", timeout=60).json()
        assert pool["concurrency_limit"] == 7  # whoever set it has a reason
        runs = {key: begin(host, key) for key in ("busy", "refused", "fine")}
        for key in ("fine", "refused", "busy"):
            wait_for(lambda run=runs[key]: ended(host, run), 600)  # type: ignore[misc]
        fine, refused, busy = (run_of(host, runs[key]) for key in ("fine", "refused", "busy"))
        artifacts = {a["key"] for a in host.call("/artifacts/filter") if a["key"]}
    assert "429" in busy["state"]["message"]
    assert fine["state_name"] == "Completed", fine["state"]["message"]
    assert (fine["name"].endswith(" · fine"), fine["tags"]) == (True, ["company:fine"])
    assert "refused" in refused["name"]
    assert "TokenRefused" in refused["state"]["message"]
    assert artifacts
    assert all(key.endswith(tuple(TOKENS)) for key in artifacts)
    # Nobody's data in anybody else's place, and what each has is what it would have alone.
    data = {key: DataDirectory(tmp_path / "home" / "data" / f"company={key}") for key in TOKENS}
    assert not data["refused"].current.exists()
    assert query_release(data["busy"], "SELECT count(*) FROM chats").rows == [(0,)]
    assert not list(data["refused"].raw.rglob("*.csv"))
    only = alone(vendors["fine"], tmp_path / "alone", monkeypatch)
    assert query_release(data["fine"], SHOWN).rows == query_release(only, SHOWN).rows
    kept = b"".join(path.read_bytes() for path in (tmp_path / "server").rglob("*.db*"))
    assert not [token for token in TOKENS.values() if token.encode() in kept]


@pytest.mark.promise("companies-deployed")
def test_what_belongs_to_a_company_that_is_gone_is_paused_and_goes_on_when_it_is_back(
    host: Host, tmp_path: Path
) -> None:
    assert "Installed: smartconnect (busy): no nightly for 26 hours" in deploy(host)
    first = deployments(host)
    assert {"nightly-fine", "backfill-busy", "tell-refused"} <= set(first)
    assert "nightly" not in first
    assert not any(s["active"] for s in first["ingest-callbacks-fine"]["schedules"])
    zones = {s["schedule"]["timezone"] for d in first.values() for s in d["schedules"]}
    assert zones == {"Europe/Moscow"}
    file = tmp_path / "home" / "companies" / "busy.env"
    kept = file.read_text()
    file.unlink()
    assert "Removed: smartconnect (busy): no nightly" in deploy(host)
    assert {n for n, d in deployments(host).items() if d["paused"]} == {
        name for name in first if name.endswith("-busy")
    }
    automations = [found["name"] for found in host.call("/automations/filter", limit=200)]
    assert not [name for name in automations if "(busy)" in name]
    assert len([name for name in automations if "(fine)" in name]) == 4  # no callbacks
    file.write_text(
        f"{kept}SMARTCONNECT_TIME_ZONE=Asia/Omsk\nSMARTCONNECT_NIGHTLY_CRON=7 1 * * *\n"
    )
    deploy(host)
    back = deployments(host)
    assert not [name for name, found in back.items() if found["paused"]]
    (schedule,) = back["nightly-busy"]["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == (
        "7 1 * * *",
        "Asia/Omsk",
    )
    file.write_text("SMARTCONNECT_EXPORT_JOBS=many\n")  # it stays as it was, and the others go on
    said = deploy(host)
    assert "Not deployed: A setting of company busy can't be used: SMARTCONNECT_EXPORT_JOBS" in said
    assert not [name for name, found in deployments(host).items() if found["paused"]]
