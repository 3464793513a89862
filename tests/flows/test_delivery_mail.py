"""E-mail through a real server: encrypted, logged in, verified; taken, refused, or in doubt."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from crashing.mailserver import PASSWORD, USER, certificate, lost, mail_server

from flows import mailer
from flows.errors import NotConfigured, NotDelivered
from flows.mail import Message, compose, mailing_of
from flows.mailer import Doubt, MailUncertain, send_mail
from flows.settings import load_settings

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
TO = "canary.director@example.org"
PNG = bytes.fromhex("89504e470d0a1a0a")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("ca"))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailer, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(mailer, "LONGEST_WAIT_SECONDS", 0.02)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    monkeypatch.chdir(tmp_path)

    def tell(port: int, **more: str) -> None:
        given = {
            "SMTP_HOST": "localhost",
            "SMTP_PORT": str(port),
            "SMTP_SECURITY": "none",
            "SMTP_DEADLINE_SECONDS": "0.05",
            "SMTP_TIMEOUT_SECONDS": "5",
            "REPORT_EMAIL_FROM": "Отчёты <robot@example.org>",
            "REPORT_EMAIL_TO": TO,
            **more,
        }
        for name, value in given.items():
            monkeypatch.setenv(f"SMARTCONNECT_{name}", value)

    return tell


def send_one(message: Message | None = None, patience_seconds: float = 0.05) -> list[str]:
    """Send a message by the settings; the doubts that were told on the way."""
    mailing, doubts = mailing_of(load_settings()), list[str]()
    assert mailing is not None
    mail = compose(mailing, mailing.recipients[0], message or Message("s", "t"), "report-1")
    doubt = Doubt(lambda: doubts.append("begun"), lambda: doubts.append("ended"))
    try:
        asyncio.run(
            send_mail(
                mailing, mailing.recipients[0], mail, doubt, patience_seconds=patience_seconds
            )
        )
    finally:
        SAID[:] = doubts
    return doubts


SAID: list[str] = []


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_message_comes_whole_through_each_kind_of_server(
    security: str, keys: tuple[Path, Path], told: Callable[..., None], tmp_path: Path
) -> None:
    ca, pair = keys
    (tmp_path / "report.html").write_text(".\n<p>Иван</p>\n..\n", encoding="utf-8")
    (tmp_path / "report.xlsx").write_bytes(bytes(range(256)))
    (tmp_path / "days.png").write_bytes(PNG)
    with mail_server(security, None if security == "none" else pair, login=True) as (mails, port):
        told(
            port,
            SMTP_SECURITY=security,
            SMTP_CA_FILE=str(ca),
            SMTP_USER=USER,
            SMTP_PASSWORD=PASSWORD,
        )
        message = Message(
            "Отчёт за 24 ноября\r\nBcc: eve@example.org",
            "Отчёт за 24 ноября\n\nСообщений: 12 <b>&\n.точка",
            [(tmp_path / "days.png", 'Сообщения "по дням"')],
            [tmp_path / "report.html", tmp_path / "report.xlsx"],
            "https://dash.example.org/?a=1&b=2",
        )
        assert send_one(message) == ["begun"]
    ((to, mail),) = mails.received
    assert to == TO
    assert mail["To"] == TO
    assert mail["Subject"] == "Отчёт за 24 ноября Bcc: eve@example.org"
    assert mail["From"] == "Отчёты <robot@example.org>"
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == "<report-1@example.org>"
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert text.get_content().replace("\r\n", "\n") == message.text + "\n"
    shown = page.get_content()
    assert "12 &lt;b&gt;&amp;</p>" in shown
    assert 'alt="Сообщения &quot;по дням&quot;"' in shown
    assert 'src="cid:picture-1@report"' in shown
    assert 'href="https://dash.example.org/?a=1&amp;b=2"' in shown
    (picture,) = (part for part in mail.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<picture-1@report>"
    assert picture.get_content() == PNG
    attached = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert attached["report.html"].replace("\r\n", "\n") == ".\n<p>Иван</p>\n..\n"
    assert attached["report.xlsx"] == bytes(range(256))


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.promise("mail-verified")
def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(
    security: str, keys: tuple[Path, Path], told: Callable[..., None]
) -> None:
    ca, pair = keys
    with mail_server(security, pair, login=True) as (mails, port):
        told(port, SMTP_SECURITY=security, SMTP_USER=USER, SMTP_PASSWORD=PASSWORD)
        with pytest.raises(NotDelivered, match="SMARTCONNECT_SMTP_CA_FILE"):
            send_one()
        # another machine's name, though the CA is known
        told(port, SMTP_SECURITY=security, SMTP_CA_FILE=str(ca), SMTP_HOST="127.0.0.1")
        with pytest.raises(NotDelivered, match="SMARTCONNECT_SMTP_HOST"):
            send_one()
    assert (mails.received, mails.asked, SAID) == ([], [], [])


def test_what_is_refused_before_it_is_taken_is_known_not_to_be_sent(
    told: Callable[..., None], keys: tuple[Path, Path]
) -> None:
    with mail_server() as (mails, port):
        told(port)
        mails.refused_recipients[TO] = f"550 no {TO} here"
        with pytest.raises(NotDelivered, match=r"refuses this recipient \(550\)") as refused:
            send_one()
        assert "canary" not in str(refused.value)
        mails.refused_recipients.clear()
        mails.answers = ["554 spam"]
        with pytest.raises(NotDelivered, match=r"refuses the message \(554\)"):
            send_one()
        assert SAID == ["begun", "ended"]
        told(port, SMTP_SECURITY="starttls")
        with pytest.raises(NotDelivered, match="doesn't offer STARTTLS"):
            send_one()
        told(port, SMTP_SECURITY="tls")
        with pytest.raises(NotDelivered, match="speaks no TLS there"):
            send_one()
    told(port)
    with pytest.raises(NotDelivered, match="doesn't answer"):
        send_one()
    assert mails.received == []
    with mail_server(login=True) as (mails, port):
        told(port, SMTP_USER=USER, SMTP_PASSWORD="wrong")
        with pytest.raises(NotDelivered, match=r"\(535\): correct SMARTCONNECT_SMTP_USER"):
            send_one(patience_seconds=60)
        told(port, SMTP_USER=USER, SMTP_PASSWORD=PASSWORD)
        assert send_one() == ["begun"]


def test_a_server_that_says_later_is_asked_again_and_takes_it_once(
    told: Callable[..., None],
) -> None:
    with mail_server() as (mails, port):
        told(port)
        mails.answers = ["451 greylisted", "452 full"]
        assert send_one(patience_seconds=30) == ["begun", "ended", "begun", "ended", "begun"]
        assert len(mails.received) == 1


def test_an_answer_that_never_comes_is_a_doubt_and_nothing_is_sent_again(
    told: Callable[..., None],
) -> None:
    with mail_server() as (mails, port):
        told(port)
        mails.answers = [lost()]
        with pytest.raises(MailUncertain):
            send_one(patience_seconds=30)
        assert SAID == ["begun"]
        assert len(mails.received) == 1


def test_a_connection_that_breaks_within_the_message_is_no_doubt(
    told: Callable[..., None], tmp_path: Path
) -> None:
    """Without its last line no server takes a message: it is sent again by itself."""
    came = []
    (tmp_path / "big.xlsx").write_bytes(bytes(6_000_000))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        told(listening.getsockname()[1], SMTP_HOST="127.0.0.1")

        def serve() -> None:
            for patience in (20, *[0.5] * 99):
                listening.settimeout(patience)
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    return
                came.append(connection)
                with connection, connection.makefile("rwb") as stream:
                    for answer in (b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"354 go"):
                        stream.write(answer + b"\r\n")
                        stream.flush()
                        if answer != b"354 go":
                            stream.readline()

        serving = threading.Thread(target=serve)
        serving.start()
        with pytest.raises(NotDelivered, match="doesn't answer"):
            send_one(Message("s", "t", files=[tmp_path / "big.xlsx"]), patience_seconds=3)
        serving.join()
    assert SAID == []
    assert len(came) >= 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"REPORT_EMAIL_TO": "ok@example.org, canary@x\r\nBcc: y@z"}, "address 2 of"),
        ({"REPORT_EMAIL_TO": "canary"}, "address 1 of"),
        ({"REPORT_EMAIL_FROM": "canary"}, "REPORT_EMAIL_FROM is no address"),
        ({"SMTP_HOST": ""}, "SMTP_HOST"),
        ({"SMTP_USER": "canary"}, "set together"),
        ({"SMTP_USER": "canary", "SMTP_PASSWORD": "canary", "SMTP_HOST": "mx.ru"}, "to read"),
        ({"SMTP_SECURITY": "tls", "SMTP_CA_FILE": "none.pem"}, "SMTP_CA_FILE names none.pem"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_anything_is_sent(
    wrong: dict[str, str], said: str, told: Callable[..., None]
) -> None:
    told(25, **wrong)
    with pytest.raises(NotConfigured, match=said) as refused:
        mailing_of(load_settings())
    assert "canary" not in str(refused.value)


def test_a_russian_domain_is_sent_to_by_its_ascii_name(told: Callable[..., None]) -> None:
    told(25, REPORT_EMAIL_TO=f"a@почта.рф, {TO}, a@почта.рф")
    mailing = mailing_of(load_settings())
    assert mailing is not None
    assert mailing.recipients == ("a@xn--80a1acny.xn--p1ai", TO)
    assert "canary" not in repr(mailing)
