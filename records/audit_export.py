"""The audit's way out of the database: each entry to syslog, and once a day the head of its chain to the log and to a webhook.

Who can write into the database can write another chain; not the heads that were kept elsewhere. `flask --app app verify --head` compares them.
"""

from __future__ import annotations

import logging
import logging.handlers
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import requests

from basics.backoff import Backoff
from basics.canonical import canonical, without
from basics.errors import StorageError
from basics.texts import _, joined
from basics.times import iso_time, utc_now
from basics.worker import Worker
from database import Database, Document
from records.hook_posting import signature
from settings.audit import AuditSettings

log = logging.getLogger(__name__)

EVERY_S = 5.0
ALONE_S = 300.0  # where nobody is told anything, and the day's head goes to the log
AT_ONCE = 500  # entries
LINE_MAX = 8000  # bytes of a line; receivers cut what is longer
TIMEOUT_S = 5.0
PAUSES_S = (10.0, 60.0, 600.0)
ALWAYS_SENT = frozenset({"seq", "hash", "at", "who", "what", "cut"})
MARK = "audit_export"  # where it stands, among the server's own marks
SYSLOG_PRIORITY = (logging.handlers.SysLogHandler.LOG_AUTH << 3) | logging.handlers.SysLogHandler.LOG_NOTICE


