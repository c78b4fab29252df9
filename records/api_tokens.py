"""Named tokens for scripts: what each may, in which exams, until when, and when it was last used. Only their SHA-256 is kept."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from basics.errors import Conflict, InvalidInput, NotFound
from basics.texts import _
from basics.times import utc_now
from records.accounts import checked_name, digest
from records.stores import Document, Store

SCOPES = ("read", "sessions", "exams", "administer")
PREFIX = "pt_"  # so that scanners for leaked secrets know one
TOKENS_MAX = 1000
EXAMS_MAX = 200  # that one token may name
LONGEST_LIFE = timedelta(days=731)
USED_S = 60.0  # how often it is stored that one was used


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One token. `exams` None: all of them. `until` None: it does not end by itself."""

    id: str
    name: str
    scopes: frozenset[str]
    exams: frozenset[str] | None = None
    made_at: datetime | None = None
    made_by: str = ""
    until: datetime | None = None
    used_at: datetime | None = None
    used_from: str = ""

    @property
    def short(self) -> str:
        """What names it in lists."""
        return self.id[:16]

    @property
    def is_over(self) -> bool:
        """Has it ended?"""
        return self.until is not None and self.until < utc_now()


class ApiTokens:
    """The tokens of one store, all held in memory. Safe between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, ApiToken] = {}
        self._used: dict[str, tuple[datetime, str]] = {}
        self._lock = threading.Lock()
        self.known = False

    def read(self) -> bool:
        """Read all; True where one came or went. Raise `StorageError`."""
        with self._store.reading():
            found = {token.id: token for token in map(token_of, self._store.collection("tokens").find().limit(TOKENS_MAX + 1))}
        with self._lock:
            changed, self._by_id, self.known = found.keys() != self._by_id.keys(), found, True
        return changed

    def of(self, token: str, address: str = "") -> ApiToken | None:
        """The token that this is, None where there is none or it is over. It is used herewith."""
        found = self._by_id.get(digest(token)) if token.startswith(PREFIX) else None
        if found is None or found.is_over:
            return None
        self._used[found.id] = utc_now(), address[:60]
        return found

    def listed(self) -> list[ApiToken]:
        """All, by name; those that are over, too. A use is told at once, and stored within a minute."""
        with self._lock:
            used = dict(self._used)
        known = (replace(one, used_at=used[one.id][0], used_from=used[one.id][1]) if one.id in used else one for one in self._by_id.values())
        return sorted(known, key=lambda one: (one.name.casefold(), one.id))

    def add(
        self, name: str, scopes: frozenset[str], *, by: str, exams: frozenset[str] | None = None, days: int | None = None
    ) -> tuple[ApiToken, str]:
        """Make one; give it and what a script sends, which stands nowhere else.

        Raise `InvalidInput`, `Conflict` for a name in use, `StorageError`.
        """
        name = checked_name(name)
        if not scopes or scopes - set(SCOPES):
            raise InvalidInput(_("A token needs one scope at least, of: %(scopes)s.", scopes=", ".join(SCOPES)), field="scopes")
        if exams is not None and "administer" in scopes:
            raise InvalidInput(_("The scope administer is for the whole server; leave it out of a token for some exams."), field="scopes")
        if days is not None and not 1 <= days <= LONGEST_LIFE.days:
            raise InvalidInput(_("A token is good for 1 to %(most)s days.", most=LONGEST_LIFE.days), field="days")
        if any(one.name.casefold() == name.casefold() for one in self._by_id.values()):
            raise Conflict(_("There is a token called %(name)s. Revoke it first, or choose another name.", name=repr(name)), field="name")
        if len(self._by_id) >= TOKENS_MAX:
            raise Conflict(_("There are %(most)s tokens, as many as one server keeps. Revoke those that nobody uses.", most=TOKENS_MAX))
        secret = PREFIX + secrets.token_urlsafe(32)
        until = utc_now() + timedelta(days=days) if days is not None else None
        made = ApiToken(digest(secret), name, frozenset(scopes), exams, utc_now(), by, until)
        kept = {"name": name, "scopes": sorted(scopes), "exams": sorted(exams) if exams is not None else None}
        with self._store.reading():
            self._store.collection("tokens").insert_one({"_id": made.id, **kept, "made_at": made.made_at, "made_by": by, "until": until})
        with self._lock:
            self._by_id[made.id] = made
        return made, secret

    def revoke(self, short: str) -> ApiToken:
        """End one by its name in lists. Raise `NotFound`, `StorageError`."""
        found = next((one for one in self._by_id.values() if one.short == short), None)
        if found is None:
            raise NotFound(_("There is no token %(id)s.", id=repr(short[:40])), field="token_id")
        with self._store.reading():
            self._store.collection("tokens").delete_one({"_id": found.id})
        with self._lock:
            self._by_id.pop(found.id, None)
        return found

    def tidy(self) -> None:
        """Store when each was used last. Raise `StorageError`: then it is stored later."""
        with self._lock:
            used = dict(self._used)
        with self._store.reading():
            for token_id, (at, address) in used.items():
                self._store.collection("tokens").update_one({"_id": token_id}, {"$set": {"used_at": at, "used_from": address}})
        with self._lock:
            for token_id, use in used.items():
                if token_id in self._by_id:
                    self._by_id[token_id] = replace(self._by_id[token_id], used_at=use[0], used_from=use[1])
                if self._used.get(token_id) == use:
                    del self._used[token_id]


def token_of(document: Document) -> ApiToken:
    """A token as it is stored."""
    exams = document.get("exams")
    return ApiToken(
        id=str(document["_id"]),
        name=str(document["name"]),
        scopes=frozenset(document.get("scopes") or ()),
        exams=frozenset(exams) if exams is not None else None,
        made_at=document.get("made_at"),
        made_by=str(document.get("made_by") or ""),
        until=document.get("until"),
        used_at=document.get("used_at"),
        used_from=str(document.get("used_from") or ""),
    )
