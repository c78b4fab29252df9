"""Erases everything of one student, or one session: records, clips, stills, words in the audit, lines of logs. What went is told by a receipt.

The audit's chain holds: of an entry its words and its salt go, its place and hashes stay (storage/audit_chain.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import secrets
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pymongo import ReplaceOne

from basics.errors import Conflict, NotFound, StorageError
from basics.gone import of_student
from basics.looks import look, same_id
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.holds import COLLECTION as HOLDS
from records.holds import HELD, HOLD_ACTS, Holds
from records.retention import OF_A_SESSION, Retention
from records.verified import DELETED, ERASED, NOT_BLANKED
from storage.audit_chain import LINKS, UNCHAINED, before_the_chain
from storage.writes import Ticket

log = logging.getLogger(__name__)

FLUSH_S = 10.0
STORED_WITHIN_S = 10.0
NOT_BY_STUDENT = frozenset({"sessions", "audit", "server", "users", "tokens", "logins", "exams", HOLDS})
BY_SESSION = frozenset({*OF_A_SESSION, "seals"})
ALWAYS_COUNTED = ("sessions", *OF_A_SESSION, "accommodations", "rehearsals")
KEPT_OF_ENTRY = frozenset({*LINKS, "at", "what", "older", "older_sha256"})
CALLED_BY: Mapping[str, tuple[str, ...]] = {"roster": ("email",), "lti_people": ("email", "sub"), "lti_attempts": ("sub",), "edx_attempts": ("sub",)}
CALLED_LEAST = 20  # characters of what a platform calls somebody, where lines are sought that have it: a shorter one may be any word or number,
SESSION = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)  # and this another student's session
LINE_MAX = 1 << 20  # bytes
PAGE = 1000
ROWS_MAX = 10_000  # of one collection that a student's export has
NOT_LINES = (".lock", ".spool", "position")  # files that are no logs: what waits to be stored was stored before


_one_at_a_time = threading.Lock()  # of the erasures: each says how the entries from before the chain were, and how they are


class Note(Protocol):
    """Adds an entry to the audit, with all that is known of who calls."""

    def __call__(self, what: str, who: str, **details: Any) -> Ticket: ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What went: how many of each kind, and the salted hash of the student's ID. Who has the ID and the salt can tell that it was this one."""

    id_sha256: str
    salt: str
    counts: Mapping[str, int]
    sessions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erasure:
    """Erases, one student or session at a call."""

    database: Database
    retention: Retention
    folders: tuple[Path, ...] = field(default=())  # of logs and of what was set aside, with files that are gone through line by line
    note: Note = field(kw_only=True)
    runs: Callable[[str], bool] = field(kw_only=True, default=lambda _user_id: False)  # does a session of this student go on here?
    forget: Callable[[str], None] = field(kw_only=True)  # what is remembered of a student's accommodations
    mark: Callable[[], None] = field(kw_only=True)  # that the database's files hold what is erased; called before anything is

    def delete_session(self, session_id: str, by: str) -> None:
        """Delete one session with all that is its. Raise `NotFound`, `Conflict` where it runs or is held, `StorageError`."""
        session = self.database.session(session_id)
        self._check([session])
        self.mark()
        with self._gone([session_id], []) as deleted:
            self._delete([session_id], deleted)
        if not self.note(DELETED, by, session_id=session_id, count=1, sessions=[session_id]).wait(STORED_WITHIN_S):
            raise StorageError(_("What was deleted can't be noted now; see /api/health."))

    def of_student(self, user_id: str) -> dict[str, list[Document]]:
        """Everything stored of a student beside the sessions, by collection; of the audit no legal holds, and nothing of another student.

        Raise `StorageError`.
        """
        spellings = self._spellings(user_id)
        found: dict[str, list[Document]] = {}
        for name in self._collections():
            with self.database.reading():
                found[name] = list(self.database.collection(name).find({"user_id": {"$in": spellings}}).limit(ROWS_MAX))
        ids = [str(row["_id"]) for row in self.sessions(user_id)]
        entries = (entry for entry in self._entries(spellings, ids) if entry.get("what") not in HOLD_ACTS)
        found["audit"] = [entry for entry in entries if not _is_of_another(entry, spellings, ids)]
        return {name: rows for name, rows in found.items() if rows}

    def sessions(self, user_id: str) -> list[Document]:
        """The student's sessions, by whatever spelling of the ID. Raise `StorageError`."""
        spellings = self._spellings(user_id)
        with self.database.reading():
            return list(self.database.collection("sessions").find({"user_id": {"$in": spellings}}).sort([("started_at", 1), ("_id", 1)]))

    def erase(self, user_id: str, by: str) -> Receipt:
        """Erase everything of a student. Raise `NotFound` where nothing is stored, `Conflict` where a session runs or is held, `StorageError`."""
        deleted: list[str] = []
        with _one_at_a_time:
            self._settle(user_id)
            spellings, sessions = self._spellings(user_id), self.sessions(user_id)
            self._check(sessions, user_id)
            students = {of_student(one) for one in spellings}
            try:
                with self._gone([str(session["_id"]) for session in sessions], students, deleted):
                    return self._erase(user_id, by, deleted)
            except Exception:
                if deleted:  # what is gone is in the audit, whatever kept the rest
                    self.note(DELETED, by, count=len(deleted), sessions=deleted)
                raise

    def blank(self, names: Collection[str]) -> int:
        """Blank the lines of logs, and of what was set aside, that have one of these names; how many. Raise `StorageError`."""
        if not names:
            return 0
        return self._blank_files(re.compile(_bytes_of(set(names)), re.IGNORECASE))

    def _blank_files(self, gone: re.Pattern[bytes]) -> int:
        return sum(_blank_lines(path, gone) for folder in self.folders for path in _files(folder))

    @contextmanager
    def _gone(self, ids: list[str], students: Collection[str], deleted: list[str] | None = None) -> Iterator[list[str]]:
        """Within it nobody stores anything of these sessions and students, and what somebody stores just now has come in. Sessions stay gone."""
        deleted, gone = [] if deleted is None else deleted, self.database.gone
        for session_id in ids:  # first: whatever the recorder makes just now is in its record
            if not self.retention.forget_clips(session_id):
                raise StorageError(_("A clip of it is being made now. Try again in some seconds."))
        gone.bar([*ids, *students])
        try:
            yield deleted
        finally:
            gone.lift([*students, *(one for one in ids if one not in deleted)])

    def _settle(self, user_id: str) -> None:
        """Raise `Conflict` where a session of the student's is going on here, `StorageError` where records still wait."""
        if self.runs(user_id):
            raise Conflict(_("A session of it is running: end it first."), reason="running")
        if not self.database.flush(FLUSH_S):
            raise StorageError(_("Records still wait to be stored; see /api/health and try again."))

    def _erase(self, user_id: str, by: str, deleted: list[str]) -> Receipt:
        self._settle(user_id)
        spellings, sessions = self._spellings(user_id), self.sessions(user_id)
        ids = [str(session["_id"]) for session in sessions]
        named = {name: _named(name, spellings, ids) for name in self._collections()}
        counts = dict.fromkeys(ALWAYS_COUNTED, 0) | {name: self._count(name, query) for name, query in named.items()} | {"sessions": len(ids)}
        entries = self._to_blank(spellings, ids)
        lines, nothing = 0, not any(counts.values()) and not entries
        if nothing and self.retention.other_servers():  # at one of which all else may have gone by the same call
            lines = self.blank(spellings)
        if nothing and not lines:
            raise NotFound(_("Nothing is stored of %(user_id)s.", user_id=repr(user_id)), field="user_id")
        self._check(sessions, user_id)
        counts["clips"] = self._count("intervals", {"session_id": {"$in": ids}, "clip.path": {"$gt": ""}})
        folders, called = self._clip_folders(ids), self._called(spellings)
        self.mark()
        self._delete(ids, deleted, erased=True)
        for name, query in named.items():
            with self.database.reading():
                self.database.collection(name).delete_many(query)
        self.forget(user_id)
        entries = self._to_blank(spellings, ids)  # also what was noted meanwhile
        counts["audit"] = len(entries)
        at = utc_now()
        self._replace({str(entry["_id"]): _blank(entry, at) for entry in entries if "seq" in entry})
        sought = f'"user_look":"{look(user_id)}"'  # as MongoDB's log tells a slow query
        gone = re.compile(b"|".join([*(re.escape(one.encode()) for one in ids), _bytes_of({*spellings, *folders, *called, sought})]), re.IGNORECASE)
        counts["lines"] = lines + self._blank_files(gone)
        salt = secrets.token_hex(16)
        receipt = Receipt(hashlib.sha256(f"{salt}{user_id}".encode()).hexdigest(), salt, counts, tuple(ids))
        older = {str(entry["_id"]): _blank(entry, at) for entry in entries if "seq" not in entry}
        details = {"id_sha256": receipt.id_sha256, "sessions": ids, "counts": dict(counts), **self._older(older)}
        if not self.note(ERASED, by, **details).wait(STORED_WITHIN_S):
            raise StorageError(_("What was erased can't be noted now; see /api/health."))
        self._replace(older)  # not before the chain says so: what is altered without that is told as such
        return receipt

    def _check(self, sessions: list[Document], user_id: str = "") -> None:
        if any(session.get("state") == "running" for session in sessions):
            raise Conflict(_("A session of it is running: end it first."), reason="running")
        held = Holds(self.database).listed()
        students = {look(str(one["user_id"])) for one in held if one.get("user_id")}
        named = {look(str(session["user_id"])) for session in sessions if session.get("user_id")} | ({look(user_id)} if user_id else set())
        if students & named or {one.get("session_id") for one in held} & {session["_id"] for session in sessions}:
            raise Conflict(HELD, reason="held")

    def _delete(self, ids: list[str], deleted: list[str], *, erased: bool = False) -> None:
        for session_id in ids:
            if not self.retention.delete_session(session_id, erased=erased):
                raise StorageError(_("A file of the session %(session_id)s can't be deleted; the log says which. Try again.", session_id=session_id))
            deleted.append(session_id)

    def _collections(self) -> list[str]:
        with self.database.reading():
            names = self.database.collection("audit").database.list_collection_names()
        return sorted(name for name in names if name not in NOT_BY_STUDENT and not name.startswith("system."))

    def _spellings(self, user_id: str) -> list[str]:
        """Every spelling of the ID under which anything is stored, and the one given. Records of old say not how their ID looks."""
        alike: Document = {"$or": [{"user_look": look(user_id)}, {"user_look": {"$exists": False}}]}
        found = {user_id}
        for name in ("sessions", *(name for name in self._collections() if name not in BY_SESSION)):
            with self.database.reading():
                rows = self.database.collection(name).aggregate([{"$match": alike}, {"$group": {"_id": "$user_id"}}])
                found.update(row["_id"] for row in rows if isinstance(row["_id"], str) and same_id(row["_id"], user_id))
        return sorted(found)

    def _count(self, name: str, query: Document) -> int:
        with self.database.reading():
            return self.database.collection(name).count_documents(query)

    def _clip_folders(self, ids: list[str]) -> set[str]:
        """The folders that are named after the student."""
        with self.database.reading():
            paths = self.database.collection("intervals").distinct("clip.path", {"session_id": {"$in": ids}, "clip.path": {"$gt": ""}})
        return {str(path).partition("/")[0] for path in paths if "/" in str(path)}

    def _called(self, spellings: list[str]) -> set[str]:
        """What else names the student in a line: addresses, and what platforms call them."""
        found: set[Any] = set()
        for name, fields in CALLED_BY.items():
            for one in fields:
                with self.database.reading():
                    found.update(self.database.collection(name).distinct(one, {"user_id": {"$in": spellings}}))
        return {one for one in found if isinstance(one, str) and ("@" in one or is_alone(one))}

    # The audit

    def _entries(self, spellings: list[str], ids: list[str]) -> Iterator[Document]:
        """The entries about the student: that name the ID anywhere in their words, a session or an interval of theirs."""
        written = re.compile("|".join(_alone(one) for one in spellings if one), re.IGNORECASE)
        sessions, after = set(ids), None
        while found := self.database.page("audit", {"erased": {"$exists": False}}, [("at", 1)], after, PAGE):
            after = str(found[-1]["_id"])
            for entry in found:
                words = {name: value for name, value in entry.items() if name not in KEPT_OF_ENTRY}
                of_session = str(entry.get("session_id")) in sessions or str(entry.get("video_id")).partition("-")[0] in sessions
                if of_session or entry.get("user_id") in spellings or written.search(str(words)):
                    yield entry

    def _to_blank(self, spellings: list[str], ids: list[str]) -> list[Document]:
        """Not those by which it is known that something was deleted lawfully: they name who did it, and nothing of a student's."""
        return [entry for entry in self._entries(spellings, ids) if entry.get("what") not in NOT_BLANKED]

    def _replace(self, entries: Mapping[str, Document]) -> None:
        if entries:
            with self.database.reading():
                self.database.collection("audit").bulk_write([ReplaceOne({"_id": one}, entry) for one, entry in entries.items()])

    def _older(self, blank: Mapping[str, Document]) -> Document:
        """What the erasure's own entry says of those from before the chain, whose digest the chain has: how many are erased, and both digests."""
        if not blank:
            return {}
        with self.database.reading():
            older = self.database.collection("audit")
            before = before_the_chain(older.find(UNCHAINED).sort("_id", 1))
            after = before_the_chain(blank.get(str(row["_id"]), row) for row in older.find(UNCHAINED).sort("_id", 1))
        return {"older_erased": len(blank), "older_before": before["older_sha256"], "older_after": after["older_sha256"]}


