"""Deletes kinds of records of sessions that themselves are kept for longer: clips by what was decided, readings, pictures.

Files go first, then the record says what went, why and when; a flag keeps its decision, its points and its reasons. Legal holds spare everything,
and so does a student's request for a new look until somebody has answered it. Of several servers each deletes the files on its own disk, with what
their records say of them, and one (`leads`) what is in the database alone.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from basics.errors import NotFound, StorageError
from basics.times import utc_now
from database import Database, Document
from media.clip_reasons import OF_CONFIRMED, OF_DISMISSED, OF_OPEN
from media.stores.base import StoreError
from records import absences
from records.files_elsewhere import FILES, FilesElsewhere
from records.holds import spared
from records.keep_times import CLIP_KINDS, SHOWN, KeepTimes, kind_of, part_of
from records.kept_files import KeptFiles
from records.stores import Store
from records.thinning import thin
from records.verified import DELETED_KINDS
from settings.keeping import Kept
from storage.writes import Ticket

log = logging.getLogger(__name__)

FLUSH_S = 5.0
STORED_WITHIN_S = 10.0
UNDER_WAY = "retention_clips"  # the mark of clips that go, among the server's own
PAGE = 200  # sessions asked for in one go
NAMED_MAX = 10_000  # sessions that one entry of the audit names
SHORTEST = timedelta(days=1)
REASONS: Mapping[Kept, str] = {"clips_dismissed": OF_DISMISSED, "clips_confirmed": OF_CONFIRMED, "clips_open": OF_OPEN}


@dataclass(slots=True)
class Swept:
    """What one sweep did: by kind how many went of which session, and how many could not be deleted."""

    deleted: dict[Kept, Counter[str]] = field(default_factory=dict)
    left: Counter[Kept] = field(default_factory=Counter)

    def went(self, kind: Kept, session_id: str, count: int = 1) -> None:
        """Count what is gone."""
        if count:
            self.deleted.setdefault(kind, Counter())[session_id] += count

    def counts(self) -> dict[str, int]:
        """How many went of each kind."""
        return {kind: found.total() for kind, found in self.deleted.items()}


@dataclass(frozen=True, slots=True)
class KindSweep:
    """Sweeps one server's records and folders."""

    database: Database
    times: KeepTimes
    folders: Mapping[Kept, Path]  # of pictures, by kind
    files: KeptFiles
    elsewhere: FilesElsewhere
    name: str = ""  # of this server

    def sweep(self, now: datetime, swept: Swept, *, stopped: Callable[[], bool] = lambda: False, leads: bool = True) -> None:
        """Delete what is due at `now`, noting it in `swept`, and enter that into the audit. Raise `StorageError` when the database is away.

        `leads`: also what is no file, and what lies nowhere by its record.
        """
        for mark in {self._mark, UNDER_WAY} if leads else {self._mark}:
            self._note_what_was_broken_off(mark)
        try:
            self._sweep(now, swept, stopped, leads=leads)
        finally:  # what is gone is in the audit, whatever kept the others
            self._note(swept)

    @property
    def _mark(self) -> str:
        """The mark of what goes here just now: each server has its own."""
        return f"{UNDER_WAY} {self.name}" if self.name else UNDER_WAY

    def _sweep(self, now: datetime, swept: Swept, stopped: Callable[[], bool], *, leads: bool) -> None:
        self.database.flush(FLUSH_S)  # decisions that were made just now
        pictures = {kind: pictures_in(folder, FILES[kind]) for kind, folder in self.folders.items()}
        asked = waiting_looks(self.database)
        for page in ended_sessions(self.database, now):
            past = {row["_id"]: self._past(row, now, leads=leads) for row in page if row["_id"] not in asked}
            clips = clips_of(self.database, [one for one, kinds in past.items() if not kinds.isdisjoint(CLIP_KINDS)])
            away = absences.with_pictures(self.database, [one for one, kinds in past.items() if "absences" in kinds])
            own = {row["_id"] for row in page if leads and not self.elsewhere.has_others(row)}
            faces = [one for one, kinds in past.items() if "identity" in kinds]
            unsaid = _named_still(self.database, [one for one in faces if one in own])
            stored = self.files.stored_pictures(faces if leads else ())
            for session in page:
                if stopped():
                    return
                session_id, kinds = session["_id"], past.get(session["_id"], frozenset())
                due = [row for row in clips.get(session_id, ()) if kind_of(row) in kinds and self._is_here(row, leads=leads)]
                files: dict[Kept, list[Path | str]] = {
                    kind: [*found[session_id]] for kind, found in pictures.items() if kind in kinds and session_id in found
                }
                if session_id in stored:
                    here = {path.stem for path in pictures.get("identity", {}).get(session_id, ())}
                    files.setdefault("identity", []).extend(name for name in stored[session_id] if name not in here)
                if session_id in unsaid:  # a sweep that was broken off deleted the files, and said nothing
                    files.setdefault("identity", [])
                try:
                    self._delete(session, kinds, due, files, now, swept, unsaid)
                    if session_id in away and may_go(self.database, session_id):
                        absences.drop_pictures(self.database, session_id)
                        swept.went("absences", session_id, away[session_id])
                        self._say(session, "absences")
                except StorageError:
                    raise
                except Exception:  # its records are damaged: those of others go all the same
                    swept.left["records"] += 1
                    log.exception("what is due of a session can't be deleted, and is tried again in an hour", extra={"session_id": session_id})

    def _delete(
        self,
        session: Document,
        kinds: frozenset[Kept],
        clips: Sequence[Document],
        files: Mapping[Kept, Sequence[Path | str]],
        now: datetime,
        swept: Swept,
        unsaid: Mapping[str, int],
    ) -> None:
        """Delete what is due of one session."""
        thins = "readings" in kinds and "readings" not in part_of(session, "gone") and session.get("sealed_at") is not None
        if not (clips or files or thins) or not may_go(self.database, session["_id"]):
            return
        if clips:
            self._begin(session["_id"], now)
        for interval in clips:
            self._delete_clip(interval, session, swept)
        for kind, paths in files.items():
            if not paths:
                swept.went(kind, session["_id"], unsaid.get(session["_id"], 0))
            self._delete_pictures(kind, paths, session, swept)
        if thins:
            swept.went("readings", session["_id"], thin(self.database, session["_id"]))
            self._say(session, "readings")

    def _begin(self, session_id: str, now: datetime) -> None:
        """Mark that clips of a session go, until that is in the audit: where the server is killed in between, the next sweep notes it."""
        with self.database.reading():
            marks = self.database.collection("server")
            marks.update_one({"_id": self._mark}, {"$addToSet": {"sessions": session_id}, "$min": {"since": now}}, upsert=True)

    def _is_here(self, interval: Document, *, leads: bool) -> bool:
        """Does its clip lie here? One whose record doesn't say where is the leading server's."""
        return self.elsewhere.is_here(part_of(interval, "clip").get("on"), or_nobodys=leads)

    def _note_what_was_broken_off(self, name: str) -> None:
        with self.database.reading():
            mark = self.database.collection("server").find_one({"_id": name})
        if mark is None:
            return
        sessions = sorted(mark["sessions"])
        with self.database.reading():
            gone = {"session_id": {"$in": sessions}, "clip.state": "deleted", "clip.deleted_at": {"$gte": mark["since"]}}
            count = self.database.collection("intervals").count_documents(gone)
        entry = {"who": "server", "what": DELETED_KINDS["clips_open"], "count": count, "sessions": sessions, "broken_off": True}
        self._end_with([self.database.audit(entry)], name)

    def _end_with(self, tickets: Sequence[Ticket], mark: str) -> None:
        """Take the mark away once everything is noted."""
        if all(ticket.wait(STORED_WITHIN_S) for ticket in tickets):
            with self.database.reading():
                self.database.collection("server").delete_one({"_id": mark})

    def _past(self, session: Document, now: datetime, *, leads: bool) -> frozenset[Kept]:
        """The kinds whose time is over. None where the whole session's is: it goes with all that is its, or waits for a file."""
        if self.times.is_past(session, "records", now):
            return frozenset()
        stored: Sequence[Kept] = ("readings", "absences") if leads else ()  # in the database alone
        kinds: Sequence[Kept] = (*CLIP_KINDS, "stills", "identity", *stored)
        return frozenset(kind for kind in kinds if self.times.is_past(session, kind, now))

    def _delete_clip(self, interval: Document, session: Document, swept: Swept) -> None:
        try:
            current = self.database.interval(interval["_id"])
        except NotFound:
            return
        kind = kind_of(current)
        clip = part_of(current, "clip")
        if kind != kind_of(interval) or clip.get("state") != "ready":
            return  # somebody decided in this moment: it has another time now
        path = self.files.clip_path(clip.get("path"))
        if path is None or path.suffix != ".mp4":  # nothing else is ours to delete, whatever a record says
            return
        try:
            for still in self.folders["stills"].glob(f"still-{interval['_id']}-*") if "stills" in self.folders else ():
                still.unlink(missing_ok=True)
            self.files.delete_clip(str(interval["_id"]), clip.get("path"))
        except (OSError, StoreError) as error:
            self._keep(kind, error, session["_id"], swept)
            return
        reason = str(REASONS[kind]) % {"days": self.times.days(session, kind)}
        self.database.write("intervals", interval["_id"], {"clip.state": "deleted", "clip.reason": reason, "clip.deleted_at": utc_now()})
        swept.went(kind, session["_id"])

    def _delete_pictures(self, kind: Kept, paths: Sequence[Path | str], session: Document, swept: Swept) -> None:
        """Delete files of this disk (paths) and of the store (names)."""
        gone = 0
        for path in paths:
            try:
                if kind == "identity":
                    self.files.drop(path if isinstance(path, str) else path.stem)
                if isinstance(path, Path):
                    path.unlink(missing_ok=True)
                gone += 1
            except (OSError, StoreError) as error:
                self._keep(kind, error, session["_id"], swept)
        swept.went(kind, session["_id"], gone)
        if kind == "identity" and gone == len(paths):
            with self.database.reading():
                records = self.database.collection("identity")
                records.update_many(
                    {"session_id": session["_id"], "pictures_deleted_at": {"$exists": False}}, {"$set": {"pictures_deleted_at": utc_now()}}
                )
            self._say(session, kind)

    def _say(self, session: Document, kind: Kept) -> None:
        """Write into the session what it has no more."""
        self.database.write("sessions", session["_id"], {f"gone.{kind}": {"at": utc_now(), "days": self.times.days(session, kind)}})

    def _keep(self, kind: Kept, error: OSError | StoreError, session_id: str, swept: Swept) -> None:
        swept.left[kind] += 1
        log.error("%s; it is tried again in an hour", why_not(error), extra={"session_id": session_id})

    def _note(self, swept: Swept) -> None:
        """One entry of the audit for each kind, which names the sessions."""
        tickets = []
        for kind, found in swept.deleted.items():
            sessions = sorted(found)
            log.info("deleted %d records of %d sessions whose time was over: %s", found.total(), len(sessions), kind)
            for first in range(0, len(sessions), NAMED_MAX):
                named = sessions[first : first + NAMED_MAX]
                count = sum(found[one] for one in named)
                entry = {"who": "server", "what": DELETED_KINDS[kind], "kind": kind, "count": count, "sessions": named}
                tickets.append(self.database.audit(entry))
        if not swept.deleted.keys().isdisjoint(CLIP_KINDS):
            with contextlib.suppress(StorageError):  # it is noted: once more by the next sweep does no harm
                self._end_with(tickets, self._mark)


