"""A report is delivered at most once: by e-mail to each recipient, and into a chat.

Before a message may be taken, a note says so, durably; the answer settles it (`extract.sendnotes`).
A note that was never settled is of a run that died or of an answer that never came: only a person's
word sends it again. A recipient is known by a keyed hash in the notes, and by a place elsewhere.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage

from extract.errors import ExtractError, SendUncertain
from extract.outbox import Letter
from extract.sendnotes import BEGUN, DONE, Note, Notes, sha256_of
from extract.sharednotes import open_notes
from flows.errors import FlowError, NotConfigured
from flows.mail import Mailing, compose, mailing_of
from flows.mailer import Doubt, MailUncertain, send_mail
from flows.parcels import Delivered, Outcome, Parcel, with_link
from flows.personal import data_directory
from flows.sending import ALERT_CHARACTERS, send
from flows.settings import Settings
from flows.sharing import sharing
from warehouse.errors import WarehouseError
from warehouse.layout import DataDirectory
from warehouse.privatefiles import private_files
from warehouse.reading import account_max_length


@dataclass(frozen=True)
class _Address:
    """A place that a parcel goes to: the note's name, and how it is told."""

    note: str
    whom: str
    mail: str | None = field(default=None, repr=False)


class Deliveries:
    """Deliveries by the settings, which are checked before anything is sent.

    Args:
        settings: of the company.
        patience_seconds: how long a mail server that is away is tried; the setting's if None.
        alerts: whether it is alerts, which have e-mail addresses of their own and go to no chat.

    Raises:
        NotConfigured: a setting is missing or can't be used.
        extract.errors.DiskUnusable: notes can't be kept.
    """

    def __init__(
        self, settings: Settings, patience_seconds: float | None = None, *, alerts: bool = False
    ) -> None:
        if alerts:
            settings = settings.model_copy(
                update={"report_channel_account": None, "report_thread": None}
            )
        self._settings = settings
        longest = settings.smtp_deadline_seconds
        self._patience_seconds = longest if patience_seconds is None else patience_seconds
        self._mailing = mailing_of(settings, alerts=alerts)
        self._layout: DataDirectory = data_directory(settings)
        account, thread = settings.report_channel_account, settings.report_thread
        if (account is None) != (thread is None):
            raise NotConfigured(
                "SMARTCONNECT_REPORT_CHANNEL_ACCOUNT and SMARTCONNECT_REPORT_THREAD are set "
                "together, or neither of them. Nothing was sent."
            )
        self._give_up_at = 0.0  # all recipients share one server, and the patience with it
        with private_files():
            self._mails = Notes(self._layout.deliveries)
            self._chats = Notes(self._layout.outbox)

    @property
    def anywhere(self) -> bool:
        """Whether reports are delivered at all."""
        return self._mailing is not None or self._settings.report_thread is not None

    async def deliver(self, parcel: Parcel, *, again: bool = False) -> list[Delivered]:
        """Deliver it wherever it can't have been delivered.

        Args:
            parcel: what.
            again: a person looked: send what may have been sent; with nothing in doubt, send all
                of it once more.

        Raises:
            extract.errors.KeeperUnusable: machines share their notes, and these can't be read.
        """
        with private_files():
            async with sharing(self._settings, "a delivery") as shared:
                self._mails = open_notes(self._layout.deliveries, shared)
                self._chats = open_notes(self._layout.outbox, shared)
                return await self._deliver(parcel, again)

    async def _deliver(self, parcel: Parcel, again: bool) -> list[Delivered]:
        addresses = self._addresses(parcel)
        doubtful = {a.note for a in addresses if self._state(a) == BEGUN}
        anew = (doubtful or {a.note for a in addresses}) if again else set()
        found: dict[str, Delivered] = {}
        self._give_up_at = time.monotonic() + self._patience_seconds
        for address in sorted(addresses, key=lambda a: a.mail is not None):  # the chat at once
            found[address.note] = await self._one(parcel, address, address.note in anew)
        return [found[address.note] for address in addresses]

    def _addresses(self, parcel: Parcel) -> list[_Address]:
        found = []
        mailing, settings = self._mailing, self._settings
        for place, mail in enumerate(mailing.recipients if mailing else (), start=1):
            word = self._mails.word(mail)[:16]
            whom = f"recipient {place} of {len(mailing.recipients) if mailing else 0}"
            found.append(_Address(f"report-{parcel.name}-{word}", whom, mail))
        if settings.report_thread is not None:
            account = str(settings.report_channel_account)
            word = self._chats.word(account, settings.report_thread.get_secret_value())[:16]
            found.append(_Address(f"report-{parcel.name}-{word}", "the chat"))
        return found

    def _state(self, address: _Address) -> str | None:
        try:
            note = self._read(address)
        except SendUncertain:
            return BEGUN
        return note.state if note else None

    def _begun(self, address: _Address) -> str:
        try:
            note = self._read(address)
        except SendUncertain:
            note = None
        return f"begun on {note.at:%d.%m.%Y at %H:%M} UTC" if note else "begun at an unknown time"

    def _read(self, address: _Address) -> Note | None:
        return (self._chats if address.mail is None else self._mails).read(address.note)

    async def _one(self, parcel: Parcel, address: _Address, again: bool) -> Delivered:
        try:
            if address.mail is None:
                sent = await self._to_chat(parcel, address, again)
            else:
                sent = await self._by_mail(parcel, address, address.mail, again)
        except (SendUncertain, MailUncertain):
            return Delivered(address.whom, Outcome.UNCERTAIN, self._begun(address))
        except (ExtractError, FlowError, WarehouseError) as error:
            return Delivered(address.whom, Outcome.NOT_SENT, str(error).rstrip("."))
        return Delivered(address.whom, Outcome.SENT if sent else Outcome.BEFORE)

    async def _to_chat(self, parcel: Parcel, address: _Address, again: bool) -> bool:
        settings = self._settings
        account, thread = settings.report_channel_account, settings.report_thread
        if account is None or thread is None:  # looked at before
            return False
        limit = account_max_length(self._layout, account) or ALERT_CHARACTERS
        text = with_link(parcel.message.text, parcel.message.link, limit)
        letter = Letter(account, thread.get_secret_value(), text)
        return await send(settings, letter, key=address.note, again=again)

    async def _by_mail(self, parcel: Parcel, address: _Address, mail: str, again: bool) -> bool:
        mailing, notes, name = self._mailing, self._mails, address.note
        if mailing is None:  # looked at before
            return False
        digest = sha256_of(parcel.message.text)
        async with notes.alone(name):
            note = notes.read(name)
            if note is not None and not again:
                if note.state == DONE:
                    return False
                raise MailUncertain("begun, and never settled")

            def settle(state: str) -> None:
                notes.keep(name, Note(state, datetime.now(UTC), digest))

            doubt = Doubt(lambda: settle(BEGUN), lambda: notes.forget(name))
            await send_mail(
                mailing,
                mail,
                self._composed(mailing, mail, parcel),
                doubt,
                patience_seconds=max(0.0, self._give_up_at - time.monotonic()),
            )
            settle(DONE)
        return True

    def _composed(self, mailing: Mailing, recipient: str, parcel: Parcel) -> EmailMessage:
        """The same report in the same words has the same Message-ID: a server may know it."""
        message = parcel.message
        hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in message.files]
        word = self._mails.word(recipient, parcel.name, message.text, *hashes)
        return compose(mailing, recipient, message, f"report-{parcel.name}.{word[:20]}")
