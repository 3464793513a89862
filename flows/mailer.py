"""One e-mail through a mail server: it is known to be taken, known not to be, or nobody can know.

A server takes a message with its answer to the message's last line, a dot (RFC 5321), so that only
what breaks between the dot and the answer leaves a doubt; everything before is known not to be
sent. Servers quote addresses in what they answer: nothing of it is told but the three figures.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage

from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential
from tenacity.stop import stop_before_delay

from flows.errors import FlowError, NotDelivered
from flows.mail import PLAIN, Mailing
from flows.stages import in_thread

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 2.0, 60.0
_TAKEN, _WAITS_FOR_MESSAGE = 250, 354
_CERTIFICATE = (
    "its certificate can't be verified. Set SMARTCONNECT_SMTP_HOST to the name that is in it, and "
    "SMARTCONNECT_SMTP_CA_FILE where the company has a CA of its own"
)
_CURES = {
    530: "it asks for SMARTCONNECT_SMTP_USER and SMARTCONNECT_SMTP_PASSWORD",
    535: "correct SMARTCONNECT_SMTP_USER and SMARTCONNECT_SMTP_PASSWORD",
    552: "the message is larger than it takes, or a mailbox is full",
}


class MailUncertain(FlowError):
    """The message may have been taken: its end was on the way when the connection broke."""


class _Later(FlowError):
    """It was not sent, and may be in a while."""


@dataclass(frozen=True)
class Doubt:
    """What is told of a message: `begins` before it may be taken, `ends` once it wasn't."""

    begins: Callable[[], None]
    ends: Callable[[], None]


async def send_mail(
    mailing: Mailing,
    recipient: str,
    mail: EmailMessage,
    doubt: Doubt,
    *,
    patience_seconds: float,
) -> None:
    """Send an e-mail to one recipient; tried again for so long while it is known not to be sent.

    Raises:
        NotDelivered: it was not sent.
        MailUncertain: it may have been.
    """
    content = mail.as_bytes(policy=PLAIN)
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(_Later),
            wait=wait_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
            stop=stop_before_delay(patience_seconds),
            sleep=asyncio.sleep,
            reraise=True,
        ):
            with attempt:
                await in_thread(_send_once, mailing, recipient, content, doubt)
    except _Later as later:
        raise NotDelivered(str(later)) from None


def _send_once(mailing: Mailing, recipient: str, content: bytes, doubt: Doubt) -> None:
    server = _connected(mailing)
    try:
        _hand_over(server, mailing.sender.addr_spec, recipient, content)
        doubt.begins()
        code = _end(server)
    except BaseException:
        server.close()  # a goodbye might be read as a line of the message
        raise
    if code == _TAKEN:
        sys.audit("smartconnect.point", "flows.mailer.taken")
        return _leave(server)
    doubt.ends()
    _leave(server)
    raise _refused(code, "refuses the message")


def _end(server: smtplib.SMTP) -> int:
    """The message's last line; the server's answer to it."""
    try:
        server.send(b".\r\n")
        return server.getreply()[0]
    except (OSError, smtplib.SMTPException):
        raise MailUncertain("the mail server's answer never came") from None


def _connected(mailing: Mailing) -> smtplib.SMTP:
    """A connection, encrypted and logged in as the settings have it."""
    server: smtplib.SMTP | None = None
    doing = "STARTTLS"
    try:
        if mailing.security == "tls":
            server = smtplib.SMTP_SSL(
                mailing.host, mailing.port, timeout=mailing.timeout_seconds, context=mailing.tls
            )
        else:
            server = smtplib.SMTP(mailing.host, mailing.port, timeout=mailing.timeout_seconds)
        if mailing.security == "starttls":
            server.starttls(context=mailing.tls)
        server.ehlo_or_helo_if_needed()
        doing = "a login that we know"
        if mailing.login is not None:
            server.login(*mailing.login)
    except (OSError, smtplib.SMTPException) as error:
        problem = _no_connection(error, doing)
    else:
        return server
    if server is not None:
        server.close()
    raise problem from None


def _no_connection(error: Exception, doing: str) -> FlowError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotDelivered(f"the mail server is not trusted: {_CERTIFICATE}")
    if isinstance(error, ssl.SSLError):
        return NotDelivered(
            "the mail server speaks no TLS there: correct SMARTCONNECT_SMTP_SECURITY and "
            "SMARTCONNECT_SMTP_PORT"
        )
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused(error.smtp_code, "refuses us")
    if isinstance(error, smtplib.SMTPNotSupportedError) or type(error) is smtplib.SMTPException:
        return NotDelivered(
            f"the mail server doesn't offer {doing}: correct SMARTCONNECT_SMTP_SECURITY, or leave "
            "SMARTCONNECT_SMTP_USER and SMARTCONNECT_SMTP_PASSWORD out"
        )
    return _no_answer(error)


def _no_answer(error: Exception) -> FlowError:
    return _Later(f"the mail server doesn't answer ({type(error).__name__})")


def _hand_over(server: smtplib.SMTP, sender: str, recipient: str, content: bytes) -> None:
    """Everything but the last line: who sends to whom, and the message."""
    options = [f"size={len(content)}"] if server.has_extn("size") else []
    try:
        code, _ = server.mail(sender, options)
        if code != _TAKEN:
            raise _refused(code, "refuses the sender")
        code, _ = server.rcpt(recipient)
        if code not in (_TAKEN, 251):
            raise _refused(code, "refuses this recipient")
        code, _ = server.docmd("DATA")
        if code != _WAITS_FOR_MESSAGE:
            raise _refused(code, "refuses the message")
        server.send(re.sub(rb"(?m)^\.", b"..", content))
    except (OSError, smtplib.SMTPException) as error:
        raise _no_answer(error) from None


def _refused(code: int, what: str) -> FlowError:
    """A refusal for good (5…), or for now (4…); the server's own words are left out."""
    cure = _CURES.get(code, "its log tells why")
    kind = _Later if 400 <= code < 500 else NotDelivered
    return kind(f"the mail server {what} ({code}): {cure}")


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye; whether the server hears it changes nothing."""
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()
