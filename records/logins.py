"""Who is signed in. Each login lives here and not in its cookie: it is listed, ended, and goes on after a restart and through an outage.

A cookie is an opaque random value, of which only the SHA-256 is kept.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from basics.times import WALL_DOUBT_S, utc_now
from database import Database
from records.accounts import Account, digest
from records.stores import Document, Store

PREFIX = "s."  # of a cookie: what is signed by the server itself begins otherwise
OF_ONE = 20  # logins of one account; beyond it the one that was quiet longest ends
SEEN_S = 60.0  # how often it is stored that a login is in use
GONE_MAX = 10_000  # that are remembered
LONGEST_BROWSER = 300  # characters of what a browser says of itself
Ends = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Login:
    """One login: whose, how it was made (`password`, `invitation`, `oidc`, `lti`), when, from where; `epoch` is the account's when it was."""

    id: str
    account_id: str
    how: str
    epoch: int
    made_at: datetime
    seen_at: datetime
    until: datetime
    address: str = ""
    browser: str = ""

    @property
    def short(self) -> str:
        """What names it in lists."""
        return self.id[:16]


@dataclass(slots=True)
class _Life:
    """A login with its ends on a clock that nobody sets."""

    login: Login
    used: float
    over: float
    stored: float = 0.0
    seen: datetime | None = None  # as it was stored or read last


