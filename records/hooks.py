"""The endpoints that other systems want to be told at: their addresses, what each wants to know, and the secrets that sign it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from basics.errors import Conflict, InvalidInput, NotFound
from basics.looks import look
from basics.plain_text import one_line, printable
from basics.seal import Seal
from basics.texts import _, from_kept, kept
from basics.times import utc_now
from database import Database, Document
from records.hook_address import target_of
from records.hook_events import EVENTS, TEST
from records.hook_posting import PREFIX, SECRET_BYTES

COLLECTION = "hooks"
ENDPOINTS_MAX = 10
NAME_MAX = 100  # characters
EXAMS_MAX = 200
BOTH_FOR = timedelta(hours=24)  # for which a secret signs on that was replaced,
OLD_MAX = 3  # and so many of them
RESTORED = _("it came from a backup: enable it where this server is the one that is to tell")
PURPOSE = "webhooks"


@dataclass(frozen=True, slots=True)
class Secret:
    """One as it is stored; `until` is when it stops to sign, None: it is the newest."""

    sealed: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. Without `events` it is told all, without `exams` and `courses` those of every exam; `disabled_why` is set where the server
    disabled it; nothing is sent to it before `slow_until`; since `failing_since` it has taken nothing, for the reason `failing_why`."""

    id: str
    name: str
    url: str
    events: frozenset[str] = frozenset()
    exams: tuple[str, ...] = ()
    courses: tuple[str, ...] = ()
    names: bool = False
    enabled: bool = True
    disabled_why: str = ""
    slow_until: datetime | None = None
    failing_since: datetime | None = None
    failing_why: str = ""
    secrets: tuple[Secret, ...] = field(default=(), repr=False)
    made_at: datetime | None = None
    made_by: str = ""

    def wants(self, kind: str, at: datetime, exam_id: str | None, course: str) -> bool:
        """Is it to be told of such an event, that was at this time?"""
        if not self.enabled or (self.made_at is not None and at < self.made_at):
            return False
        if self.events and kind not in self.events:
            return False
        if not self.exams and not self.courses:
            return True
        of_exam = exam_id is not None and look(exam_id) in {look(one) for one in self.exams}
        return of_exam or (bool(course) and course.casefold() in {one.casefold() for one in self.courses})


