"""The people of one server: accounts, logins, tokens and exams' people in memory, what makes callers of them, and who is told when they change."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from basics.errors import StorageError
from basics.looks import folded
from basics.times import utc_now
from basics.worker import Worker
from database import Database
from records.accounts import Account, Accounts
from records.api_tokens import ApiTokens
from records.command_acts import take_command_acts
from records.exam_people import StoredExamPeople
from records.logins import Login, LoginBook
from settings.settings import Settings
from web.access.callers import Caller

log = logging.getLogger(__name__)

LOOK_S = 5.0  # how soon it is noticed what a command or another server has changed
TIDY_S = 60.0


class People:
    """Knows who is signed in and what they may. Safe between threads; asks the database for nothing that a request waits for, once all was read."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self.accounts = Accounts(database)
        self.tokens = ApiTokens(database)
        self.exams = StoredExamPeople(database)
        self.logins = LoginBook(
            database,
            lambda login_id: database.delete("logins", login_id),
            idle_s=settings.login_idle_h * 3600,
            longest_s=settings.login_max_h * 3600,
        )
        self.told: Callable[[], object] = _nothing  # told of what has changed here
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._act_listeners: dict[str, Callable[[], None]] = {}
        self._reading = threading.Lock()
        self._tidied = time.monotonic()
        self._looked_at = utc_now()
        self._watch = Worker("people-watch", self._look)
        self.start = self._watch.start

    def stop(self, timeout: float = 10) -> None:
        """End, and store which logins are in use."""
        if not self._watch.is_running:
            return
        self._watch.stop(timeout)
        try:
            self._tidy()
        except StorageError as error:
            log.info("which logins are in use can't be stored: %s", error.message)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever somebody's login, account or rights change. It must not block."""
        self._listeners = (*self._listeners, listener)

    def on_act(self, what: str, listener: Callable[[], None]) -> None:
        """Call `listener` once a command has noted that it did `what`. It must not block."""
        self._act_listeners[what] = listener

    def changed(self) -> None:
        """Somebody's login, account, token or exam has just changed here."""
        self._tell()
        self.told()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def read_again(self, *, whole: bool = True) -> None:
        """Another server has changed something. Raise `StorageError`: then it is noticed a little later."""
        with self._reading:
            changed = self._read(whole=whole)
        if changed:
            self._tell()

    def logout_elsewhere(self, login_id: str) -> None:
        """A login was ended at another server."""
        self.logins.drop(login_id)
        self._tell()

    def exams_changed(self) -> None:
        """An exam's people have just changed: read them now, and let everybody know. In an outage it is noticed later."""
        try:
            self.exams.read()
        except StorageError as error:
            log.info("who teaches and proctors the exams can't be read now: %s", error.message)
        self.changed()

    def exam_id_of_key(self, key: str) -> str | None:
        """The id of the exam that addresses name by this key, None where there is none. Raise `StorageError`."""
        self.ready()
        found = self.exams.exam_id_of_key(key)
        if found is None and self.exams.has(key):  # made at another server just now: before its people are known it is nobody's
            self.exams.read()
            found = self.exams.exam_id_of_key(key)
        return found

    # Callers

    def ready(self) -> None:
        """Read everything, where nothing was read yet. Raise `StorageError`."""
        if not (self.accounts.known and self.logins.known and self.tokens.known and self.exams.known):
            with self._reading:
                self._read()

    def of_login(self, cookie: str) -> Caller | None:
        """Whose login this cookie is. Raise `StorageError` where that can't be told now."""
        self.ready()
        found = self.login(cookie)
        return self._caller(*found) if found is not None else None

    def login(self, cookie: str) -> tuple[Account, Login] | None:
        """The login that a cookie opens, and its account."""
        login = self.logins.of(cookie)
        account = self.accounts.by_id(login.account_id) if login is not None else None
        if login is None or account is None or account.disabled or account.epoch != login.epoch:
            return None
        return account, login

    def of_token(self, token: str, address: str = "") -> Caller | None:
        """Which named token this is. Raise `StorageError` where that can't be told now."""
        self.ready()
        found = self.tokens.of(token, address)
        if found is None:
            return None
        exams = frozenset(map(folded, found.exams)) if found.exams is not None else None
        return Caller("token", found.name, scopes=found.scopes, exams=exams, people=self.exams)

    def _caller(self, account: Account, login: Login) -> Caller:
        in_exams = {folded(exam): roles for exam, roles in account.exam_roles_at(utc_now()).items()}
        return Caller("account", account.name, account.id, account.all_roles, exam_roles=in_exams, login_id=login.id, people=self.exams)

    # The watch

    def _read(self, *, whole: bool = False) -> bool:
        changed = [self.accounts.read(whole=whole), self.tokens.read(), self.exams.read()]
        if not self.logins.known:
            self.logins.read()
        return any(changed)

    def _look(self) -> float:
        try:
            self.read_again(whole=False)
            before, self._looked_at = self._looked_at, utc_now()
            if self.accounts.has_ended(before, self._looked_at):
                self._tell()
            for what in take_command_acts(self._database):
                self._act_listeners.get(what, _nothing)()
            if time.monotonic() - self._tidied > TIDY_S:
                self._tidy()
        except StorageError as error:
            log.debug("people can't be read now: %s", error.message)
        except Exception:
            log.exception("looking after people's accounts failed")
        return LOOK_S

    def _tidy(self) -> None:
        self._tidied = time.monotonic()
        self.logins.tidy()
        self.tokens.tidy()


def _nothing() -> None:
    """Most of what commands do concerns nobody here."""
