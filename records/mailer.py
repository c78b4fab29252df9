"""Sends the letters that wait, in a thread of its own: at the pace that is set, by TLS whose certificate is looked at, again where it fails.

Of several servers on one database one sends (`is_mine`), so that the pace holds for all of them together.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import unquote, urlsplit

from basics.errors import NotFound, StorageError
from basics.texts import _, joined, ngettext
from database import Database
from records.exams import Exam, Exams
from records.letters import Letter, Letters, filled, values_of
from records.rosters import Rosters
from settings.mail import PORTS, MailSettings

log = logging.getLogger(__name__)

TIMEOUT_S = 20.0
LOOK_S = 10.0
AT_ONCE = 50  # letters by one connection


class Mailer:
    """The thread and what it knows. Safe between threads."""

    def __init__(self, settings: MailSettings, database: Database, exams: Callable[[], Exams], rosters: Rosters) -> None:
        self._address = urlsplit(settings.smtp_url.get_secret_value())
        self._from = settings.mail_from
        self._gap_s = 60.0 / settings.mail_per_min
        self._exams, self._rosters = exams, rosters
        self.letters = Letters(database)
        self.is_mine: Callable[[], bool] = lambda: True  # is it this server's to send letters?
        self._in_hand: Letter | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = ""
        self._counts = {"sent": 0, "failed": 0}

    @property
    def is_on(self) -> bool:
        """Is a mail server set?"""
        return bool(self._address.hostname)

    def start(self) -> None:
        """Begin to send, where a mail server is set."""
        if self.is_on:
            self._thread = threading.Thread(target=self._run, name="mailer", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it. What waits is sent after the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(5)

    def look_now(self) -> None:
        """There are letters to be sent."""
        self._wake.set()

    def health(self) -> dict[str, Any]:
        """For operators."""
        if not self.is_on:
            return {"state": "off"}
        try:
            waiting = self.letters.waiting()
        except StorageError:
            waiting = 0
        reasons = [self._trouble] if self._trouble else []
        failed = self._counts["failed"]
        if failed:
            reasons.append(_failed(failed))
        todo = {"todo": _("Look at SMTP_URL, and whether the mail server answers from here. What waits is sent then.")} if self._trouble else {}
        return {"state": "degraded" if self._trouble else "ok", **todo, "reason": joined("; ", reasons), "waiting": waiting, **self._counts}

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                more = self.send_due()
            except StorageError as error:
                log.debug("letters can't be read now: %s", error.message)
                more = False
            except Exception:
                log.exception("letters could not be sent")
                more = False
            if not more:
                self._wake.wait(LOOK_S)

    def send_due(self) -> bool:
        """Send some of the letters that are due. True where there may be more. Raise `StorageError`."""
        due = self.letters.due(AT_ONCE) if self.is_mine() else []
        if not due:
            return False
        self._in_hand = None
        try:
            with self._connected() as server:
                for letter in due:
                    if self._stopping.is_set() or not self.is_mine():
                        return False
                    began = time.monotonic()
                    self._in_hand = self.letters.claim(letter)
                    if self._in_hand is None:
                        continue
                    self._send(server, self._in_hand)
                    self._in_hand = None
                    self._stopping.wait(max(0.0, self._gap_s - (time.monotonic() - began)))
        except (OSError, smtplib.SMTPException) as error:
            self._say(_plain(error))
            for letter in [*([self._in_hand] if self._in_hand else []), *self.letters.due(AT_ONCE)]:  # those that are sent are no longer among them
                self._counts["failed"] += not self.letters.later(letter, _plain(error))
            return False
        self._say("")
        return len(due) == AT_ONCE

    def _say(self, trouble: str) -> None:
        text = _("The mail server does not take letters (%(problem)s); they wait, and are tried again", problem=trouble) if trouble else ""
        if text and text != self._trouble:
            log.warning("%s", text)
        self._trouble = text

    def _connected(self) -> smtplib.SMTP:
        host = self._address.hostname or ""
        port = self._address.port or PORTS[self._address.scheme]
        context = ssl.create_default_context()
        if self._address.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
        try:
            server.ehlo()
            if self._address.scheme == "smtp" and (server.has_extn("starttls") or not _is_here(host)):
                server.starttls(context=context)  # raises where the server has none: nothing is sent in the clear
                server.ehlo()
            if self._address.username:
                server.login(unquote(self._address.username), unquote(self._address.password or ""))
        except BaseException:
            server.close()
            raise
        return server

    def _send(self, server: smtplib.SMTP, letter: Letter) -> None:
        """Send one. Raise where the connection is of no use any more."""
        try:
            row = self._rosters.row(letter.exam_key, letter.row_id)
            exam = self._exams().by_key(letter.exam_key)
        except NotFound:
            self.letters.dropped(letter)
            return
        if row.number != letter.number or row.revoked or not row.email:
            self.letters.dropped(letter)
            return
        try:
            message = self._message(letter, exam, row.email, values_of(row, exam, self._rosters, letter.server))
            server.send_message(message, self._from, [row.email])
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            self._refused(letter, code, text)
        except smtplib.SMTPResponseException as refused:
            if isinstance(refused, smtplib.SMTPSenderRefused | smtplib.SMTPHeloError) or refused.smtp_code == 421:
                raise
            self._refused(letter, refused.smtp_code, refused.smtp_error)
        except (smtplib.SMTPNotSupportedError, UnicodeError, ValueError, MessageError) as error:  # an address that this server can't write to
            self._counts["failed"] += 1
            self.letters.failed(letter, _plain(error))
        else:
            self._counts["sent"] += 1
            self.letters.sent(letter)

    def _refused(self, letter: Letter, code: int, text: bytes | str) -> None:
        said = f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
        if code >= 500:
            self._counts["failed"] += 1
            self.letters.failed(letter, said)
        else:
            self._counts["failed"] += not self.letters.later(letter, said)

    def _message(self, letter: Letter, exam: Exam, to: str, values: dict[str, str]) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = self._from, to
        message["Subject"] = " ".join(filled(letter.subject, values).split())
        domain = self._from.rpartition("@")[2].rstrip("> ")
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{letter.name}@{domain}>" if letter.name else make_msgid(domain=domain)
        message["Auto-Submitted"] = "auto-generated"
        if exam.definition.language:
            message["Content-Language"] = exam.definition.language
        message.set_content(filled(letter.text, values))
        return message


def _failed(count: int) -> str:
    return ngettext(
        "%(count)s letter could not be sent since the start; the exam's list of students says whose",
        "%(count)s letters could not be sent since the start; the exam's list of students says whose",
        count,
    )


def _plain(error: Exception) -> str:
    """An error as one line that tells no password."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{error.smtp_code}: it refuses user or password"
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"[:200]
    return " ".join(str(error).split())[:200] or type(error).__name__


def _is_here(host: str) -> bool:
    """Is it this machine, to which nobody listens in?"""
    return host == "localhost" or host.startswith("127.") or host == "::1"
