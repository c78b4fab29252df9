"""What a newer version of the program changes in a database: each change has a name, is made once, and taken back by restoring a backup alone.

A change is made while the database is read and written by nobody of this program: until it is done the database is as away, with the reason. One
server makes it, the others wait. Indexes that are missing need none: they are made at each connection (`indexes.py`).
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, PyMongoError

from basics.errors import ConfigError
from basics.texts import _
from basics.times import utc_now
from basics.version import VERSION
from storage import lease
from storage.indexes import drop_outdated

log = logging.getLogger(__name__)

COLLECTION = "migrations"
JOB = "migrations"
QUESTION_S = 3.0  # for each question but what a change itself asks
STILL_S = 3.0  # a server whose beat stands still for so long does not live
_NAMED = 3  # servers, in a reason
_READ = 100  # changes that this program does not know

Db = Database[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Migration:
    """A change. `make` may be broken off at any moment, and is made again from the beginning then: it must bear that.

    `compatible`: the release before, which does not know the change, reads and writes rightly beside it, and this one what that one writes. It is so
    for fields and collections that are new. Else servers of that release must end first, and never start on this database again. Neither name nor
    `compatible` is changed after a release, and no change is taken off the list. An index that nobody asks for any more is dropped by the release
    after the one that stopped making it, which would make it again.
    """

    name: str
    make: Callable[[Db], object]
    compatible: bool = False


def place_sent_clips(database: Db) -> None:
    """Let the record of each clip that is on the store name no server (`clip.on`): it alone says where a clip lies. Raise `PyMongoError`.

    The release before said it in `files` first, and could write over what stood in the record.
    """
    intervals, files = database["intervals"], database["files"]
    for row in files.find({"kind": "clip", "there": True}, {"sha256": 1}):
        query = {"_id": row["_id"], "clip.state": "ready", "clip.sha256": row.get("sha256")}
        intervals.update_one(query, {"$set": {"clip.on": ""}})


MIGRATIONS: tuple[Migration, ...] = (
    Migration("drop-outdated-indexes", drop_outdated, compatible=True),
    Migration("place-sent-clips", place_sent_clips, compatible=True),
)
"""All, in the order in which they are made."""


def refusal(database: Db, known: Sequence[Migration] = MIGRATIONS) -> str:
    """Why a program that knows these migrations can't read the database; empty where it can. Raise `PyMongoError`."""
    unknown = list(database[COLLECTION].find({"compatible": False, "_id": {"$nin": [one.name for one in known]}}).limit(_READ))
    if not unknown:
        return ""
    found = max(unknown, key=lambda row: number if isinstance(number := row.get("number"), int) else 0)  # the newest: that version reads them all
    return _(
        "The database %(database)s is of a newer version of this program: version %(version)s made the change %(change)s, and this one, version "
        "%(own)s, can't read what came of it. Start the newer version here, too; the way back is a backup of before.",
        database=database.name,
        version=str(found.get("by")),
        change=str(found["_id"]),
        own=VERSION,
    )


def check_readable(database: Db) -> None:
    """Raise `ConfigError` where a newer version has made the database what this one can't read, `PyMongoError`."""
    if reason := refusal(database):
        raise ConfigError(reason, field="DB_NAME")


