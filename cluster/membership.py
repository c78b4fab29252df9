"""Which servers share the database, and which of them live: each counts up a beat of its own, and watches the others' on its own clock.

No clock is compared with another machine's. A beat stands still only while this server's own one got through: a database that is away, or has
lost its majority, kills nobody. Who is declared dead by mistake finds that out at its next beat, and goes on under another name.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from basics.errors import ConfigError, StorageError
from basics.figures import Figure
from basics.texts import joined
from basics.times import utc_now
from cluster.instance import ALSO, LIVING, Instance, Seen, State
from cluster.naming import kept_home, name_of
from cluster.shared_key import SharedKey
from cluster.troubles import clock_is_off, housemate, namesake, renamed
from cluster.watching import STEP_MOST_S, beat_of, first_that_beats
from database import Database, Document
from settings.cluster import ClusterSettings

log = logging.getLogger(__name__)

COLLECTION = "instances"
BEAT_S = 1.0
ALONE_BEAT_S = 60.0  # where nobody can look: a private database's disk may sleep
DEAD_S = 10.0  # a beat that stands still for so long is a dead server's
REFUSED_S = 2.0  # and for so long where its address refuses connections as well
NAMESAKE_S = 3.0  # that a server of the same name, or with another key, is watched before this one goes on beside it
EARLIER_SELF_S = 1.5  # where it had the same DATA_DIR
START_S = 30.0  # for which a start waits to know its name, while the database answers
KEPT = timedelta(days=7)  # of a dead server, for people to see
FLUSH_S = 5.0


class Membership:
    """This server among the others. Safe between threads; nothing here waits for the database but `start`, `stop` and what says so."""

    def __init__(
        self,
        database: Database,
        settings: ClusterSettings,
        data_dir: Path,
        *,
        alone: bool = False,
        key: SharedKey | None = None,
        clock: Callable[[], float] = time.monotonic,
        beat_s: float = BEAT_S,
    ) -> None:
        """`alone`: the database is this server's private one, and nobody looks. `key` is what must be the others' too, where that matters."""
        self.url = settings.instance_url
        self.database_ahead_s: float | None = None  # by so much the database's clock is before this machine's
        self._database = database
        self._clock = clock
        self._alone = alone
        self._key = None if alone else key
        self._beat_s = ALONE_BEAT_S if alone else beat_s
        self._home = kept_home(data_dir)
        self.run = uuid.uuid4().hex  # tells this start of the server from its others
        self._base = name_of(settings.instance_name, self._home)
        self._name = self._base
        self._earlier = f"^{self._base.replace('.', '[.]')}#"  # what it was called where it had been taken for dead
        self._state: State = "up"
        self._facts: dict[str, Any] = {}
        self._registered = False
        self._renamed_from = ""  # why, for people
        self._told = ""  # of other servers' keys, in the log
        self._refusal: ConfigError | None = None
        self._seen: dict[str, Seen] = {}
        self._looked_at: float | None = None
        self._lost: list[Callable[[str, str], object]] = []
        self._asked: list[Callable[[Sequence[str]], object]] = []
        self._changed: list[Callable[[], object]] = []
        self._lock = threading.Lock()  # guards `_seen`, `_facts`, and the lists of listeners
        self._tried = threading.Event()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run_beats, name="membership", daemon=True)

    # Life

    def start(self) -> None:
        """Say that this server is there, and begin to beat. Raise `ConfigError` where another that lives has its name, or another key.

        Where the database is away it goes on all the same, and says so once it is back.
        """
        self._thread.start()
        self._tried.wait(START_S)
        if self._refusal is not None:
            self.stop()
            raise self._refusal

    def stop(self) -> None:
        """What was written goes first, then everybody may know that this server is gone."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)
        if not self._registered:
            return
        try:
            self._database.flush(FLUSH_S)
            with self._database.reading():
                self._rows.delete_one({"_id": self._name, "run": self.run})
        except StorageError as error:
            log.warning("the others are not told that this server ends: %s", error.message)
        self._registered = False

    def drain(self, on: bool = True) -> None:
        """Say that no new exams are to come here, or that they may again."""
        self._state = "draining" if on else "up"
        self._wake.set()

    def tell(self, **facts: Any) -> None:
        """Let the others know of these with the next beat; None takes one back. Small values only."""
        with self._lock:
            self._facts = {name: value for name, value in (self._facts | facts).items() if value is not None}

    # Listeners, each called in the thread that beats

    def on_lost(self, listener: Callable[[str, str], object]) -> None:
        """Call `listener(old, new)` when the others have declared this server dead, or its name is another's: it is called `new` from now on."""
        with self._lock:
            self._lost.append(listener)

    def on_asked(self, listener: Callable[[Sequence[str]], object]) -> None:
        """Call `listener(session_ids)` when another server asks for sessions of this one."""
        with self._lock:
            self._asked.append(listener)

    def on_change(self, listener: Callable[[], object]) -> None:
        """Call `listener` when a server came, went, or is in another state."""
        with self._lock:
            self._changed.append(listener)

    # Who is there

    @property
    def name(self) -> str:
        """This server's name, by which it owns sessions; another one after it was declared dead."""
        return self._name

    @property
    def state(self) -> State:
        """How this server says it is."""
        return self._state

    @property
    def registered(self) -> bool:
        """Do the others know of it, and is the name its own? False until the database has answered."""
        return self._registered

    @property
    def alone(self) -> bool:
        """Can there be no other?"""
        return self._alone

    def others(self) -> list[Instance]:
        """The other servers as of the last look, the dead among them, by name."""
        with self._lock:
            return [self._seen[name].instance for name in sorted(self._seen)]

    def lives(self, name: str) -> bool:
        """Is the server of this name there, be it under the name that it got when it was taken for dead, or another one? As of the last look."""
        others = [one for one in self.others() if one.lives and one.still_s < DEAD_S]
        base = name.partition("#")[0]
        return base == self._base or any(one.name.partition("#")[0] == base or name in (one.facts.get(ALSO) or ()) for one in others)

    def still_runs(self, name: str, run: str | None) -> bool:
        """Is another server of just this name there, in this run of it (None: in any)? As of the last look."""
        with self._lock:
            seen = self._seen.get(name)
        return seen is not None and seen.instance.lives and seen.still_s < DEAD_S and run in (None, seen.row.get("run"))

    def owner_url(self, name: str) -> str | None:
        """The address of the server of this name; None where it has none, is dead or unknown."""
        if name == self._name:
            return self.url or None
        with self._lock:
            seen = self._seen.get(name)
        return (seen.instance.url or None) if seen is not None and seen.instance.lives else None

    def look(self, name: str) -> Instance | None:
        """The server of this name as it is now; None where there is none. Asks the database; raise `StorageError`."""
        with self._database.reading():
            row = self._rows.find_one({"_id": name})
        if row is None:
            return None
        with self._lock:
            seen = self._seen.get(name)
        still = seen.still_s if seen is not None and beat_of(seen.row) == beat_of(row) else 0.0
        return Seen(row, still).instance

    def is_gone(self, name: str) -> bool:
        """Is there no such server, or a dead one? Asks the database; raise `StorageError`."""
        if name == self._name:
            return False
        found = self.look(name)
        return found is None or not found.lives

    def declare_dead(self, name: str) -> bool:
        """Declare a server dead whose beat has stood still for `REFUSED_S`. False where it has beaten since. Raise `StorageError`."""
        with self._lock:
            seen = self._seen.get(name)
        if seen is None or seen.still_s < REFUSED_S or name == self._name:
            return False
        row = seen.row
        with self._database.reading():
            done = self._rows.update_one(
                {"_id": name, "run": row.get("run"), "beat": row.get("beat"), "state": {"$in": LIVING}},
                {"$set": {"state": "dead", "dead_by": self._name}, "$currentDate": {"at": True}},
            )
        if done.matched_count:
            log.warning("server %s is declared dead: its beat has stood still for %.1f s", name, seen.still_s)
            self._wake.set()
        return bool(done.matched_count)

    def ask_for(self, session_id: str, owner: str) -> None:
        """Ask the server `owner` to give a session up, because its student's page is here. Raise `StorageError`."""
        with self._database.reading():
            self._rows.update_one({"_id": owner, "state": {"$in": LIVING}}, {"$addToSet": {"asked": session_id}})

    def health(self) -> Document:
        """`state` and `reason`, this server's `name`, the `others`, and by how much the database's clock is ahead of this machine's."""
        reasons = [renamed(self._base, self._name) if self._renamed_from else None, clock_is_off(self.database_ahead_s), self._key_trouble()]
        reason = joined(" ", [one for one in reasons if one])
        others = [
            {"name": one.name, "state": one.state, "still_s": one.still_s, "url": one.url, "database_ahead_s": one.database_ahead_s}
            for one in self.others()
        ]
        found = {"state": "degraded" if reason else "ok", "reason": reason, "name": self._name, "is": self._state, "others": others}
        return {**found, "database_ahead_s": None if self.database_ahead_s is None else round(self.database_ahead_s, 2)}

    def figures(self) -> Iterator[Figure]:
        """For `/metrics`."""
        about = "By so many seconds the database's clock is ahead of this machine's, with half the time of a question as the doubt."
        if self.database_ahead_s is not None:
            yield Figure("database_ahead_seconds", about, self.database_ahead_s)
        still = "For how long the beat of another server has stood still: from 10 s on it is a dead one's."
        yield from (Figure("instance_still_seconds", still, one.still_s, {"other": one.name}) for one in self.others() if one.lives)

    def _key_trouble(self) -> str:
        if self._key is None:
            return ""
        with self._lock:
            rows = [seen.row for seen in self._seen.values() if seen.instance.lives and seen.beat and seen.still_s < DEAD_S]
        return self._key.trouble(rows)

    # The thread that beats

    @property
    def _rows(self) -> Collection[Document]:
        return self._database.collection(COLLECTION)

    def _run_beats(self) -> None:
        while not self._stopping.is_set():
            began = self._clock()
            try:
                self.turn()
            except StorageError as error:
                self._looked_at = None  # nothing is known of the time until the next look
                log.debug("no beat: %s", error.message)
            except ConfigError as error:
                self._refusal = error
                self._tried.set()
                return
            except Exception:
                self._looked_at = None
                log.exception("the others could not be looked at")
            self._tried.set()
            self._wake.wait(max(0.0, self._beat_s - (self._clock() - began)))
            self._wake.clear()

    def turn(self) -> None:
        """One beat, and one look at the others; the thread does it each second. Raise `ConfigError` at the first one, `StorageError`."""
        if not self._registered:
            self._register()
        row = self._beat()
        if row is None:
            self._lose()
            return
        if not self._alone:
            self._look_at_others()
        if asked := [one for one in row.get("asked") or () if isinstance(one, str)]:
            self._hand_on(asked)

    def _beat(self) -> Document | None:
        """Count on. None where the row is not this run's any more, or says that it is dead."""
        with self._lock:
            facts = dict(self._facts)
        if self.database_ahead_s is not None:
            facts["database_ahead_s"] = round(self.database_ahead_s, 2)
        before = utc_now()
        with self._database.reading():
            row = self._rows.find_one_and_update(
                {"_id": self._name, "run": self.run, "state": {"$in": LIVING}},
                {"$inc": {"beat": 1}, "$set": {"state": self._state, "url": self.url, "facts": facts}, "$currentDate": {"at": True}},
                return_document=ReturnDocument.AFTER,
            )
        if row is not None and isinstance(row.get("at"), datetime):
            self.database_ahead_s = (row["at"] - before - (utc_now() - before) / 2).total_seconds()
        return row

    def _look_at_others(self) -> None:
        now = self._clock()
        with self._database.reading():
            rows = {row["_id"]: row for row in self._rows.find({"_id": {"$ne": self._name}}, {"asked": 0}).limit(1000)}
        step = 0.0 if self._looked_at is None else min(now - self._looked_at, STEP_MOST_S)
        self._looked_at = now
        with self._lock:
            before = {name: seen.instance.state for name, seen in self._seen.items()}
            for name, row in rows.items():
                seen = self._seen.get(name)
                stands = seen is not None and beat_of(seen.row) == beat_of(row)
                still = seen.still_s + step if seen is not None and stands else 0.0
                self._seen[name] = Seen(row, still, seen is not None and (seen.beat or not stands))
            for name in self._seen.keys() - rows.keys():
                del self._seen[name]
            changed = before != {name: seen.instance.state for name, seen in self._seen.items()}
            listeners = tuple(self._changed)
        if (trouble := self._key_trouble()) != self._told:
            log.log(logging.ERROR if trouble else logging.INFO, "%s", trouble or "the servers have one key again")
            self._told = trouble
        if changed:
            for listener in listeners:
                _call(listener)

    def _hand_on(self, asked: list[str]) -> None:
        with self._lock:
            listeners = tuple(self._asked)
        for listener in listeners:
            _call(listener, asked)
        with self._database.reading():
            self._rows.update_one({"_id": self._name, "run": self.run}, {"$pull": {"asked": {"$in": asked}}})

    # Its name

    def _register(self) -> None:
        """Raise `ConfigError` where another that lives has the name, or another key, `StorageError`."""
        self._check_others()
        try:
            self._take_name(self._base)
        except ConfigError as error:
            if not self._tried.is_set():
                raise
            log.error("%s", error.message)  # noqa: TRY400 — the server runs already: it goes on under another name
            self._lose()
            return
        with self._database.reading():
            earlier = {"_id": {"$regex": self._earlier}, "home": self._home, "run": {"$ne": self.run}}
            self._rows.update_many({**earlier, "state": {"$in": LIVING}}, {"$set": {"state": "dead", "dead_by": self._base}})
            self._rows.delete_many({"state": "dead", "at": {"$lt": utc_now() - KEPT}})
        self._registered = True
        log.info("this server is %s among those of its database", self._name)

    def _check_others(self) -> None:
        """Raise `ConfigError` where a server that lives has another key, or this DATA_DIR, `StorageError`. One that has begun is refused no more."""
        mine = self._key.fingerprint() if self._key is not None else ""
        if self._tried.is_set() or self._alone:
            return
        wrong: list[Document] = [{"home": self._home, "_id": {"$not": {"$regex": self._earlier}}}]
        wrong += [{"key": {"$nin": [None, mine]}}] if mine else []
        with self._database.reading():
            others = {"_id": {"$ne": self._base}, "state": {"$in": LIVING}, "$or": wrong}
            rows = list(self._rows.find(others, {"asked": 0}).limit(1000))
        if (other := self._first_that_beats(rows, NAMESAKE_S)) is not None:
            raise housemate(other) if self._key is None or other.get("home") == self._home else self._key.refusal(other)

    def _take_name(self, name: str) -> None:
        """Make the name's row this run's. Raise `ConfigError` where another that lives has it, `StorageError`."""
        while not self._stopping.is_set():
            with self._database.reading():
                row = self._rows.find_one({"_id": name})
                fresh = {"url": self.url, "beat": 0, "state": self._state, "run": self.run, "home": self._home, "host": socket.gethostname()}
                fresh |= {"at": utc_now(), "facts": dict(self._facts), "asked": [], "schema": self._database.schema}
                fresh |= {"key": self._key.known} if self._key is not None else {}
                if row is None:
                    try:
                        self._rows.insert_one({"_id": name, **fresh})
                    except DuplicateKeyError:
                        continue  # another came in this moment
                    return
            if row.get("run") == self.run and row.get("state") != "dead":
                return  # it was stored, and the answer was lost
            if row.get("state") != "dead" and not self._alone and self._beats(row):
                raise namesake(name, row)
            with self._database.reading():
                seen = {"_id": name, **{key: row.get(key) for key in ("run", "beat", "state")}}
                if self._rows.replace_one(seen, fresh).matched_count:
                    return

    def _beats(self, row: Document) -> bool:
        """Does another server's beat move, or come back, while this one watches? Raise `StorageError`."""
        return self._first_that_beats([row], EARLIER_SELF_S if row.get("home") == self._home else NAMESAKE_S) is not None

    def _first_that_beats(self, rows: Sequence[Document], needed_s: float) -> Mapping[str, Any] | None:
        """Raise `StorageError`."""

        def find(names: list[str]) -> dict[str, Document]:
            with self._database.reading():
                return {row["_id"]: row for row in self._rows.find({"_id": {"$in": names}}, {"run": 1, "beat": 1, "state": 1})}

        return first_that_beats(rows, find, needed_s, self._stopping, self._clock)

    def _lose(self) -> None:
        """Its row is another's, or says that it is dead: from now on it is somebody else."""
        old, number = self._name, 1
        with self._database.reading():
            gone = self._rows.find_one({"_id": old}, {"_id": 1}) is None
        new = old if gone else f"{self._base}#2"  # gone as where a backup was restored: nobody else has the name
        while True:
            number += 1
            try:
                if new != old or gone:
                    self._take_name(new)
                    break
            except ConfigError:
                gone = False
            new = f"{self._base}#{number}"
        with self._lock:
            self._seen.clear()
            listeners = tuple(self._lost)
        self._looked_at = None
        self._name, self._registered = new, True
        if new != old:
            self._renamed_from = old
            log.error("the others took this server for dead, or another has its name: %s goes on as %s", old, new)
        for listener in listeners:
            _call(listener, old, new)


def _call(listener: Callable[..., object], *values: object) -> None:
    try:
        listener(*values)
    except Exception:
        log.exception("a listener to the other servers failed")