class AuditExport:
    """Sends what is new, in order and once, in a thread of its own; of several servers one does (`is_mine`). An outage of a receiver loses nothing.

    After a crash the last entries come perhaps twice: each has its `seq`.
    """

    def __init__(self, database: Database, settings: AuditSettings, is_mine: Callable[[], bool] = lambda: True) -> None:
        self._database = database
        self._is_mine = is_mine
        self._syslog = settings.audit_syslog
        self._webhook = settings.audit_webhook
        self._secret = settings.audit_webhook_secret.get_secret_value()
        self._socket: socket.socket | None = None
        self._head_told = ""  # on which day, as far as this run knows
        self._troubles: dict[str, str] = {}
        self._backoff = Backoff(*PAUSES_S)
        self._worker = Worker("audit-export", self._work, EVERY_S)
        self.start = self._worker.start

    def stop(self, timeout: float = 10) -> None:
        """End; what is not sent is by the next run."""
        self._worker.stop(timeout)
        self._close()

    def health(self) -> dict[str, str]:
        """For `/api/health`."""
        reason = joined("; ", self._troubles.values())
        return {"state": "degraded" if reason else "ok", "reason": reason}

    def send_new(self) -> None:
        """Send the entries that syslog has not had, and the day's head where it is due, also while syslog is away.

        Raise `StorageError`, `OSError`, requests' errors.
        """
        if not self._is_mine():
            return
        try:
            if self._syslog:
                self._send_lines()
        finally:
            self._send_head()

    def _send_head(self) -> None:
        today = f"{utc_now():%Y-%m-%d}"
        if self._head_told == today:  # no more is asked than can have changed
            return
        if self._mark().get("head_day") == today or self._tell_head(today):
            self._head_told = today

    def _mark(self) -> Document:
        with self._database.reading():
            return self._database.collection("server").find_one({"_id": MARK}) or {}

    def _set_mark(self, **fields: object) -> None:
        with self._database.reading():
            self._database.collection("server").update_one({"_id": MARK}, {"$set": fields}, upsert=True)

    def _advance(self, sent: int) -> None:
        """Note up to where was sent. Never back: another server may be further."""
        with self._database.reading():
            self._database.collection("server").update_one({"_id": MARK}, {"$max": {"syslog_seq": sent}}, upsert=True)

    # Syslog

    def _send_lines(self) -> None:
        sent = int(self._mark().get("syslog_seq") or 0)
        while not self._worker.is_stopping:
            with self._database.reading():
                found = list(self._database.collection("audit").find({"seq": {"$gt": sent}}).sort("seq", 1).limit(AT_ONCE))
            if not found:
                return
            before = sent
            try:
                for entry in found:
                    if not self._is_mine():  # another goes on from the mark
                        return
                    self._send_line(_line(entry))
                    sent = int(entry["seq"])
            finally:
                if sent > before:
                    self._advance(sent)

    def _send_line(self, line: bytes) -> None:
        parts = urlsplit(self._syslog)
        for again in (True, False):
            try:
                if self._socket is None:
                    self._socket = _connected(parts.scheme, parts.hostname or "", parts.port or 0, parts.path)
                self._socket.sendall(line + (b"\n" if parts.scheme == "tcp" else b""))
                return  # noqa: TRY300
            except OSError:
                self._close()
                if not again:
                    raise

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # The chain's head

    def _tell_head(self, day: str) -> bool:
        """Tell it; False where there is none yet."""
        with self._database.reading():
            last = self._database.collection("audit").find_one({"seq": {"$gt": 0}}, {"seq": 1, "hash": 1}, sort=[("seq", -1)])
        if last is None:
            return False
        head = {"type": "audit.head", "day": day, "seq": int(last["seq"]), "hash": str(last["hash"])}
        if self._mark().get("logged_day") != day:
            log.info("the audit's head on %s: %d:%s", day, head["seq"], head["hash"])
            self._set_mark(logged_day=day)
        if self._webhook:
            body = canonical({**head, "timestamp": iso_time(utc_now())})
            answer = requests.post(self._webhook, data=body, headers=self._headers(body, f"head-{day}"), timeout=TIMEOUT_S, allow_redirects=False)
            if not answer.ok:
                answer.close()
                raise requests.HTTPError(f"it answered {answer.status_code}")
        self._set_mark(head_day=day)
        return True

    def _headers(self, body: bytes, name: str) -> dict[str, str]:
        """Those of Standard Webhooks (standardwebhooks.com, version 1)."""
        stamp = str(int(time.time()))
        headers = {"Content-Type": "application/json", "webhook-id": name, "webhook-timestamp": stamp}
        if self._secret:
            headers["webhook-signature"] = signature(self._secret, name, int(stamp), body)
        return headers

    def _work(self) -> float:
        try:
            self.send_new()
            self._troubles.clear()
            self._backoff.reset()
        except StorageError:
            pass  # said by the database's own part
        except (OSError, requests.RequestException) as error:
            self._trouble(error)
            return self._backoff.pause()
        except Exception as error:
            log.exception("the audit can't be sent on, and is tried again")
            self._trouble(error)
            return self._backoff.pause()
        return EVERY_S if self._syslog or self._webhook else ALONE_S

    def _trouble(self, error: Exception) -> None:
        webhook = isinstance(error, requests.RequestException)
        where = "AUDIT_WEBHOOK" if webhook else "AUDIT_SYSLOG"
        if where not in self._troubles:
            log.warning("the audit can't be sent to %s, and is tried again: %s", where, error)
        self._troubles[where] = _("The audit can't be sent to %(where)s: %(error)s", where=where, error=str(error)[:200])


def _line(entry: Document) -> bytes:
    """An entry as syslog takes it (RFC 3164's priority, then JSON). One that is too long is sent without its longest fields, which are named."""
    words, cut = without(entry, "_id", "salt", "prev", "body"), list[str]()
    while len(canonical(words)) > LINE_MAX and words.keys() - ALWAYS_SENT:
        sizes = {name: len(canonical(value)) for name, value in words.items() if name not in ALWAYS_SENT}
        longest = max(sizes, key=lambda name: sizes[name])
        cut.append(longest)
        words = without(words, longest) | {"cut": cut}
    return b"<%d>proctor-audit: " % SYSLOG_PRIORITY + canonical(words)


def _connected(scheme: str, host: str, port: int, path: str) -> socket.socket:
    if scheme == "unix":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.settimeout(TIMEOUT_S)
        made.connect(path)
        return made
    if scheme == "tcp":
        return socket.create_connection((host, port), timeout=TIMEOUT_S)
    family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, kind, protocol)
    made.connect(address)
    return made
