"""Reports of what is loaded, in whole runs: real data, Prefect's real API, real mail and chat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from crashing.mailserver import Mails, lost, mail_server
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from typer.testing import CliRunner

from extract.errors import SendUncertain
from flows import reportdays
from flows.backfill import backfill
from flows.cli import app
from flows.errors import InvalidWindow
from flows.report import report, report_daily, report_monthly, report_weekly
from flows.reportdays import Unready, period_between, period_of, unready_days
from flows.settings import load_settings
from sandbox.company import InventedCompany
from sandbox.server import RunningSandbox
from transform.pseudonyms import add_key
from warehouse.errors import NoSuchRelease
from warehouse.figures import Period
from warehouse.layout import DataDirectory

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("prefect_api")]
TO, THREAD = "canary.director@example.org", "canary-thread-77"
MONDAY = date(2026, 2, 2)
DAY, NEXT = MONDAY, MONDAY + timedelta(days=1)
Start, Point = Callable[..., RunningSandbox], Callable[..., Path]


class Company:
    """A company's data, and where its reports go."""

    def __init__(self, mails: Mails, sandbox: RunningSandbox, data: Path) -> None:
        self.mails, self.sandbox, self.data = mails, sandbox, data

    def load(self, first: date, last: date | None = None) -> None:
        asyncio.run(backfill(date_from=first, date_to=last or first, datasets=["chats"]))  # type: ignore[list-item]

    def faults(self, *named: str) -> None:
        url = f"{self.sandbox.root_url}/sandbox/faults"
        httpx.post(url, json=list(named)).raise_for_status()

    def chat(self) -> list[str]:
        sent = httpx.get(f"{self.sandbox.root_url}/sandbox/sent").json()["messages"]
        return [str(message["message"]) for message in sent]

    def told(self, kind: str, period: str) -> dict[str, Any]:
        path = self.data / "reports" / kind / period / "report.json"
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def artifact(self, key: str = "report") -> str:
        by_key = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        with get_client(sync_client=True) as client:
            found = client.read_artifacts(artifact_filter=by_key)
        return str(max(found, key=lambda artifact: str(artifact.created)).data)


@pytest.fixture
def company(start_sandbox: Start, sandbox_settings: Point) -> Iterator[Company]:
    sandbox = start_sandbox(messages_per_day=80)
    with mail_server() as (mails, port):
        data = sandbox_settings(
            sandbox,
            DATE_TO="inclusive",
            SELECTION="message",
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(port),
            SMTP_SECURITY="none",
            SMTP_DEADLINE_SECONDS="0",
            REPORT_EMAIL_FROM="robot@example.org",
            REPORT_EMAIL_TO=TO,
            REPORT_CHANNEL_ACCOUNT="101",
            REPORT_THREAD=THREAD,
            REPORT_COMPANY="Ромашка",
            REPORT_WAIT_SECONDS="0",
            DASHBOARD_URL="https://dash.example.org/",
        )
        yield Company(mails, sandbox, data)


