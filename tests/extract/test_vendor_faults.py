"""Every fault of vendor and downloads, over real sockets: mended, or a typed failure in time."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import httpx
import pytest
from vendor import StartSandbox, exported, faults, injected, starts

from extract.errors import (
    DownloadIncomplete,
    DownloadRefused,
    DownloadTooLarge,
    EmptyDownload,
    ExportFailed,
    ExportTimedOut,
    ExtractError,
    InvalidReply,
    LocationExpired,
    LocationRefused,
    NotAnExport,
    RedirectRefused,
    TokenRefused,
    UnexpectedStatus,
    VendorBusy,
    VendorUnavailable,
)

PATIENCE_SECONDS = 60.0  # above every budget of an impatient client: a hang, not slowness
AT_START, AT_TASK = "@start_chats_export", "@get_chats_export_task"


def row(promise: str, *values: object) -> object:
    return pytest.param(*values, marks=pytest.mark.promise(promise), id=str(values[0]))


@pytest.fixture
def whole(start_sandbox: StartSandbox, tmp_path: Path) -> str:
    """The hash of the file that a vendor without faults sends."""
    return exported(start_sandbox(messages_per_day=40), tmp_path / "whole").sha256


MENDED = [
    row("vendor-429-seconds", "http-429*2"),
    row("vendor-429-date", "http-429-date*2"),
    row("vendor-429-absurd", "http-429-absurd*2"),
    row("vendor-500", "http-500*2"),
    row("vendor-503", "http-503*2"),
    row("vendor-timeout", f"timeout{AT_TASK}*1"),
    row("vendor-timeout", f"timeout{AT_START}*1"),
    row("vendor-reset", "reset*2"),
    row("vendor-drip", f"drip{AT_START}*1"),
    row("vendor-status-in-200", f"status-in-200{AT_TASK}*2"),
    row("vendor-lost-start", f"lost-reply{AT_START}*1"),
    row("vendor-lost-start", f"lost-reply{AT_TASK}*1"),
    row("vendor-expired-location", "expired-location"),
    row("download-short", "short-download*2"),
    row("download-cut-chunk", "cut-chunk*2"),
    row("download-wrong-type", "wrong-content-type"),
    row("vendor-429-seconds", "http-429@download*1"),
    row("vendor-500", "http-500@download*2"),
    row("vendor-reset", "reset@download*1"),
]


@pytest.mark.parametrize("fault", MENDED)
def test_a_fault_that_passes_is_mended_and_the_file_is_the_whole_one(
    fault: str, start_sandbox: StartSandbox, tmp_path: Path, whole: str
) -> None:
    sandbox = start_sandbox(messages_per_day=40, faults=faults(fault))
    file = exported(sandbox, tmp_path)
    assert file.sha256 == whole == hashlib.sha256(file.path.read_bytes()).hexdigest()
    assert sum(injected(sandbox).values()) >= 1
    assert not list((tmp_path / "journal").glob("*.json")), "an export that is used up"


FAILED = [
    row("vendor-429-absurd", "http-429-absurd", VendorUnavailable),
    row("vendor-500", f"http-500{AT_START}", VendorUnavailable),
    row("vendor-timeout", f"timeout{AT_START}", VendorUnavailable),
    row("vendor-drip", f"drip{AT_START}", VendorUnavailable),
    row("vendor-drip", "drip@download", DownloadIncomplete),
    row("vendor-status-in-200", f"status-in-200{AT_START}", VendorBusy),
    row("vendor-status-in-200", "unknown-status", UnexpectedStatus),
    row("vendor-invalid-json", f"not-json{AT_START}", InvalidReply),
    row("vendor-invalid-json", f"not-json{AT_TASK}", InvalidReply),
    row("vendor-huge-json", f"huge-json{AT_START}", VendorUnavailable),
    row("vendor-no-task-id", "no-task-id", InvalidReply),
    row("vendor-task-forgotten", "task-forgotten", ExportFailed),
    row("vendor-never-ready", "never-ready", ExportTimedOut),
    row("vendor-task-failed", "task-failed", VendorBusy),
    row("vendor-expired-location", "always-expired", LocationExpired),
    row("download-short", "short-download", DownloadIncomplete),
    row("download-cut-chunk", "cut-chunk", DownloadIncomplete),
    row("download-html", "html-download", NotAnExport),
    row("download-html", "empty-download", EmptyDownload),
    row("download-bomb", "bomb", DownloadTooLarge),
    row("download-redirect-loop", "redirect-loop@download", DownloadRefused),
    row("download-redirect-elsewhere", "redirect-elsewhere@download", LocationRefused),
    row("download-file-scheme", "file-scheme", LocationRefused),
    row("download-private-address", "location-elsewhere", LocationRefused),
    row("token-refused", "token-refused", TokenRefused),
    row("token-elsewhere", f"redirect-elsewhere{AT_START}", RedirectRefused),
]


@pytest.mark.parametrize(("fault", "kind"), FAILED)
def test_a_fault_that_stays_is_a_typed_failure_in_time_and_leaves_no_file(
    fault: str, kind: type[ExtractError], start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(messages_per_day=40, faults=faults(fault))
    caps = {"max_download_bytes": 50_000_000, "max_reply_bytes": 5_000_000}
    patience_seconds = 0.8 if kind is ExportTimedOut else 10
    began = time.monotonic()
    with pytest.raises(kind) as failed:
        exported(sandbox, tmp_path, job_deadline_seconds=patience_seconds, **caps)
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert type(failed.value) is kind
    assert all((failed.value.asked, failed.value.came, failed.value.cure))
    assert sandbox.token not in f"{failed.value!r} {failed.value}"
    assert not list(tmp_path.glob("incoming/*"))


@pytest.mark.promise("vendor-huge-json")
def test_an_answer_is_read_up_to_its_cap_and_no_further(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(faults=faults(f"huge-json{AT_START}"))
    with pytest.raises(VendorUnavailable, match="above 5000000 bytes"):
        exported(sandbox, tmp_path, max_reply_bytes=5_000_000, read_timeout_seconds=5, attempts=1)


@pytest.mark.promise("vendor-odd-task-id")
@pytest.mark.parametrize("odd", range(6))
def test_a_task_id_that_is_none_is_refused(
    odd: int, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(faults=faults("odd-task-id"))
    for _ in range(odd):  # each start of the sandbox has another odd id
        body = {"token": sandbox.token, "date_from": "01.01.2026", "date_to": "01.01.2026"}
        httpx.post(f"{sandbox.base_url}/export/chats", json=body)
    with pytest.raises(InvalidReply, match="task_id"):
        exported(sandbox, tmp_path)
    assert not list((tmp_path / "journal").glob("*.json"))


@pytest.mark.promise("vendor-lost-start")
def test_of_two_exports_that_a_lost_reply_made_one_is_taken(
    start_sandbox: StartSandbox, tmp_path: Path, whole: str
) -> None:
    sandbox = start_sandbox(messages_per_day=40, faults=faults(f"lost-reply{AT_START}*1"))
    assert exported(sandbox, tmp_path).sha256 == whole
    served = httpx.get(f"{sandbox.root_url}/sandbox/served").json()
    assert [entry["event"] for entry in served] == ["start", "start", "file"]


@pytest.mark.promise("vendor-never-ready")
def test_an_export_that_was_not_ready_in_time_is_waited_for_by_the_next_run(
    start_sandbox: StartSandbox, tmp_path: Path, whole: str
) -> None:
    sandbox = start_sandbox(messages_per_day=40, faults=faults("never-ready"))
    with pytest.raises(ExportTimedOut):
        exported(sandbox, tmp_path, job_deadline_seconds=0.8)
    httpx.post(f"{sandbox.root_url}/sandbox/faults", json=[])
    assert exported(sandbox, tmp_path).sha256 == whole
    assert starts(sandbox) == 1


@pytest.mark.promise("vendor-task-forgotten")
def test_a_task_that_the_vendor_forgot_since_is_replaced_by_a_new_one(
    start_sandbox: StartSandbox, tmp_path: Path, whole: str
) -> None:
    sandbox = start_sandbox(messages_per_day=40, faults=faults("never-ready"))
    with pytest.raises(ExportTimedOut):
        exported(sandbox, tmp_path, job_deadline_seconds=0.8)
    httpx.post(f"{sandbox.root_url}/sandbox/faults", json=["task-forgotten*1"])
    assert exported(sandbox, tmp_path).sha256 == whole
    assert starts(sandbox) == 2


@pytest.mark.promise("token-rotated")
def test_a_token_that_was_rotated_is_read_anew_once(
    start_sandbox: StartSandbox, tmp_path: Path, whole: str
) -> None:
    sandbox = start_sandbox(messages_per_day=40, export_seconds=0.3)
    file = tmp_path / "token"
    file.write_text(sandbox.token, encoding="utf-8")
    read: list[str] = []

    def token() -> str:
        if len(read) == 2:  # the export is under way: the vendor rotates, then the operator does
            new = {"token": "another-token"}
            httpx.post(f"{sandbox.root_url}/sandbox/token", json=new)
            read.append(file.read_text(encoding="utf-8"))
            file.write_text("another-token", encoding="utf-8")
            return read[-1]
        read.append(file.read_text(encoding="utf-8"))
        return read[-1]

    assert exported(sandbox, tmp_path, token).sha256 == whole
    assert set(read) == {sandbox.token, "another-token"}
    assert starts(sandbox) == 1


@pytest.mark.promise("token-refused")
def test_a_token_that_stays_refused_is_asked_twice_at_most(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(faults=faults("token-refused"))
    tokens = iter(("old", "new"))
    with pytest.raises(TokenRefused, match="the one read anew as well"):
        exported(sandbox, tmp_path, lambda: next(tokens))
    assert injected(sandbox) == {"token-refused": 2}


@pytest.mark.promise("token-elsewhere", "download-redirect-elsewhere")
@pytest.mark.parametrize(
    "fault",
    [f"redirect-elsewhere{AT_START}", "redirect-elsewhere@download", "location-elsewhere"],
)
def test_another_host_gets_neither_token_nor_connection_of_a_call(
    fault: str, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """The other host is a second sandbox, which would count whatever reached it."""
    other = start_sandbox(faults=faults("http-500"))
    sandbox = start_sandbox(
        messages_per_day=40,
        faults=faults(fault),
        elsewhere=f"{other.base_url}/export/chats",
        download_needs_token=True,
    )
    with pytest.raises((RedirectRefused, LocationRefused, DownloadRefused)):
        exported(sandbox, tmp_path)
    assert injected(other) == {}


@pytest.mark.promise("download-short-unannounced")
def test_half_a_file_without_its_length_is_known_by_its_open_last_line(
    start_sandbox: StartSandbox, tmp_path: Path, whole: str
) -> None:
    from transform.readers import ends_within_line  # noqa: PLC0415  (what flows/fetching.py asks)

    sandbox = start_sandbox(messages_per_day=40, faults=faults("short-download-chunked"))
    file = exported(sandbox, tmp_path)
    assert file.sha256 != whole
    assert not file.length_announced
    assert ends_within_line(file.path)


def test_faults_can_be_changed_while_the_sandbox_runs(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(faults=faults("http-500@list_users*2"))
    page = f"{sandbox.root_url}/sandbox/faults"
    assert httpx.get(page).json() == {"active": ["http-500@list_users*2"], "injected": {}}
    wanted = ["http-503%0.5", "drip@download:03.02.2026*3"]
    assert httpx.post(page, json=wanted).json()["active"] == wanted
    wrong = httpx.post(page, json=["fire"])
    assert (wrong.status_code, "http-503" in wrong.json()["error"]) == (400, True)
