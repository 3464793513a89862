"""E-mail with a report: where it goes, checked before anything is sent, and the message itself.

Addresses are personal: a recipient is known by a place in the list (`recipient 2 of 3`), and no
repr, log or error holds an address, a user or a password.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape
from ipaddress import ip_address
from pathlib import Path

from flows.errors import NotConfigured
from flows.settings import Settings, home

PLAIN = SMTP.clone(cte_type="7bit")  # not every server takes eight bits
PORTS = {"starttls": 587, "tls": 465, "none": 25}
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9-]{1,63})*")
_TYPES = {".html": ("text", "html"), ".png": ("image", "png")}
_SHEET = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")


@dataclass(frozen=True)
class Mailing:
    """Where reports go by e-mail, and through which server."""

    host: str
    port: int
    security: str
    timeout_seconds: float
    deadline_seconds: float
    sender: Address = field(repr=False)
    recipients: tuple[str, ...] = field(repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Message:
    """What one e-mail says, whoever it is for.

    Args:
        subject: one line.
        text: its body.
        pictures: shown within it: path, and what a person who can't see it is told.
        files: attached.
    """

    subject: str
    text: str
    pictures: Sequence[tuple[Path, str]] = ()
    files: Sequence[Path] = ()
    link: str | None = None


def mailing_of(settings: Settings, *, alerts: bool = False) -> Mailing | None:
    """Where reports are mailed to, or alerts; None where nobody is named.

    Raises:
        NotConfigured: somebody is named, and something else is missing or can't be used; nothing
            was sent. No address is told.
    """
    to = settings.alert_email_to if alerts else settings.report_email_to
    name = f"SMARTCONNECT_{'ALERT' if alerts else 'REPORT'}_EMAIL_TO"
    listed = to.get_secret_value() if to else ""
    given = [part.strip() for part in listed.split(",") if part.strip()]
    if not given:
        return None
    if not settings.smtp_host or settings.report_email_from is None:
        raise NotConfigured(
            f"{name} is set; SMARTCONNECT_SMTP_HOST and SMARTCONNECT_REPORT_EMAIL_FROM are "
            "needed as well. Nothing was sent."
        )
    places = [f"address {n} of {name}" for n in range(1, len(given) + 1)]
    recipients = [_address(text, place) for text, place in zip(given, places, strict=True)]
    sender_name, sender = parseaddr(settings.report_email_from.get_secret_value())
    local, _, domain = _address(sender, "SMARTCONNECT_REPORT_EMAIL_FROM").rpartition("@")
    return Mailing(
        settings.smtp_host,
        settings.smtp_port or PORTS[settings.smtp_security],
        settings.smtp_security,
        settings.smtp_timeout_seconds,
        settings.smtp_deadline_seconds,
        Address(one_line(sender_name), local, domain),
        tuple(dict.fromkeys(recipients)),
        _login(settings, settings.smtp_host),
        _tls(settings),
    )


def _address(given: str, place: str) -> str:
    """An address as it is sent, its domain in ASCII."""
    local, _, domain = given.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    if _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(ascii_domain) and len(given) <= 254:
        return f"{local}@{ascii_domain}"
    raise NotConfigured(f"{place} is no address such as robot@example.org. Nothing was sent.")


def _login(settings: Settings, host: str) -> tuple[str, str] | None:
    user, password = settings.smtp_user, settings.smtp_password
    if user is None and password is None:
        return None
    if user is None or password is None:
        raise NotConfigured(
            "SMARTCONNECT_SMTP_USER and SMARTCONNECT_SMTP_PASSWORD are set together, or neither "
            "of them. Nothing was sent."
        )
    if settings.smtp_security == "none" and not _is_this_machine(host):
        raise NotConfigured(
            "SMARTCONNECT_SMTP_SECURITY is none, and the password would be sent to another "
            "machine for everyone to read: set it to starttls or tls. Nothing was sent."
        )
    return user.get_secret_value(), password.get_secret_value()


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.smtp_security == "none":
        return None
    path = settings.smtp_ca_file
    try:
        return ssl.create_default_context(cafile=str(home() / path) if path else None)
    except (OSError, ssl.SSLError) as error:
        raise NotConfigured(
            f"SMARTCONNECT_SMTP_CA_FILE names {path}, which can't be used "
            f"({type(error).__name__}). Nothing was sent."
        ) from None


def one_line(text: str) -> str:
    """Text for a header: no control character, so that it can't begin another one."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def compose(mailing: Mailing, recipient: str, message: Message, name: str) -> EmailMessage:
    """The e-mail for one recipient; `name` tells it from all others, and is in its Message-ID."""
    mail = EmailMessage(policy=PLAIN)
    mail["From"] = mailing.sender
    mail["To"] = Address(addr_spec=recipient)
    mail["Subject"] = one_line(message.subject)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{name}@{mailing.sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # nobody's holiday notice answers it
    mail.set_content(message.text)
    names = [f"picture-{n}@report" for n in range(1, len(message.pictures) + 1)]
    mail.add_alternative(_html(message, names), subtype="html")
    body = mail.get_payload()[-1]  # type: ignore[index]
    for (path, _), cid in zip(message.pictures, names, strict=True):
        body.add_related(  # type: ignore[union-attr]
            path.read_bytes(), "image", "png", cid=f"<{cid}>", filename=path.name,
            disposition="inline",
        )  # fmt: skip
    for path in message.files:
        kind = _TYPES.get(path.suffix, _SHEET)
        mail.add_attachment(
            path.read_bytes(),
            maintype=kind[0],
            subtype=kind[1],
            filename=path.name,
            params={"charset": "utf-8"} if kind[0] == "text" else None,
        )
    return mail


_STYLE = (
    "font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; "
    "max-width: 42em; margin: 0 auto; padding: 16px"
)


def _html(message: Message, names: Sequence[str]) -> str:
    """The body for mail programs that show HTML: they draw no SVG, so pictures are PNG."""
    title, _, rest = message.text.strip().partition("\n")
    lines = (line.strip() for line in rest.splitlines())
    paragraphs = "".join(f'<p style="margin: 0 0 8px">{escape(line)}</p>' for line in lines if line)
    shown = "".join(
        f'<p><img src="cid:{cid}" alt="{escape(alt)}" style="width: 100%; max-width: 40em"></p>'
        for (_, alt), cid in zip(message.pictures, names, strict=True)
    )
    there = escape(message.link or "")
    link = f'<p><a href="{there}">{there}</a></p>' if there else ""
    return (
        f'<!doctype html><meta charset="utf-8"><title>{escape(one_line(message.subject))}</title>'
        f'<body><div style="{_STYLE}"><h1 style="font-size: 20px">{escape(title)}</h1>'
        f"{paragraphs}{link}{shown}</div>"
    )