@pytest.mark.promise("report-once")
def test_a_daily_report_is_made_told_and_delivered_once(company: Company) -> None:
    company.load(DAY)
    asyncio.run(report_daily(date=DAY))
    folder = company.data / "reports" / "day" / "2026-02-02"
    told = company.told("day", "2026-02-02")
    assert (told["kind"], told["language"], told["release"], told["missing"]) == (
        "day",
        "ru",
        1,
        [],
    )
    assert {"report.html", "report.xlsx", "card.png"} <= set(told["files"])
    assert {path.name for path in folder.iterdir()} == {*told["files"], "report.json"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    (mail,) = company.mails.of(TO)
    assert str(mail["Subject"]).startswith("Ромашка: Отчёт за день: понедельник, 2 февраля")
    attached = {part.get_filename() for part in mail.iter_attachments()}
    assert attached == {"report.html", "report.xlsx"}
    (text,) = company.chat()
    assert text.startswith("Отчёт за день: понедельник, 2 февраля")
    shown = company.artifact()
    assert "Отчёт за день: понедельник, 2 февраля" in shown
    assert "data:image/png;base64,iVBOR" in shown
    assert str(folder / "report.html") in shown
    assert "https://dash.example.org/reports/day/2026-02-02/report.html" in shown
    assert "/reports/day/2026-02-02/report.html" in company.artifact("report-link")
    link = "https://dash.example.org/?from=2026-02-02&to=2026-02-02"
    assert text.endswith(f"\n{link}")
    assert f"[Dashboard]({link})" in shown
    asyncio.run(report_daily(date=DAY, language="en"))
    assert company.told("day", "2026-02-02")["language"] == "en"
    assert (len(company.mails.received), len(company.chat())) == (1, 1)


@pytest.mark.promise("report-not-loaded")
def test_a_day_that_is_not_loaded_is_said_to_be_missing_and_reported_once_it_is(
    company: Company,
) -> None:
    with pytest.raises(NoSuchRelease):
        asyncio.run(report_daily(date=DAY))
    company.load(DAY)
    asyncio.run(report_daily(date=NEXT))
    (mail,) = company.mails.of(TO)
    assert list(mail.iter_attachments()) == []
    body = mail.get_body(("plain",))
    assert body is not None
    (text,) = company.chat()
    for said in (body.get_content(), text, company.artifact()):
        assert "3 февраля" in said
        assert "0 сообщений" not in said
    assert "not loaded: 03\\.02\\.2026" in company.artifact().replace(".", "\\.")
    assert company.told("day", "2026-02-03")["missing"] == ["2026-02-03"]
    company.load(NEXT)
    asyncio.run(report_daily(date=NEXT))
    assert len(list(company.mails.of(TO)[1].iter_attachments())) == 2
    assert len(company.chat()) == 2
    assert company.told("day", "2026-02-03")["missing"] == []


@pytest.mark.promise("report-not-loaded")
def test_a_report_waits_for_its_day_and_has_its_figures(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reportdays, "LOOK_SECONDS", 0.05)
    company.load(DAY)

    async def both() -> None:
        waiting = asyncio.create_task(report_daily(date=NEXT, wait_seconds=120))
        await asyncio.sleep(0.5)
        assert not company.mails.received
        await backfill(date_from=NEXT, date_to=NEXT, datasets=["chats"])  # type: ignore[arg-type, list-item]
        await waiting

    asyncio.run(both())
    (mail,) = company.mails.of(TO)
    assert len(list(mail.iter_attachments())) == 2


@pytest.mark.promise("report-not-loaded")
def test_days_are_missing_held_or_early_until_they_are_ready(company: Company) -> None:
    layout, zone = DataDirectory(company.data), load_settings().zone
    week = Period.week(MONDAY)
    assert len(unready_days(layout, week, zone).missing) == 7
    company.load(MONDAY, MONDAY + timedelta(days=6))
    assert not unready_days(layout, week, zone)
    company.faults("smaller-day:03.02.2026")
    company.load(NEXT)
    company.load(MONDAY + timedelta(days=7))  # a hold alone makes no release
    found = unready_days(layout, week, zone)
    assert found == Unready(held=(NEXT,))
    assert str(found) == "held: 03.02.2026"
    today = load_settings().today().date()
    company.load(today)
    assert unready_days(layout, Period.day(today), zone) == Unready(early=(today,))
    asyncio.run(report_weekly(date=date(2026, 2, 8)))
    assert company.told("week", "2026-02-02_2026-02-08")["missing"] == []
    assert "held: 03" in company.artifact()


@pytest.mark.promise("report-not-loaded")
def test_a_month_with_days_that_are_missing_says_which(company: Company) -> None:
    company.load(DAY, NEXT)
    asyncio.run(report_monthly(date=DAY, language="en"))
    told = company.told("month", "2026-02")
    assert len(told["missing"]) == 26
    assert "2026-02-02" not in told["missing"]
    (text,) = company.chat()
    assert "26" in text
    assert "not loaded: 01" in company.artifact()


def test_a_report_that_may_have_been_sent_fails_with_its_cure_and_the_alert_chat_is_told(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_ALERT_CHANNEL_ACCOUNT", "101")
    monkeypatch.setenv("SMARTCONNECT_ALERT_THREAD", "alerts")
    company.load(DAY)
    company.mails.answers = [lost()]
    with pytest.raises(SendUncertain, match=r"report --day 02\.02\.2026 --send-again"):
        asyncio.run(report_daily(date=DAY))
    assert any("FAILED (SendUncertain)" in text for text in company.chat())
    done = CliRunner().invoke(app, ["report", "--day", "02.02.2026", "--send-again"])
    assert done.exit_code == 0, done.output
    assert "recipient 1 of 1: sent\n" in done.output
    assert "the chat: sent before" in done.output
    assert len(company.mails.received) == 2


def test_by_hand_nothing_is_sent_unless_it_is_asked_for(company: Company, tmp_path: Path) -> None:
    company.load(DAY, NEXT)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.png").write_bytes(b"mine")
    window = ["report", "--from", "02.02.2026", "--to", "03.02.2026"]
    done = CliRunner().invoke(app, [*window, "--language", "en", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert str(tmp_path / "out" / "report.html") in done.output.replace("\n", "")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert 'lang="en"' in page
    assert (tmp_path / "out" / "mine.png").exists()
    asyncio.run(report(date_from=DAY, date_to=NEXT))
    assert company.told("other", "2026-02-02_2026-02-03")["language"] == "ru"
    assert (company.mails.received, company.chat()) == ([], [])
    done = CliRunner().invoke(app, [*window, "--send"])
    assert done.exit_code == 0, done.output
    assert (len(company.mails.received), len(company.chat())) == (1, 1)
    assert "canary" not in done.output


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--day", "01.02.2026", "--week", "01.02.2026"], "Name one period"),
        (["--to", "01.02.2026"], "--to needs --from"),
        (["--day", "2026-02-01"], "dd.mm.yyyy"),
        (["--month", "01.12.2999"], "isn't over"),
        (["--language", "fr"], "--language is one of ru, en"),
        (["--send", "--day", "01.02.2026"], "Nobody is named to send it to"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    asked: list[str], said: str, start_sandbox: Start, sandbox_settings: Point
) -> None:
    sandbox_settings(start_sandbox())
    done = CliRunner().invoke(app, ["report", *asked])
    assert done.exit_code == 1
    assert said in done.output


def test_the_period_that_is_meant_is_the_last_one_that_is_over() -> None:
    monday = date(2026, 11, 23)
    assert period_of("day", None, monday) == Period.day(date(2026, 11, 22))
    assert period_of("week", None, monday) == Period.week(date(2026, 11, 16))
    assert period_of("month", None, date(2026, 12, 1)) == Period.month(date(2026, 11, 30))
    assert period_between(date(2026, 11, 1), None, monday).last == date(2026, 11, 22)
    for kind in ("day", "week", "month"):
        with pytest.raises(InvalidWindow, match="isn't over"):
            period_of(kind, monday, monday)  # type: ignore[arg-type]
    with pytest.raises(InvalidWindow, match="isn't over yet"):
        period_between(monday, monday, monday)


@pytest.mark.promise("personal-erased")
def test_an_erasure_removes_the_reports_and_they_can_be_made_again(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_PERSONAL_KEY_FILE", str(tmp_path / "personal.key"))
    add_key(tmp_path / "personal.key", data_root=company.data)
    company.load(DAY)
    made = ["report", "--day", "02.02.2026"]
    assert CliRunner().invoke(app, made).exit_code == 0
    client = next(iter(InventedCompany(1, 80).sent_on(DAY)))
    (tmp_path / "who.txt").write_text(f"phone: {client.client_phone}", encoding="utf-8")
    done = CliRunner().invoke(app, ["erase", "--file", str(tmp_path / "who.txt"), "--yes"])
    assert done.exit_code == 0, done.output
    assert "Reports that were made are removed" in " ".join(done.output.split())
    assert list((company.data / "reports").glob("*/*")) == []
    assert CliRunner().invoke(app, made).exit_code == 0
    assert company.told("day", "2026-02-02")["release"] > 1


def test_only_the_newest_reports_of_a_kind_are_kept(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_KEEP_REPORTS", "1")
    company.load(DAY, NEXT)
    for day in ("02.02.2026", "03.02.2026", "02.02.2026"):
        assert CliRunner().invoke(app, ["report", "--day", day]).exit_code == 0
    kept = sorted(path.name for path in (company.data / "reports" / "day").iterdir())
    assert kept == ["2026-02-02"]