def _is_of_another(entry: Document, spellings: list[str], ids: list[str]) -> bool:
    """Is an entry, which names the student somewhere, about another student, or another's session?"""
    if isinstance(whose := entry.get("user_id"), str):
        return whose not in spellings
    about = {str(entry[name]).partition("-")[0] for name in ("session_id", "video_id") if entry.get(name)}
    return bool(about) and about.isdisjoint(ids)


def is_alone(called: str) -> bool:
    """Is what a platform calls somebody nobody else's and nothing else's, so that lines may go because of it?"""
    return len(called) >= CALLED_LEAST and not SESSION.fullmatch(called)


def _blank(entry: Document, at: datetime) -> Document:
    return {name: value for name, value in entry.items() if name in KEPT_OF_ENTRY} | {"erased": at}


def _named(name: str, spellings: list[str], ids: list[str]) -> Document:
    """What finds the student's documents of a collection."""
    of_student: Document = {"user_id": {"$in": spellings}}
    if name == "seals":
        return {"_id": {"$in": ids}}
    return {"$or": [of_student, {"session_id": {"$in": ids}}]} if name in OF_A_SESSION else of_student


def _alone(text: str) -> str:
    """The text where it is no part of a longer name."""
    return rf"(?<![\w@-]){re.escape(text)}(?![\w@-])"


