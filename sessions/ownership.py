"""Whose a session is: what its owner writes carries the session's epoch, and who may take it is told by who lives."""

from __future__ import annotations

import hmac
from typing import Any, Protocol

from basics.errors import Conflict, NotFound, StorageError
from basics.texts import _
from cluster.membership import DEAD_S, Membership
from cluster.owning import FIRST_EPOCH, owner_of, rename, take
from database import Database, Document
from sessions.refusals import drains
from storage.deleted import COLLECTION as DELETED
from storage.writes import NONE, Fields


class FencedStorage(Protocol):
    """What takes writes that may come too late: see `storage.fence`."""

    def write(
        self,
        collection: str,
        document_id: str,
        fields: dict[str, Any],
        *,
        insert_only: bool = False,
        epoch: int | None = None,
        new: Fields = NONE,
    ) -> Any: ...

    def change(self, collection: str, document_id: str, fields: dict[str, Any], where: Fields = NONE) -> Any: ...


class Owned:
    """The database as one session writes to it: under the epoch in which this server has it."""

    def __init__(self, storage: FencedStorage, epoch: int) -> None:
        self.epoch = epoch
        self._storage = storage

    @property
    def fence(self) -> Document:
        """The condition that nobody has written of a document in a later epoch."""
        return {"epoch": {"$not": {"$gt": self.epoch}}}

    def write(self, collection: str, document_id: str, fields: dict[str, Any], *, insert_only: bool = False, new: Fields = NONE) -> Any:
        """Queue a write. What is only inserted overwrites nothing, and needs no fence."""
        return self._storage.write(collection, document_id, fields, insert_only=insert_only, epoch=None if insert_only else self.epoch, new=new)

    def change(self, collection: str, document_id: str, fields: dict[str, Any], where: Fields = NONE) -> Any:
        """Queue a change that has a condition of its own in place of the fence."""
        return self._storage.change(collection, document_id, fields, where)


class Ownership:
    """Which sessions are this server's, and which may become so. Every question may raise `StorageError`."""

    def __init__(self, database: Database, membership: Membership | None, disk: str = "") -> None:
        """Without `membership` there is no other server. `disk` is the name under which this one's files are known."""
        self._database = database
        self._membership = membership
        self._disk = disk

    @property
    def name(self) -> str | None:
        """By which this server owns."""
        return self._membership.name if self._membership is not None else None

    @property
    def _run(self) -> str | None:
        return self._membership.run if self._membership is not None else None

    def fields(self) -> Document:
        """What is stored with a session that is made here."""
        return {"owner": self.name, "owner_run": self._run, "epoch": FIRST_EPOCH, **self.wall_clock()}

    def wall_clock(self) -> Document:
        """What is stored with a session whose start is told by this machine's wall clock: by so much the database's is ahead of it."""
        return {"wall_behind_s": self._membership.database_ahead_s if self._membership is not None else None}

    def wall_skew_s(self, document: Document) -> float:
        """By so much the wall clock that told a session's start is ahead of this machine's; 0 where that is not known."""
        mine, theirs = self.wall_clock()["wall_behind_s"], document.get("wall_behind_s")
        return float(mine - theirs) if isinstance(mine, float) and isinstance(theirs, float) else 0.0

    def living(self) -> list[str]:
        """The names of the others that live, as of the last look."""
        return [other.name for other in self._membership.others() if other.lives] if self._membership is not None else []

    def may_be_elsewhere(self, session_id: str) -> bool:
        """May a session that is not stored lie in another server's spool? One that died stores it once it is back, but not what was deleted."""
        if self._membership is None or not self._membership.others():
            return False
        with self._database.reading():
            return self._database.collection(DELETED).find_one({"_id": session_id}, {"_id": 1}) is None

    @property
    def is_draining(self) -> bool:
        """Is this server about to end, so that no exam begins here?"""
        return self._membership is not None and self._membership.state == "draining"

    def others_take(self) -> bool:
        """Is there another server that takes exams, as of the last look?"""
        others = self._membership.others() if self._membership is not None else []
        return any(other.state == "up" and other.still_s < DEAD_S / 2 for other in others)

    def can_hand_over(self) -> bool:
        """Is there such a server, and would it find all of an exam? Not while the database is away, or something waits in the spool."""
        if not self.others_take():
            return False
        health = self._database.health()
        return health["state"] in ("ok", "degraded") and not health["spooled"]

    def check_begins(self) -> None:
        """Raise `StorageError` while no exam begins here."""
        if self.is_draining:
            raise drains(elsewhere=self.others_take())

    def is_free(self, document: Document) -> bool:
        """May this server take a session, because it is its own, or nobody's who lives? A station's camera is at one machine alone."""
        owner = owner_of(document)
        if owner is None or owner == self.name or self._membership is None or self._membership.alone:
            return True
        if document.get("source") == "local" and owner.partition("#")[0] != (self.name or "").partition("#")[0]:
            return False
        return self._membership.is_gone(owner)

    def take(self, document: Document) -> Document | None:
        """Make it this server's, as it was read; None where somebody else was faster."""
        return take(self._database, document, self.name, self._disk, self._run)

    def take_over(self, document: Document) -> Document:
        """As `take`; raise `Conflict` where somebody else was faster."""
        taken = self.take(document)
        if taken is None:
            raise Conflict(_("The session was just changed elsewhere. Look at it again."))
        return taken

    def keep(self, session_id: str, epoch: int, old: str) -> bool:
        """Keep one that this server owned as `old`. False where another has taken it."""
        return rename(self._database, session_id, epoch, old, self.name or old)

    def owner(self, session_id: str) -> str | None:
        """Whose it is as it is stored; None: nobody's. Raise `NotFound`, `StorageError`."""
        return owner_of(self._database.session(session_id))

    def was_started_with(self, session_id: str, nonce: str) -> bool:
        """Was a session of another server started by the browser that has `nonce`? Never raises."""
        try:
            return bool(nonce) and hmac.compare_digest(str(self._database.session(session_id).get("nonce") or ""), nonce)
        except (NotFound, StorageError):
            return False

    def running_elsewhere(self, user_id: str) -> list[Document]:
        """The student's sessions that are stored as running and are not this server's, at most 100; none where nobody can tell. Never raises."""
        if self._membership is None or self._membership.alone:
            return []
        try:
            return [one for one in self._database.sessions(user_id=user_id, state="running") if owner_of(one) != self.name]
        except StorageError:
            return []

    def running(self, user_id: str, exam_id: str | None) -> str | None:
        """The id of the student's session that is stored as running at whichever server; None where there is none, or nobody can tell."""
        try:
            latest = self._database.latest_session(user_id, exam_id)
        except StorageError:
            return None
        return latest["_id"] if latest is not None and latest.get("state") == "running" else None
