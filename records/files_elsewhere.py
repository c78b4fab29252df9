"""Files of sessions on the disks of several servers: each deletes those on its own when it is asked to, and says so.

A session's record names the servers that may have files of it (`on`), a clip's record the one that has its file. Whoever deletes a session asks the
others first, by a document of `file_removals`, and deletes the records once they have done so. That document outlives the session's record
where a server is gone for good: should it come back all the same, it deletes what it has.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from pymongo.database import Database as Mongo

from basics.times import utc_now
from database import Database, Document
from records.holds import spared
from records.stores import Store
from settings.keeping import Kept

log = logging.getLogger(__name__)

COLLECTION = "file_removals"
PLACES = "file_places"  # the mark that what is there of before has its place
GONE_AFTER = timedelta(days=7)  # since a server last looked what it is asked to delete
AT_ONCE = 1000  # sessions whose files are deleted in one go
FILES: Mapping[Kept, str] = {"stills": "still", "identity": "identity"}  # how the names of their files begin; the session's id follows


class FilesElsewhere:
    """Asks for other servers' files, and deletes one's own where others ask. `names` are those of this server, the present one first."""

    def __init__(
        self, database: Database, names: Sequence[str], clips_dir: Path, folders: Mapping[Kept, Path], forget: Callable[[str], bool] = lambda _: True
    ) -> None:
        """`folders` are those of pictures by kind; `forget` makes no clip of a session any more, and says whether that could be done."""
        self._database = database
        self.name = next(iter(names), "")
        self._names = frozenset(names)
        self._clips_dir = clips_dir.resolve()
        self._folders = folders
        self._forget = forget

    def is_here(self, on: object, *, or_nobodys: bool = True) -> bool:
        """Is a file here by what its record says? `or_nobodys`: where it doesn't say, as those of before there were several servers."""
        return on in self._names if isinstance(on, str) and on else or_nobodys

    def has_others(self, session: Mapping[str, Any]) -> bool:
        """May other servers have files of this session?"""
        return bool(self._others(session))

    def others(self) -> list[str]:
        """The other servers that have looked for what to delete, by their names, whether they are there now or not. Raise `StorageError`."""
        if not self._names:
            return []
        with self._database.reading():
            marks = self._database.collection("server").distinct("_id", {"_id": {"$regex": "^files "}})
        return sorted({str(one).removeprefix("files ") for one in marks} - self._names)

    def _others(self, session: Mapping[str, Any]) -> list[str]:
        on = session.get("on")
        return [one for one in on if isinstance(one, str) and one and one not in self._names] if isinstance(on, list) else []

    def are_gone(self, session: Mapping[str, Any], clips: Collection[str]) -> bool:
        """Have all other servers deleted their files of a session, `clips` among them, or gone for good? Else ask them. Raise `StorageError`."""
        others, session_id = self._others(session), session["_id"]
        if not others:
            return True
        wanted = sorted(map(_digest, clips))
        with self._database.reading():
            removals = self._database.collection(COLLECTION)
            found = removals.find_one({"_id": session_id})
            if found is None or not set(wanted) <= set(found.get("clips") or ()):  # not yet asked for, or it went on since
                removals.replace_one({"_id": session_id}, {"on": others, "clips": wanted, "at": utc_now()}, upsert=True)
                return all(self._is_gone(one) for one in others)
            return all(self._is_gone(one) for one in found["on"])

    def _is_gone(self, name: str) -> bool:
        seen = self._database.collection("server").find_one({"_id": f"files {name}"}, {"looked_at": 1})
        looked_at = (seen or {}).get("looked_at")
        if looked_at is None:  # it has not looked yet, and is known by nothing but a session of its own
            self._database.collection("server").update_one({"_id": f"files {name}"}, {"$setOnInsert": {"looked_at": utc_now()}}, upsert=True)
            return False
        if gone := bool(utc_now() - looked_at > GONE_AFTER):
            log.warning(
                "the server %s has not been here since %s: what it has of sessions that are deleted it deletes when it comes back", name, looked_at
            )
        return gone

    def forget(self, session_id: str) -> None:
        """The session's records are gone: nothing more waits for its files, but where a server is to delete them should it come back."""
        with self._database.reading():
            self._database.collection(COLLECTION).delete_one({"_id": session_id, "on": []})

    def is_asked_for(self, session_id: str) -> bool:
        """Should this server delete what it has of a session whose records are gone? Raise `StorageError`."""
        with self._database.reading():
            return self._database.collection(COLLECTION).find_one({"_id": session_id, "on": {"$in": list(self._names)}}) is not None

    def note_looked(self) -> None:
        """Say that this server is there. Raise `StorageError`."""
        with self._database.reading():
            for name in self._names:
                self._database.collection("server").update_one({"_id": f"files {name}"}, {"$set": {"looked_at": utc_now()}}, upsert=True)

    def delete_asked(self) -> int:
        """Delete the files here that others ask to be deleted; return of how many sessions. Raise `StorageError`."""
        with self._database.reading():
            mine: Document = {"on": {"$in": list(self._names)}}
            asked = list(self._database.collection(COLLECTION).find(mine).limit(AT_ONCE))
        if not asked:
            return 0
        clips = {_digest(path.relative_to(self._clips_dir).as_posix()): path for path in self._clips_dir.rglob("*.mp4")}
        return sum(self._delete(one, clips) for one in asked)

    def _delete(self, asked: Document, clips: Mapping[str, Path]) -> bool:
        session_id = str(asked["_id"])
        if not self._may_go(session_id) or not self._forget(session_id):
            return False
        files = [clips[digest] for digest in asked.get("clips") or () if digest in clips]
        for kind, folder in self._folders.items():
            files += [*folder.glob(f"{FILES[kind]}-{session_id}-*")]
        try:
            for file in files:
                file.unlink(missing_ok=True)
        except OSError as error:
            log.error("%s can't be deleted (%s), and is tried again", error.filename, error.strerror, extra={"session_id": session_id})  # noqa: TRY400
            return False
        for folder in {file.parent for file in files} - {self._clips_dir, *self._folders.values()}:
            with contextlib.suppress(OSError):  # it has other clips
                folder.rmdir()
        with self._database.reading():
            removals = self._database.collection(COLLECTION)
            removals.update_one({"_id": session_id}, {"$pull": {"on": {"$in": list(self._names)}}})
            if self._database.collection("sessions").find_one({"_id": session_id}, {"_id": 1}) is None:
                removals.delete_one({"_id": session_id, "on": []})
        log.info("deleted %d files of a session that is deleted on another server", len(files), extra={"session_id": session_id})
        return True

    def _may_go(self, session_id: str) -> bool:
        """Is a session gone, or is it so still that it may? One that is held by now, or goes on, is asked for anew when it is due."""
        with self._database.reading():
            sessions = self._database.collection("sessions")
            if sessions.find_one({"_id": session_id}, {"_id": 1}) is None:
                return True
            if sessions.find_one({"_id": session_id, "state": {"$ne": "running"}, **spared(self._database)}, {"_id": 1}) is not None:
                return True
            self._database.collection(COLLECTION).delete_one({"_id": session_id})
        return False