class LoginBook:
    """The logins of one server. Safe between threads."""

    def __init__(self, store: Store, delete: Ends, *, idle_s: float, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`delete` removes a login's record, now or as soon as the database is back."""
        self._store = store
        self._delete = delete
        self._idle_s, self._longest_s = idle_s, longest_s
        self._clock = clock
        self._lives: dict[str, _Life] = {}
        self._of_account: dict[str, set[str]] = {}  # the ids of each account's logins
        self._gone: OrderedDict[str, None] = OrderedDict()  # those that ended: their records may still be there
        self._lock = threading.Lock()
        self.known = False
        self.shared = False  # other servers have the same logins
        self.begun: Callable[[str], object] = lambda _login_id: None  # told of a login that was made here
        self.ended: Callable[[str], object] = lambda _login_id: None  # and of one that was ended

    def read(self) -> None:
        """Take up those of before a restart, and of other servers; let go of those that were ended there. Raise `StorageError`."""
        with self._lock:
            before = set(self._lives)
        with self._store.reading():
            found = list(self._store.collection("logins").find({"until": {"$gt": utc_now() - timedelta(seconds=WALL_DOUBT_S)}}))
        for document in found:
            self._take_up(document)
        for login_id in before - {str(document["_id"]) for document in found}:
            self.drop(login_id)
        self.known = True

    def take_up(self, login_id: str) -> None:
        """A login was made at another server. Raise `StorageError`."""
        with self._store.reading():
            found = self._store.collection("logins").find_one({"_id": login_id})
        if found is not None:
            self._take_up(found)

    def _take_up(self, document: Document) -> None:
        now, wall, login = self._clock(), utc_now(), login_of(document)
        # The machine's clock may have been an hour or two wrong.
        left = min((login.until - wall).total_seconds() + WALL_DOUBT_S, self._longest_s)
        idle = max(0.0, (wall - login.seen_at).total_seconds() - WALL_DOUBT_S)
        with self._lock:
            if login.id in self._gone:
                return
            self._lives.setdefault(login.id, _Life(login, now - idle, now + left, now, login.seen_at))
            self._of_account.setdefault(login.account_id, set()).add(login.id)

    def begin(self, account: Account, how: str, address: str, browser: str) -> tuple[Login, str]:
        """Make a login, and the cookie that is its only key. Raise `StorageError`: one that is not stored would not outlive the server."""
        cookie = PREFIX + secrets.token_urlsafe(32)
        wall = utc_now()
        wall = wall.replace(microsecond=wall.microsecond // 1000 * 1000)
        until = wall + timedelta(seconds=self._longest_s)
        login = Login(digest(cookie), account.id, how, account.epoch, wall, wall, until, address[:60], browser[:LONGEST_BROWSER])
        document = {name: getattr(login, name) for name in Login.__dataclass_fields__ if name != "id"}
        with self._store.reading():
            self._store.collection("logins").insert_one({"_id": login.id, **document})
        now = self._clock()
        with self._lock:
            self._lives[login.id] = _Life(login, now, now + self._longest_s, now, wall)
            self._of_account.setdefault(account.id, set()).add(login.id)
        self.begun(login.id)
        for old in self.of_account(account)[OF_ONE:]:
            self.end(old.id)
        return login, cookie

    def of(self, cookie: str) -> Login | None:
        """The login that a cookie opens, None where there is none or it is over. It is in use herewith."""
        life = self._lives.get(digest(cookie)) if cookie.startswith(PREFIX) else None
        if life is None:
            return None
        now = self._clock()
        if now > life.over or now - life.used > self._idle_s:
            self.end(life.login.id)
            return None
        life.used = now
        return life.login

    def of_account(self, account: Account) -> list[Login]:
        """The account's logins in force, the one used last first."""
        now = self._clock()
        with self._lock:
            lives = [self._lives[login_id] for login_id in self._of_account.get(account.id, ())]
        lives = [life for life in lives if life.login.epoch == account.epoch]
        lives = [life for life in lives if now <= life.over and now - life.used <= self._idle_s]
        wall = utc_now()
        return [replace(life.login, seen_at=wall - timedelta(seconds=now - life.used)) for life in sorted(lives, key=lambda life: -life.used)]

    def end(self, login_id: str) -> None:
        """End one, now; in an outage its record goes when the database is back."""
        if self.drop(login_id):
            self._delete(login_id)
            self.ended(login_id)

    def drop(self, login_id: str) -> bool:
        """One has ended elsewhere: it opens nothing here any more. False where it did not."""
        with self._lock:
            self._gone[login_id] = None
            while len(self._gone) > GONE_MAX:
                self._gone.popitem(last=False)
            life = self._lives.pop(login_id, None)
            if life is not None:
                self._of_account.get(life.login.account_id, set()).discard(login_id)
        return life is not None

    def tidy(self) -> None:
        """Store which are in use, and let go of those that are over. Raise `StorageError`."""
        now, wall = self._clock(), utc_now()
        with self._lock:
            lives = list(self._lives.values())
        if self.shared:
            self._hear_of_use()
        for life in lives:
            if now > life.over or now - life.used > self._idle_s:
                self.end(life.login.id)
            elif life.used - life.stored > SEEN_S:
                with self._store.reading():
                    seen = wall - timedelta(seconds=now - life.used)
                    seen = seen.replace(microsecond=seen.microsecond // 1000 * 1000)  # as the database keeps it
                    self._store.collection("logins").update_one({"_id": life.login.id}, {"$set": {"seen_at": seen}})
                life.stored, life.seen = life.used, seen

    def _hear_of_use(self) -> None:
        """What another server has stored of a login's use since the last turn says that it is in use; no clock is compared. Raise `StorageError`."""
        with self._store.reading():
            seen = {row["_id"]: row.get("seen_at") for row in self._store.collection("logins").find({}, {"seen_at": 1})}
        now = self._clock()
        with self._lock:
            for login_id, life in self._lives.items():
                if (there := seen.get(login_id)) is not None and there != life.seen:
                    life.seen, life.used, life.stored = there, now, now


class EndedLogins:
    """Logins by the shared password that were logged out. Their cookies are signed, and would open something again after a restart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, login_digest: str) -> None:
        """One was logged out. Never waits: it is stored, or spooled."""
        self._database.write("ended_logins", login_digest, {"at": utc_now()})

    def read(self) -> list[str]:
        """The digests of those whose cookies may still be young enough. Raise `StorageError`."""
        with self._database.reading():
            found = self._database.collection("ended_logins").find({}, {"_id": 1}).sort("at", -1).limit(GONE_MAX)
            return [str(row["_id"]) for row in found]


def login_of(document: Document) -> Login:
    """A login as it is stored."""
    return Login(id=str(document["_id"]), **{name: document[name] for name in Login.__dataclass_fields__ if name != "id"})