def ended_sessions(store: Store, now: datetime, *, held_too: bool = False) -> Iterator[list[Document]]:
    """The sessions that ended so long ago that something of them may be due, a page at a time; `held_too`: also those that are held."""
    after = ""
    while True:
        query: Document = {"_id": {"$gt": after}, "state": {"$ne": "running"}, "kept_from": {"$lt": now - SHORTEST}}
        with store.reading():
            query |= spared(store) if not held_too else {}
            page = list(store.collection("sessions").find(query, SHOWN).sort("_id", 1).limit(PAGE))
        if not page:
            return
        yield page
        after = str(page[-1]["_id"])


def may_go(store: Store, session_id: str) -> bool:
    """Is a session there still, and ended, and has nobody set a hold meanwhile?"""
    with store.reading():
        query: Document = {"_id": session_id, "state": {"$ne": "running"}, **spared(store)}
        return store.collection("sessions").find_one(query, {"_id": 1}) is not None


def clips_of(store: Store, session_ids: Sequence[str]) -> dict[str, list[Document]]:
    """The intervals of these sessions whose clip is there, with what says of which kind it is."""
    found: dict[str, list[Document]] = {}
    if session_ids:
        shown = {"session_id": 1, "review.state": 1, "review.answered_since": 1, "clip.on": 1}
        with store.reading():
            for row in store.collection("intervals").find({"session_id": {"$in": list(session_ids)}, "clip.state": "ready"}, shown):
                found.setdefault(row["session_id"], []).append(row)
    return found


