"""A real mail server on this machine: plain, STARTTLS or TLS by a CA of its own, with a login."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from flows.servers import free_port

USER, PASSWORD = "canary-user", "canary-password-7"
_LOST = "lost"


@dataclass
class Mails:
    """What came, and how the next ones are answered."""

    received: list[tuple[str, EmailMessage]] = field(default_factory=list)
    refused_recipients: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)  # to the end of a message; then 250
    asked: list[str] = field(default_factory=list)
    on_taken: Callable[[], None] = lambda: None

    def of(self, recipient: str) -> list[EmailMessage]:
        return [mail for to, mail in self.received if to == recipient]

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked.append(address)
        if address in self.refused_recipients:
            return self.refused_recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith("2") or answer == _LOST:
            content = envelope.content
            assert isinstance(content, bytes)
            mail = message_from_bytes(content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.received += [(to, mail) for to in envelope.rcpt_tos]
            self.on_taken()
        if answer == _LOST:
            assert server.transport is not None
            server.transport.abort()  # type: ignore[attr-defined]
        return answer


def lost() -> str:
    """An answer that never comes, to a message that was taken."""
    return _LOST


def certificate(folder: Path) -> tuple[Path, Path]:
    """A CA, and a server's certificate with its key for localhost; both made here."""
    folder.mkdir(exist_ok=True)
    ca, key, pair = folder / "ca.pem", folder / "ca.key", folder / "server.pem"
    ext = "subjectAltName=DNS:localhost"

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(*new, "-x509", "-days", "2", "-subj", "/CN=A CA", "-keyout", key.name, "-out", ca.name)
    openssl(*new, "-subj", "/CN=localhost", "-keyout", "s.key", "-out", "s.csr")
    (folder / "ext").write_text(ext)
    openssl(
        "x509", "-req", "-in", "s.csr", "-CA", ca.name, "-CAkey", key.name, "-days", "2",
        "-CAcreateserial", "-extfile", "ext", "-out", "s.pem",
    )  # fmt: skip
    pair.write_bytes((folder / "s.pem").read_bytes() + (folder / "s.key").read_bytes())
    return ca, pair


def _right(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
) -> AuthResult:
    right = isinstance(given, LoginPassword) and (
        (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    )
    return AuthResult(success=right, handled=right)


@contextmanager
def mail_server(
    security: str = "none", pair: Path | None = None, *, login: bool = False
) -> Iterator[tuple[Mails, int]]:
    """A server and its port."""
    mails, context, options, port = Mails(), None, dict[str, Any](), free_port()
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
    if login:
        options = {"authenticator": _right, "auth_required": True}
        options["auth_require_tls"] = security == "starttls"
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    controller = Controller(
        mails,
        hostname="127.0.0.1",
        port=port,
        ssl_context=context if security == "tls" else None,
        **options,
    )
    controller.start()
    try:
        yield mails, port
    finally:
        controller.stop()