class Hooks:
    """The endpoints of one database. Safe between threads; every method may raise `StorageError`."""

    def __init__(self, database: Database, key: str, private_hosts: Collection[str] = (), now: Callable[[], datetime] = utc_now) -> None:
        """`key` opens the secrets; `private_hosts` may lie within the own network."""
        self._database, self._now = database, now
        self._seal = Seal(key, PURPOSE)
        self.private_hosts = frozenset(private_hosts)

    def all(self) -> list[Endpoint]:
        """All, by name."""
        return sorted(stored_endpoints(self._database), key=lambda one: (one.name.casefold(), one.id))

    def get(self, endpoint_id: str) -> Endpoint:
        """One. Raise `NotFound`."""
        return endpoint_of(self._stored(endpoint_id))

    def _stored(self, endpoint_id: str) -> Document:
        with self._database.reading():
            document = self._database.collection(COLLECTION).find_one({"_id": endpoint_id})
        if document is None:
            raise NotFound(_("There is no webhook %(id)s.", id=repr(endpoint_id[:40])), field="endpoint_id")
        return document

    def add(self, name: str, url: str, *, by: str, **wanted: Any) -> tuple[Endpoint, str]:
        """Make one; give it and its secret, which nobody is shown again. `wanted` as in `change`. Raise `InvalidInput`, `Conflict`."""
        fields = self._checked({"name": name, "url": url, **wanted})
        if len(self.all()) >= ENDPOINTS_MAX:
            raise Conflict(_("There are %(most)s webhooks, as many as one server has. Remove one that nobody needs.", most=ENDPOINTS_MAX))
        secret, now = new_secret(), self._now()
        document = {
            "_id": secrets.token_hex(8),
            "events": [],
            "exams": [],
            "courses": [],
            "names": False,
            "enabled": True,
            **fields,
            "disabled_why": "",
            "secrets": [{"sealed": self._seal.seal(secret), "until": None}],
            "made_at": now,
            "begun_at": now,
            "made_by": by,
        }
        with self._database.reading():
            self._database.collection(COLLECTION).insert_one(document)
        self._database.is_listened_to = True
        return endpoint_of(document), secret

    def change(self, endpoint_id: str, **wanted: Any) -> Endpoint:
        """Change `name`, `url`, `events`, `exams`, `courses`, `names`, `enabled` of one. Raise `NotFound`, `InvalidInput`."""
        fields = self._checked(wanted)
        if fields.get("enabled"):
            fields |= {"disabled_why": "", "slow_until": None}
        self._stored(endpoint_id)
        if fields:
            anew = {"enabled", "url"} & set(fields)  # what came of earlier tries says nothing of it now
            change = {"$set": fields | ({"begun_at": self._now()} if anew else {})}
            self._update(endpoint_id, change | ({"$unset": {"failing_since": "", "failing_why": ""}} if anew else {}))
        return self.get(endpoint_id)

    def remove(self, endpoint_id: str) -> Endpoint:
        """Remove one, with what waits for it. Raise `NotFound`."""
        found = self.get(endpoint_id)
        with self._database.reading():
            self._database.collection(COLLECTION).delete_one({"_id": endpoint_id})
            self._database.collection("outbox").delete_many({"endpoint_id": endpoint_id})
        return found

    def rotate(self, endpoint_id: str) -> tuple[Endpoint, str]:
        """Give one a new secret; each from before signs beside it until 24 h after it was replaced. Raise `NotFound`, `Conflict`."""
        found, secret, now = self._stored(endpoint_id), new_secret(), self._now()
        before = [
            {"sealed": one.sealed, "until": one.until or now + BOTH_FOR} for one in endpoint_of(found).secrets if one.until is None or one.until > now
        ]
        secrets_now = [{"sealed": self._seal.seal(secret), "until": None}, *before[:OLD_MAX]]
        if not self._update(endpoint_id, {"$set": {"secrets": secrets_now}}, secrets=found.get("secrets")):
            raise Conflict(_("The webhook was given another secret in this moment. Look again before you make one more."))
        return self.get(endpoint_id), secret

    def disable(self, endpoint_id: str, why: str, *, tried_at: datetime, took_nothing_since: datetime | None = None) -> bool:
        """Send nothing to it until a person enables it. Not where somebody enabled it, or gave it another address, after `tried_at`; nor where it
        took something since. Was it disabled?"""
        unless: list[Document] = [{"begun_at": {"$gt": tried_at}}]
        unless += [{"took_at": {"$gt": took_nothing_since}}] if took_nothing_since is not None else []
        return self._update(endpoint_id, {"$set": {"enabled": False, "disabled_why": kept(why)}}, **{"enabled": True, "$nor": unless})

    def slow_down(self, endpoint_id: str, until: datetime) -> None:
        """Send it nothing before then."""
        self._update(endpoint_id, {"$set": {"slow_until": until}})

    def took(self, endpoint_id: str, at: datetime) -> None:
        """Note that it took something."""
        self._update(endpoint_id, {"$max": {"took_at": at}, "$unset": {"failing_since": "", "failing_why": ""}})

    def forget_failures(self, endpoint_id: str) -> None:
        """What failed so far says nothing of it: that is over."""
        self._update(endpoint_id, {"$unset": {"failing_since": "", "failing_why": ""}})

    def failed(self, endpoint_id: str, at: datetime, why: str) -> None:
        """Note that it did not take something."""
        self._update(endpoint_id, {"$min": {"failing_since": at}, "$set": {"failing_why": kept(why)}})

    def secrets_of(self, endpoint: Endpoint, now: datetime) -> list[str]:
        """The secrets that sign now, the newest first; none where this server's key is another than the one that sealed them."""
        opened = (self._seal.open(one.sealed) for one in endpoint.secrets if one.until is None or one.until > now)
        return [secret for secret in opened if secret]

    def _update(self, endpoint_id: str, change: Document, **where: Any) -> bool:
        with self._database.reading():
            return self._database.collection(COLLECTION).update_one({"_id": endpoint_id, **where}, change).matched_count > 0

    def _checked(self, wanted: Mapping[str, Any]) -> Document:
        fields = dict(wanted)
        if "name" in fields:
            fields["name"] = _line(fields["name"], "name", NAME_MAX)
        if "url" in fields:
            target_of(fields["url"], self.private_hosts)
        if unknown := set(fields.get("events") or ()) - set(EVENTS):
            known = ", ".join(EVENTS)
            raise InvalidInput(_("events has %(one)s; there are: %(known)s.", one=repr(min(unknown)), known=known), field="events")
        for name in ("exams", "courses"):
            if len(fields.get(name) or ()) > EXAMS_MAX:
                raise InvalidInput(_("%(name)s has more than %(most)s.", name=name, most=EXAMS_MAX), field=name)
        return {name: sorted(value) if isinstance(value, (set, frozenset, tuple)) else value for name, value in fields.items()}


def new_secret() -> str:
    """A secret, as the rules have it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def stored_endpoints(database: Database) -> list[Endpoint]:
    """Every endpoint that can be read. Raise `StorageError`."""
    with database.reading():
        documents = list(database.collection(COLLECTION).find({}).limit(2 * ENDPOINTS_MAX))
    return [endpoint_of(document) for document in documents]


def endpoint_of(document: Document) -> Endpoint:
    """One as it was stored; what was damaged is as if it were not there, so that nothing is told to more than was asked for."""
    stored = document.get("secrets")
    sealed = [one for one in stored if isinstance(one, Mapping)] if isinstance(stored, list) else []
    damaged = any(not isinstance(document.get(name, []), list) for name in ("events", "exams", "courses")) or not isinstance(document.get("url"), str)
    return Endpoint(
        id=str(document["_id"]),
        name=str(document.get("name") or ""),
        url=str(document.get("url") or ""),
        events=frozenset(_texts(document.get("events"))),
        exams=tuple(_texts(document.get("exams"))),
        courses=tuple(_texts(document.get("courses"))),
        names=document.get("names") is True,
        enabled=document.get("enabled") is True and not damaged,
        disabled_why=from_kept(document.get("disabled_why")),
        slow_until=_time(document.get("slow_until")),
        failing_since=_time(document.get("failing_since")),
        failing_why=from_kept(document.get("failing_why")),
        secrets=tuple(Secret(str(one.get("sealed")), _time(one.get("until"))) for one in sealed),
        made_at=_time(document.get("made_at")),
        made_by=str(document.get("made_by") or ""),
    )


def _texts(value: object) -> Sequence[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _time(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _line(text: str, name: str, most: int) -> str:
    text = " ".join(text.split())
    if not text or len(text) > most:
        raise InvalidInput(_("%(name)s has 1 to %(most)s characters.", name=name, most=most), field=name)
    try:
        return one_line(printable(text))
    except ValueError as error:
        raise InvalidInput(_("%(column)s %(problem)s", column=name, problem=error.args[0]), field=name) from None


__all__ = ["EVENTS", "TEST", "Endpoint", "Hooks", "stored_endpoints"]