def why_not(error: OSError | StoreError) -> str:
    """Which file can't be deleted, and why; or why the store deletes none."""
    return error.message if isinstance(error, StoreError) else f"{error.filename} can't be deleted ({error.strerror})"


def _named_still(store: Store, session_ids: Sequence[str]) -> dict[str, int]:
    """How many pictures of these sessions' faces and cards are named, of which no record says that they were deleted."""
    query: Document = {"_id": {"$in": list(session_ids)}, "pictures": {"$type": "object"}, "pictures_deleted_at": None}
    if not session_ids:
        return {}
    with store.reading():
        return {row["_id"]: len(row["pictures"]) for row in store.collection("identity").find(query, {"pictures": 1})}


def pictures_in(folder: Path, begins: str) -> dict[str, list[Path]]:
    """The files of a folder by the session that their name has behind `begins`."""
    found: dict[str, list[Path]] = {}
    for path in folder.glob(f"{begins}-*-*") if folder.is_dir() else ():
        if not path.is_symlink() and path.is_file():
            found.setdefault(path.name.split("-")[1], []).append(path)
    return found


def waiting_looks(store: Store) -> frozenset[str]:
    """The sessions whose student waits for an answer to a request for a new look."""
    with store.reading():
        return frozenset(store.collection("new_looks").distinct("session_id", {"state": "open"}))
