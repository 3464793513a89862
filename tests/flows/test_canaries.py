"""All that a run writes, under every fault and at DEBUG, is searched for secrets and persons.

The token may stand nowhere; persons only where the data itself is kept. The run is a process of its
own with a Prefect server of its own, so that all it writes is below one directory: the data, logs,
Prefect's database and results, what it prints, and what it leaves in the temporary directory.

All faults at once, one a day; each also alone with `LONG=1`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from canaries.people import everyone
from canaries.searching import Searcher
from crashing.mailserver import PASSWORD, USER, lost, mail_server

from flows.servers import running_prefect
from sandbox.faults import ANSWERS, FAULTS, FILES, WIRE
from sandbox.server import RunningSandbox

TOKEN = "canary-token/9f3+ключ"
FIRST = date(2026, 1, 12)
MESSAGES = 5  # fewer clients than a hundred: each of them is looked for
STATE = ("warehouse.duckdb", "warehouse.duckdb.wal", "spare")
DAYS = 150
FORMATS = (
    {"format": "xlsx"},
    {"format": "json", "wrap": "gzip"},
    {"encoding": "cp1251", "wrap": "zip"},
)
DAMAGE = ("unreadable-file", "missing-column", "impossible-date", "short-download-chunked")
USERS_FAULTS = ("not-json", "users-halved", "users-empty")
# What stops a whole run is told of its own day alone.
STOPPING = ("token-refused",)
PATIENCE = {
    "POLL_MAX_SECONDS": "0.2",
    "READ_TIMEOUT_SECONDS": "0.5",
    "CALL_DEADLINE_SECONDS": "1.5",
    "DOWNLOAD_DEADLINE_SECONDS": "1.5",
    "EXPORT_DEADLINE_SECONDS": "2",
    "MAX_DOWNLOAD_BYTES": "1000000",
    "EXPORT_JOBS": "32",
    "DATE_TO": "inclusive",
    "SELECTION": "message",
}
Step = dict[str, object]
ONE, TWO, THREAD = "canary.one@example.org", "canary.two@example.org", "canary-thread-77"
REPORTS = {
    "SMTP_HOST": "127.0.0.1",
    "SMTP_SECURITY": "none",
    "SMTP_USER": USER,
    "SMTP_PASSWORD": PASSWORD,
    "SMTP_DEADLINE_SECONDS": "0",
    "REPORT_EMAIL_FROM": "robot@example.org",
    "REPORT_EMAIL_TO": f"{ONE}, {TWO}",
    "REPORT_CHANNEL_ACCOUNT": "101",
    "REPORT_THREAD": THREAD,
}


def written(day: date) -> str:
    return day.strftime("%d.%m.%Y")


def placed() -> list[str]:
    """Every fault wherever it may strike in the making of a day, each for a day of its own."""
    days = (written(FIRST + timedelta(days=number)) for number in range(366))
    late = ("get_chats_export_task", "download")
    at = [(name, f"@{place}") for name in WIRE for place in late]
    at += [(name, "@get_chats_export_task") for name in ("not-json", "huge-json", "lost-reply")]
    at += [(name, "") for name in FAULTS if name not in STOPPING and not name.startswith("users-")]
    return [f"{name}{where}:{next(days)}" for name, where in at]


def clean_day() -> str:
    """The day after those of the faults: nothing strikes in its making, so that it is loaded."""
    return written(FIRST + timedelta(days=len(placed())))


def all_steps(url: str, long_run: bool) -> list[Step]:
    faults = placed()
    window, clean = [written(FIRST), clean_day()], [clean_day()] * 2
    users = [*WIRE, *ANSWERS] if long_run else USERS_FAULTS
    alone = FAULTS if long_run else STOPPING
    return [
        {"url": url, "faults": faults, "backfill": window},
        {"url": url, "faults": [], "users": True},
        *(
            {
                "url": url,
                "faults": [f"{name}@list_users" if name in WIRE else name],
                "users": True,
            }
            for name in users
        ),
        *({"url": url, "faults": [name], "backfill": clean} for name in alone),
        {"url": url, "faults": [], "broken": clean},
    ]


def report_steps(url: str, port: int) -> list[Step]:
    """A doubt and a refusal; a login that is refused; a day that isn't loaded."""
    told = {f"SMARTCONNECT_{name}": value for name, value in REPORTS.items()}
    told["SMARTCONNECT_SMTP_PORT"] = str(port)
    wrong = {"SMARTCONNECT_SMTP_PASSWORD": PASSWORD + "-wrong"}
    step: Step = {"url": url, "faults": []}
    return [
        {**step, "report": clean_day(), "env": told},
        {**step, "report": clean_day(), "env": told},
        {**step, "report": written(FIRST + timedelta(days=1)), "env": wrong},
        {**step, "report": written(FIRST - timedelta(days=1)), "env": told},
    ]