def _bytes_of(names: set[str]) -> bytes:
    """What finds the names in a file's bytes, also as JSON and Python write letters that are not ASCII."""
    cases = {way for name in names if name for way in (name, name.lower(), name.upper(), name.casefold())}
    written = {way.encode("utf-8", "replace") for name in cases for way in (name, ascii(name)[1:-1], json.dumps(name)[1:-1])}
    return b"|".join(rb"(?<![\w@-])" + re.escape(one) + rb"(?![\w@-])" for one in sorted(written))


def _files(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (path for path in sorted(folder.iterdir()) if path.is_file() and not path.is_symlink() and not path.name.endswith(NOT_LINES))


def _blank_lines(path: Path, gone: re.Pattern[bytes]) -> int:
    """Write spaces over the lines that name what is gone: who writes to the file goes on undisturbed. Return how many lines."""
    count = 0
    try:
        with path.open("r+b") as file:
            while line := file.readline(LINE_MAX):
                if gone.search(line):
                    end = file.tell()
                    file.seek(end - len(line))
                    file.write(b" " * (len(line) - line.endswith(b"\n")))
                    file.seek(end)
                    count += 1
    except OSError as error:
        raise StorageError(_("%(path)s can't be gone through: %(error)s.", path=path, error=error.strerror or error)) from error
    return count