class Migrating:
    """Brings one database to this version, and looks whether it has become too new since. For one thread; any may read `refused`."""

    def __init__(self, database: Db, known: Sequence[Migration] = MIGRATIONS, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.known = tuple(known)
        self.refused = ""  # why this program can't read the database
        self._db = database
        self._rows = database[COLLECTION]
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._clock = clock
        self._made = False
        self._beats: dict[str, tuple[Any, float]] = {}  # by server its beat, and since when it is that
        self._told = ""

    def reset(self) -> None:
        """The connection was lost: whatever is at its other end next, a restored backup perhaps, is looked at anew."""
        self._made = False

    def look(self) -> list[Migration]:
        """Whether the database can be read (`refused`), and what is to be made of it. Raise `PyMongoError`."""
        self.refused = refusal(self._db, self.known)
        if self.refused:
            self._say(self.refused)
            return []
        due = [] if self._made else self._due()
        self._made = not due
        return due

    def make(self, due: Sequence[Migration], tell: Callable[[str], object]) -> str:
        """Make these changes, of which `tell` is told before. Why the database can't be used after that; empty where it can. Raise `PyMongoError`."""
        with pymongo.timeout(QUESTION_S):
            older = [] if all(one.compatible for one in due) else self._older_that_live()
        if older:
            reason = _(
                "Servers of an older version run on the database, which can't read what this one makes of it: %(names)s. End them, and this server "
                "goes on by itself.",
                names=", ".join(older[:_NAMED]),
            )
            self._say(reason)
            return reason
        tell(_("it is brought to this version"))
        if not self._holds():
            return _("another server brings it to this version")
        try:
            with self._kept() as is_lost:
                for one in self._due():  # another may have made some before the lease came here
                    if is_lost.is_set() or not self._holds():  # it may have hung in the change before, and another have gone on
                        return _("another server brings it to this version")
                    self._make(one)
        except PyMongoError:
            raise
        except Exception as error:
            reason = _("it could not be brought to this version (%(error)s)", error=f"{type(error).__name__}: {error}")
            self._say(reason, error)
            return reason
        self._made = True
        return ""

    def _holds(self) -> bool:
        """Is it this server that makes them, for some time from now on?"""
        with pymongo.timeout(QUESTION_S):
            return lease.ask(self._db[lease.COLLECTION], JOB, self._owner, lease.TTL_S) is not None

    def _due(self) -> list[Migration]:
        done = {row["_id"] for row in self._rows.find({"done": True}, {"_id": 1})}
        return [one for one in self.known if one.name not in done]

    def _make(self, one: Migration) -> None:
        number, began = self.known.index(one) + 1, self._clock()
        said = {"number": number, "compatible": one.compatible, "by": VERSION, "server": self._owner, "done": False, "begun_at": utc_now()}
        try:  # before it: who can't read a half of it must not, either
            self._rows.update_one({"_id": one.name, "done": {"$ne": True}}, {"$set": said}, upsert=True)
        except DuplicateKeyError:  # another has made it since
            return
        log.info("the database is changed: %s", one.name)
        one.make(self._db)
        took_s = round(self._clock() - began, 3)
        self._rows.update_one({"_id": one.name}, {"$set": {"done": True, "at": utc_now(), "took_s": took_s}})
        log.info("the database was changed: %s, in %.1f s", one.name, took_s)

    def _older_that_live(self) -> list[str]:
        """Servers that know fewer changes, and whose beat has moved of late, as far as was watched."""
        now = self._clock()
        older = {"state": {"$in": ["up", "draining"]}, "schema": {"$not": {"$gte": len(self.known)}}}
        beats = {str(row["_id"]): (row.get("run"), row.get("beat")) for row in self._db["instances"].find(older, {"run": 1, "beat": 1}).limit(1000)}
        known = self._beats
        self._beats = {name: known[name] if known.get(name, (None,))[0] == beat else (beat, now) for name, beat in beats.items()}
        return sorted(name for name, (_beat, since) in self._beats.items() if now - since < STILL_S)

    @contextmanager
    def _kept(self) -> Iterator[threading.Event]:
        """Keep the lease meanwhile, however long a change takes; the event says that it was lost."""
        is_lost, over = threading.Event(), threading.Event()
        leases = self._db[lease.COLLECTION]

        def keep() -> None:
            while not over.wait(lease.TTL_S * lease.SURE):
                try:
                    if lease.ask(leases, JOB, self._owner, lease.TTL_S) is None:
                        is_lost.set()
                except PyMongoError as error:
                    log.debug("the lease of the changes is not renewed: %s", error)

        thread = threading.Thread(target=keep, name="migrations-lease", daemon=True)
        thread.start()
        try:
            yield is_lost
        finally:
            over.set()
            thread.join()
            lease.give_back(leases, JOB, self._owner)

    def _say(self, reason: str, error: Exception | None = None) -> None:
        """Log it once, however often it is met."""
        if reason != self._told:
            log.error("%s", reason, exc_info=error)
        self._told = reason