def file_steps(url: str, first: date, long_run: bool) -> list[Step]:
    """A sandbox of another format, with what may be wrong in a file."""
    names = list(FILES) if long_run else list(DAMAGE)
    days = [written(first + timedelta(days=number)) for number in range(len(names))]
    faults = [f"{name}:{day}" for name, day in zip(names, days, strict=True)]
    datasets = ["chats", "statistics"]
    return [{"url": url, "faults": faults, "backfill": [days[0], days[-1]], "datasets": datasets}]


@pytest.fixture(scope="module")
def token() -> Searcher:
    return Searcher({"token": TOKEN})


@pytest.fixture
def canary_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A Prefect server below `tmp_path` that tells all it does; and all other places."""
    for name in ("home", "tmp", "prefect"):
        (tmp_path / name).mkdir()
    told = {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG",
        "PREFECT_SERVER_LOGGING_LEVEL": "DEBUG",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "extract,flows,transform,warehouse",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with running_prefect(tmp_path / "prefect") as api:
        yield {**told, "PREFECT_API_URL": api}


@pytest.mark.rehearsal
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.promise("secrets-token", "secrets-personal", "secrets-modes", "report-secrets")
def test_no_secret_and_no_person_is_written_where_none_belongs(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    canary_environment: dict[str, str],
    token: Searcher,
    tmp_path: Path,
    long_run: bool,
) -> None:
    sandbox = start_sandbox(messages_per_day=MESSAGES, token=TOKEN, max_running=64)
    data = sandbox_settings(sandbox, **PATIENCE)
    steps = all_steps(sandbox.base_url, long_run)
    for number, options in enumerate(FORMATS):
        other = start_sandbox(messages_per_day=MESSAGES, token=TOKEN, max_running=64, **options)
        first = FIRST + timedelta(days=DAYS - (number + 1) * len(FILES))
        steps += file_steps(other.base_url, first, long_run)
    with (
        mail_server(login=True) as (mails, port),
        (tmp_path / "printed.log").open("wb") as printed,
    ):
        mails.refused_recipients[TWO] = f"550 no mailbox {TWO} here"
        mails.answers = [lost()]
        steps += report_steps(sandbox.base_url, port)
        subprocess.run(
            [sys.executable, str(Path(__file__).with_name("canary_run.py")), json.dumps(steps)],
            env={**os.environ, **canary_environment},
            stdout=printed,
            stderr=subprocess.STDOUT,
            check=True,
            timeout=1200,
        )
    said = (tmp_path / "printed.log").read_text(encoding="utf-8")
    _assert_all_struck(said)
    persons = everyone(
        [FIRST + timedelta(days=number) for number in range(DAYS)],
        messages_per_day=MESSAGES,
    )
    assert "DEBUG:httpcore" in said
    assert "StageFailed" in said
    assert persons.below(data / "raw")
    assert persons.below(data / "reports")
    assert len(mails.of(ONE)) == 2
    assert all(error in said for error in ("SendUncertain", "NotDelivered", "(535)", "(550)"))
    to_whom = {"one": ONE, "two": TWO, "thread": THREAD, "user": USER, "password": PASSWORD}
    assert Searcher(to_whom).below(tmp_path) == {}
    kept = [data / name for name in ("raw", "lake", "quarantine", "releases", "reports")]
    kept += [data / "state" / name for name in STATE]
    assert token.below(tmp_path) == {}
    assert persons.below(tmp_path, leaving_out=kept) == {}
    private = [tmp_path / "prefect" / name for name in ("prefect.db", "server.log")]
    assert [path.stat().st_mode & 0o777 for path in private] == [0o600, 0o600]


def _assert_all_struck(said: str) -> None:
    struck = json.loads(said.rpartition("STRUCK ")[2].splitlines()[0])
    assert set(struck[0]) == set(FAULTS)
    assert all(set(DAMAGE) <= set(others) for others in struck[1:])
    assert len(struck) == 1 + len(FORMATS)
