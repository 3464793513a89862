"""`smartconnect doctor` tells what is so, over real sockets, and nothing that it can't know."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from oddvendor import odd_vendor
from rich.console import Console

from flows.doctor import examine, run_doctor
from flows.findings import Findings, Verdict
from sandbox.options import Fault
from sandbox.server import RunningSandbox

Start = Callable[..., RunningSandbox]
Point = Callable[..., Path]
# Where it is midday now, so that the newest message is a recent one whenever this runs.
MIDDAY_HOURS = (13 - datetime.now(UTC).hour + 11) % 24 - 11


def zone_of(hours: int) -> str:
    return f"Etc/GMT{-hours:+d}"  # POSIX counts the other way round


# Some a minute on a Sunday as well, so that the newest one is never minutes old.
LIVELY = {"messages_per_day": 6000, "time_zone": zone_of(MIDDAY_HOURS)}
OPERATIONS = (
    "send_message", "start_bulk", "get_bulk_task", "list_channel_accounts", "start_chats_export",
    "get_chats_export_task", "start_statistics_export", "get_statistics_export_task",
    "list_users", "get_user",
)  # fmt: skip


def verdicts(findings: Findings) -> dict[str, Verdict]:
    return {line.name: line.verdict for line in findings.lines}


def said(findings: Findings, name: str) -> str:
    return next(line.said for line in findings.lines if line.name == name)


def examined(wait_seconds: float = 10) -> Findings:
    return examine(lambda _: None, wait_seconds=wait_seconds)


def odd_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, base_url: str, **more: str
) -> None:
    monkeypatch.chdir(tmp_path)
    values = {
        "SANDBOX": "true",
        "TOKEN": "canary-token",
        "BASE_URL": base_url,
        "DATA_DIR": str(tmp_path / "data"),
        "POLL_FIRST_SECONDS": "0.02",
        **more,
    }
    for name, value in values.items():
        monkeypatch.setenv(f"SMARTCONNECT_{name}", value)


@pytest.mark.parametrize(
    ("options", "format_", "download", "pasted"),
    [
        pytest.param(
            {},
            "delimited, utf-8, delimiter ;",
            "at the API's host",
            {"DATE_TO": "inclusive", "SELECTION": "message"},
            id="as it is",
        ),
        pytest.param(
            {
                "date_to": "exclusive",
                "selection": "thread",
                "format": "xlsx",
                "location": "relative",
                "download_needs_token": True,
            },
            "spreadsheet",
            "relative to the base URL, and needs the token",
            {"DATE_TO": "exclusive", "SELECTION": "thread"},
            id="all otherwise",
        ),
        pytest.param(
            {
                "selection": "thread",
                "encoding": "utf-8-sig",
                "wrap": "zip",
                "pending_status": 299,
                "headers": "en",
                "export_seconds": 0.3,
            },
            "zip, delimited, utf-8-sig, delimiter ;",
            "at the API's host",
            {
                "DATE_TO": "inclusive",
                "SELECTION": "thread",
                "STATUS_MEANINGS": '\'{"299": "pending"}\'',
            },
            id="an unknown status until ready",
        ),
        pytest.param(
            {"date_to": "exclusive", "format": "json", "wrap": "gzip"},
            "gzip, json",
            "at the API's host",
            {"DATE_TO": "exclusive", "SELECTION": "message"},
            id="json",
        ),
    ],
)
def test_it_finds_the_right_answers_for_four_vendors(
    start_sandbox: Start,
    sandbox_settings: Point,
    options: dict[str, Any],
    format_: str,
    download: str,
    pasted: dict[str, str],
) -> None:
    zone = zone_of(MIDDAY_HOURS)
    data = sandbox_settings(start_sandbox(**LIVELY, **options), TIME_ZONE=zone)
    findings = examined()
    found = verdicts(findings)
    assert found == dict.fromkeys(found, Verdict.OK), findings.lines
    assert set(OPERATIONS) <= found.keys()
    assert format_ in said(findings, "format")
    assert download in said(findings, "download")
    pasted = {**pasted, "TIME_ZONE": zone}
    assert findings.settings == {f"SMARTCONNECT_{name}": value for name, value in pasted.items()}
    assert not data.exists()  # a base URL that was mistyped must not claim the directory


def test_what_is_set_otherwise_than_the_vendor_is_said_with_the_setting_to_paste(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox = start_sandbox(**LIVELY, date_to="exclusive")
    # Two hours towards Greenwich: there is no zone thirteen hours west of it.
    said_zone = zone_of(MIDDAY_HOURS - 2 if MIDDAY_HOURS > 0 else MIDDAY_HOURS + 2)
    more = {"TIME_ZONE": said_zone, "DATE_TO": "inclusive", "USER_ID_FIELD": "operator"}
    sandbox_settings(sandbox, **more)
    findings = examined()
    wrong = {name for name, verdict in verdicts(findings).items() if verdict is Verdict.WRONG}
    assert wrong == {"date_to", "time zone", "get_user"}
    assert f"writes UTC{MIDDAY_HOURS:+d}, not {said_zone}" in said(findings, "time zone")
    assert findings.settings["SMARTCONNECT_USER_ID_FIELD"] in ("id", "uid")
    assert findings.settings["SMARTCONNECT_DATE_TO"] == "exclusive"
    assert "SMARTCONNECT_TIME_ZONE" not in findings.settings


def test_a_refused_token_is_said_and_shown_nowhere(
    start_sandbox: Start, sandbox_settings: Point, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox_settings(start_sandbox(messages_per_day=20), TOKEN="canary-token")
    assert run_doctor(Console(), wait_seconds=5) == 1
    told = capsys.readouterr().out
    assert "WRONG    token: the vendor refuses the token" in told
    assert "exports: could not be found out, because the token is refused" in told
    assert "canary-token" not in told


def test_a_vendor_that_cannot_be_reached_is_asked_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    odd_settings(monkeypatch, tmp_path, "https://127.0.0.1:9/api")
    findings = examined()
    assert verdicts(findings)["TLS"] is Verdict.WRONG
    assert verdicts(findings)["operations"] is Verdict.UNKNOWN
    odd_settings(monkeypatch, tmp_path, "https://nowhere.invalid/api")
    assert verdicts(examined())["DNS"] is Verdict.WRONG


def test_exports_that_fail_leave_unknown_what_they_would_have_shown(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    faults = (Fault.parse("never-ready"),)
    sandbox_settings(start_sandbox(messages_per_day=20, faults=faults))
    findings = examined(wait_seconds=0.3)
    found = verdicts(findings)
    assert found["start_chats_export"] is Verdict.OK
    for name in ("get_chats_export_task", "format", "date_to", "selection", "time zone"):
        assert found[name] is Verdict.UNKNOWN
        assert "no export was ready in 0.3 s" in said(findings, name)


@pytest.mark.promise("doctor-no-guess")
def test_a_failed_first_export_is_never_taken_for_an_excluded_date_to(
    start_sandbox: Start, sandbox_settings: Point
) -> None:
    faults = (Fault.parse("task-forgotten*1"), Fault.parse("unreadable-file*1"))
    for fault in faults:
        sandbox_settings(start_sandbox(messages_per_day=100, faults=(fault,)))
        findings = examined()
        assert verdicts(findings)["date_to"] is Verdict.UNKNOWN, fault
        assert not findings.all_right


# -- vendors that the sandbox isn't


def company(location: str = "files/1.csv", status: int = 200, rows: str = "") -> dict[str, Any]:
    """Answers of a company with two users and exports with these rows."""
    header = "ID сообщения;ID чата;Дата и время;Направление;Текст сообщения\n"

    def user(given: dict[str, Any]) -> dict[str, Any]:
        return {"status": status, "user": {"id": given.get("user_id"), "name": "x"}}

    return {
        "/users": lambda _: {"status": status, "users": [{"id": "a7"}, {"id": "b8"}]},
        "/users/user": user,
        "/bulk/accounts": lambda _: {"status": status, "accounts": []},
        "/export/chats": lambda _: {"status": status, "task_id": 1},
        "/export/chats/task": lambda _: {"status": status, "location": location},
        "/files/1.csv": lambda _: (200, (header + rows).encode()),
        "/export/statistics": lambda _: (404, b"no such page"),
    }


def test_a_status_of_its_own_a_silent_clock_and_an_empty_company(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with odd_vendor(company(status=7)) as url:
        odd_settings(monkeypatch, tmp_path, url)
        findings = examined()
    found = verdicts(findings)
    assert "no Date header" in said(findings, "clock")
    assert found["clock"] is Verdict.UNKNOWN
    assert json.loads(findings.settings["SMARTCONNECT_STATUS_MEANINGS"].strip("'")) == {"7": "ok"}
    assert found["list_users"] is found["start_chats_export"] is Verdict.OK
    assert findings.settings["SMARTCONNECT_USER_ID_FIELD"] == "user_id"
    for name in ("date_to", "selection", "time zone"):
        assert found[name] is Verdict.UNKNOWN
        assert "have no message" in said(findings, name)


def test_a_path_that_is_another_and_a_clock_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = company()
    answers["/v2/users"] = answers.pop("/users")
    with odd_vendor(answers, date="Tue, 03 Feb 2026 10:00:00 GMT") as url:
        odd_settings(monkeypatch, tmp_path, url)
        findings = examined()
        found = verdicts(findings)
        assert found["clock"] is found["list_users"] is Verdict.WRONG
        assert "SMARTCONNECT_ROUTES" in said(findings, "list_users")
        assert found["get_user"] is Verdict.UNKNOWN
        assert found["token"] is Verdict.OK
        routes = '{"list_users": "/v2/users"}'
        odd_settings(monkeypatch, tmp_path, url, ROUTES=routes)
        assert verdicts(examined())["list_users"] is Verdict.OK


def test_a_location_without_the_port_is_told_without_its_signature(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with odd_vendor(company(location="http://127.0.0.1/files/1.csv?signature=canary")) as url:
        odd_settings(monkeypatch, tmp_path, url)
        findings = examined()
    assert verdicts(findings)["download"] is Verdict.WRONG
    assert "127.0.0.1 (no port) where the API is at" in said(findings, "download")
    assert "canary" not in str(findings.lines)
    assert verdicts(findings)["format"] is Verdict.UNKNOWN


@pytest.mark.promise("doctor-no-guess")
def test_dates_and_zone_that_do_not_show_stay_unknown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Always the same few rows, whatever is asked: of this morning, hours apart."""
    now = datetime.now(ZoneInfo("Europe/Moscow")).replace(tzinfo=None)
    moments = [now - timedelta(days=2, hours=hours) for hours in (0, 5, 10)]
    rows = "".join(f"{n};t{n};{m:%d.%m.%Y %H:%M:%S};in;x\n" for n, m in enumerate(moments))
    with odd_vendor(company(rows=rows)) as url:
        odd_settings(monkeypatch, tmp_path, url)
        findings = examined()
    found = verdicts(findings)
    assert found["time zone"] is Verdict.UNKNOWN
    assert found["selection"] is Verdict.UNKNOWN or found["date_to"] is Verdict.WRONG
    assert found["start_statistics_export"] is Verdict.WRONG