def servers_with(database: Store, session_id: str, on: object = "") -> list[str]:
    """The servers that may have a file of a session: the one that its record names (`on`), else all that have had the session.

    Raise `StorageError`.
    """
    if isinstance(on, str) and on:
        return [on]
    with database.reading():
        session = database.collection("sessions").find_one({"_id": session_id}, {"on": 1}) or {}
    had = session.get("on")
    return [one for one in had if isinstance(one, str) and one] if isinstance(had, list) else []


def name_places(database: Database, name: str) -> None:
    """Write down, once for a database, that what is there of before servers had names lies on this one. Raise `StorageError`."""
    with database.reading():
        marks = database.collection("server")
        if marks.find_one({"_id": PLACES}) is not None:
            return
        database.collection("sessions").update_many({"on": None}, {"$set": {"on": [name]}})
        database.collection("intervals").update_many({"clip.state": "ready", "clip.on": None}, {"$set": {"clip.on": name}})
        marks.update_one({"_id": PLACES}, {"$set": {"named": name, "at": utc_now()}}, upsert=True)


def forget_places(database: Mongo[Document]) -> None:
    """Let no record say on which server's disk its files are: `name_places` does so anew."""
    database["sessions"].update_many({"on": {"$exists": True}}, {"$unset": {"on": ""}})
    database["intervals"].update_many({"clip.on": {"$exists": True}}, {"$unset": {"clip.on": ""}})
    database["server"].delete_one({"_id": PLACES})


def _digest(path: str) -> str:
    """What stands for a clip's path: that begins with its student's id, which is not kept here once all else of the student is gone."""
    return hashlib.sha256(path.encode()).hexdigest()
