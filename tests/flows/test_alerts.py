"""What people are told by `tell`: by a real mail server, once a run, and of nobody's data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from crashing.mailserver import mail_server
from prefect.client.orchestration import get_client
from prefect.states import Failed

from flows.alarms import FREQUENT, TOLD
from flows.alerts import ALERTS, NAME, Kind, said, tell
from flows.backfill import backfill
from flows.errors import NightlyOverdue, NotConfigured, NotDelivered
from flows.overdue import NAME as OVERDUE
from flows.overdue import nightly_overdue

PROJECT = Path(__file__).resolve().parents[2]
TO = "canary.oncall@example.org"
pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    monkeypatch.chdir(tmp_path)

    def by(port: int) -> None:
        given = {
            "SMTP_HOST": "localhost",
            "SMTP_PORT": str(port),
            "SMTP_SECURITY": "none",
            "SMTP_DEADLINE_SECONDS": "0.05",
            "REPORT_EMAIL_FROM": "robot@example.org",
            "REPORT_EMAIL_TO": "canary.director@example.org",
            "ALERT_EMAIL_TO": f"{TO}, second@example.org",
        }
        for name, value in given.items():
            monkeypatch.setenv(f"SMARTCONNECT_{name}", value)

    return by


def failed_run() -> str:
    """A run of the backfill that failed; its message says what nobody else may read."""
    with get_client(sync_client=True) as client:
        failed = Failed(message="canary-secret-of-a-state")  # type: ignore[var-annotated]
        run = client.create_flow_run(
            backfill, parameters={"date_from": "01.02.2026"}, state=failed, name="canary-run-name"
        )
    return str(run.id)


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.promise("operations-told")
def test_each_address_gets_one_message_a_run_however_often_it_is_told(
    told: Callable[[int], None],
) -> None:
    run = failed_run()
    with mail_server() as (mails, port):
        told(port)
        for _ in range(2):
            asyncio.run(tell("failed", f"prefect.flow-run.{run}"))
        other = failed_run()
        asyncio.run(tell("failed", other))
    assert [to for to, _ in mails.received] == [TO, "second@example.org"] * 2
    mail = mails.of(TO)[0]
    text = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert mail["Subject"] == "SmartConnect: a run failed: backfill"
    assert run in text
    assert "docs/runbooks/run-failed.md" in text
    for secret in ("canary-secret-of-a-state", "canary-run-name", "01.02.2026"):
        assert secret not in str(mail)


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.promise("operations-told")
def test_who_could_not_be_told_is_told_later(told: Callable[[int], None]) -> None:
    run = failed_run()
    told(1)
    with pytest.raises(NotDelivered, match="recipient 1 of 2: not sent") as not_told:
        asyncio.run(tell("crashed", run))
    assert "canary" not in str(not_told.value)
    with mail_server() as (mails, port):
        told(port)
        asyncio.run(tell("crashed", run))
    assert len(mails.of(TO)) == 1


@pytest.mark.usefixtures("prefect_api")
def test_a_run_that_is_gone_is_still_told_of_and_what_is_no_id_is_refused(
    told: Callable[[int], None],
) -> None:
    with mail_server() as (mails, port):
        told(port)
        asyncio.run(tell("late", str(uuid4())))
        with pytest.raises(NotConfigured, match="names no run"):
            asyncio.run(tell("late", "+7 916 000-00-00"))
    assert [str(mail["Subject"]) for mail in mails.of(TO)] == ["SmartConnect: a run is late"]


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.promise("process-nightly-overdue", "operations-told")
def test_an_overdue_nightly_is_told_by_mail_and_the_flow_fails_all_the_same(
    told: Callable[[int], None],
) -> None:
    with mail_server() as (mails, port):
        told(port)
        with pytest.raises(NightlyOverdue):
            asyncio.run(nightly_overdue())
    told(1)  # nobody answers there: that is no other failure
    with pytest.raises(NightlyOverdue):
        asyncio.run(nightly_overdue())
    (mail,) = mails.of(TO)
    assert mail["Subject"] == "SmartConnect: no nightly for 26 hours"


@pytest.mark.promise("operations-told")
def test_every_deployment_is_watched_by_name_or_said_why_not() -> None:
    there = yaml.safe_load((PROJECT / "prefect.yaml").read_text(encoding="utf-8"))
    names = {deployment["name"] for deployment in there["deployments"]}
    # Those that tell are not told of: nobody would stop it.
    assert names == {*TOLD, FREQUENT, NAME, OVERDUE}


@pytest.mark.promise("operations-runbook")
@pytest.mark.parametrize("kind", ALERTS)
def test_each_alert_names_a_page_that_says_all_four_things(kind: Kind) -> None:
    message = said(kind, None, "nightly")
    page = PROJECT / ALERTS[kind].runbook
    assert ALERTS[kind].runbook in message.text
    text = page.read_text(encoding="utf-8")
    for said_so in ("**It means**", "**Check**", "**Do**", "**It is over**"):
        assert said_so in text, f"{page.name} lacks {said_so}"
    assert f"({page.name})" in (page.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.promise("operations-runbook")
def test_every_page_about_a_fault_is_listed_where_people_look_first() -> None:
    folder = PROJECT / "docs" / "runbooks"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in listed} == set()
