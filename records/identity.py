"""What is kept so that a person can compare who takes an exam with a card: pictures, what the student said, what proctors asked for, decisions.

One document a session. The pictures are kept apart from everything else, and for a time of their own; what was decided stays when they are gone, and
`pictures_deleted_at` says so. No program compares anything.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from pymongo.errors import DuplicateKeyError

from basics.errors import Conflict, InvalidInput, NotFound, StorageError
from basics.looks import folded
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from media.identity_pictures import NAME, IdentityPictures, Kept, Kind
from records.conclusions import NEVER, Person
from records.exam_removal import of_exam
from records.keep_times import part_of
from records.kept_files import KeptFiles
from records.results import STAND_IN, Names
from records.shapes import SESSION
from records.spellings import looks_of
from scoring.exam import ExamDefinition
from settings.keeping import KeepingSettings
from storage.writes import Ticket

Decision = Literal["accepted", "queried"]
Stands = Literal["open", "accepted", "queried"]
Asked = Literal["face", "card", "room"]
Given = Literal["given", "none", "unknown"]
"""Of a face or a card at the start: a picture came; the student has none; no camera was there, which counts nothing."""

COLLECTION = "identity"
DECISIONS: Sequence[Decision] = get_args(Decision)
TEXT_MAX = 500  # characters
HISTORY_MAX = 100  # decisions about one session
ASKED_MAX = 20  # requests in one session
SESSIONS_MAX = 5000  # of one exam, that are listed
STORED_WITHIN_S = 10.0
BYTES_MAX = 8 << 20  # of a picture on a store; none that was sent there has half as many
CAME_MAX = 10_000  # requests that are remembered as having a picture
LISTED = ("user_id", "exam_id", "state", "begun", "started_at", "exam.identity_step", "exam.room_view")


def days_kept(definition: ExamDefinition | None, settings: KeepingSettings) -> int:
    """For how many days after the exam pictures are kept; 0: as long as their session."""
    own = definition.keep_days.get("identity") if definition is not None else None
    return own if own is not None else settings.keep_identity_days


@dataclass(frozen=True, slots=True)
class Whose:
    """The session that something is kept of."""

    session_id: str
    user_id: str
    exam_id: str | None

    def fields(self) -> Document:
        """As every document names its session and student."""
        return {"session_id": self.session_id, "user_id": self.user_id, "exam_id": self.exam_id, **looks_of(self.user_id, self.exam_id)}


@dataclass(frozen=True, slots=True)
class Request:
    """A person's wish for a picture, in mid-exam; `id` is its message's."""

    id: str
    what: Asked
    by: str
    at: datetime

    def fields(self, **answered: object) -> Document:
        """As they are stored: each by itself, so that neither the request nor its answer overwrites the other."""
        return {f"asked.{self.id}.{name}": value for name, value in {"what": self.what, "by": self.by, "at": self.at, **answered}.items()}


class IdentityRecords:
    """The pictures and decisions of one server. Safe between threads and servers: of two who decide at once the second is told."""

    def __init__(self, database: Database, files: KeptFiles, names: Names) -> None:
        self._database = database
        self._files = files
        self._pictures = pictures_of(files)
        self._names = names
        self._came: deque[str] = deque(maxlen=CAME_MAX)  # the requests for which a picture came of late

    # What comes from the student. An outage of the database keeps nobody from the exam: these writes wait for it.

    def keep_jpeg(self, whose: Whose, kind: Kind, jpeg: bytes, *, at: float | None = None, asked: str = "") -> Kept:
        """Keep a picture that the student's page sent. `at`: seconds on the session's clock; `asked`: the request that it answers.

        Raise `InvalidInput`, `TooLarge`, `TooMany`, `StorageError`.
        """
        with self._database.gone.writing(whose.session_id):
            return self._kept(whose, self._pictures.keep_jpeg(whose.session_id, kind, jpeg), at, asked)

    def keep_still(self, whose: Whose, image: npt.NDArray[np.uint8], at: float) -> Kept:
        """Keep a still of the face from the camera in mid-exam, uint8 [h, w, 3] BGR. Raise `TooMany`, `StorageError`."""
        with self._database.gone.writing(whose.session_id):
            return self._kept(whose, self._pictures.keep(whose.session_id, "still", image), at, "")

    def _kept(self, whose: Whose, kept: Kept, at: float | None, asked: str) -> Kept:
        fields = {name: getattr(kept, name) for name in ("kind", "size", "width", "height", "sha256")}
        ticket = self._write(whose, {f"pictures.{kept.name}": {**fields, "at": utc_now(), "at_s": at, "asked": asked}})
        if not ticket.wait(STORED_WITHIN_S):
            if ticket.done:  # it is refused for good; one that only is late names the picture when it comes
                self._pictures.delete(whose.session_id, kept.name)
            raise _not_now()
        if asked:
            self._came.append(asked)
        return kept

    def came(self, session_id: str, request_id: str) -> bool:
        """Has a picture come for this request? True as well where that can't be told now."""
        if request_id in self._came:
            return True
        try:
            kept = self.of_session(session_id) or {}
        except StorageError:
            return True
        return any(part_of(part_of(kept, "pictures"), name).get("asked") == request_id for name in part_of(kept, "pictures"))

    def said(self, whose: Whose, *, face: Given, card: Given, words: str) -> None:
        """Keep how the student's step before the exam ended. Raise `StorageError`."""
        self._store(whose, {"said": {"face": face, "card": card, "words": words, "at": utc_now()}})

    def ask(self, whose: Whose, request: Request) -> None:
        """Keep that somebody asked for a picture. Its answer may have come already. Raise `StorageError`."""
        self._store(whose, request.fields())

    def answer(self, whose: Whose, request: Request, answer: Literal["given", "declined"], words: str) -> None:
        """Keep what the student answered to a request, with the request: the server may have died before it was kept. Raise `StorageError`."""
        self._store(whose, request.fields(answer=answer, words=words, answered_at=utc_now()))

    def _store(self, whose: Whose, fields: Document) -> None:
        if not self._write(whose, fields).wait(STORED_WITHIN_S):
            raise _not_now()

    def _write(self, whose: Whose, fields: Document) -> Ticket:
        return self._database.write(COLLECTION, whose.session_id, {**whose.fields(), **fields})

    # What people see and decide

    def of_session(self, session_id: str) -> Document | None:
        """What is kept of a session, None where nothing is. Raise `StorageError`."""
        with self._database.reading():
            return self._database.collection(COLLECTION).find_one({"_id": session_id})

    def of_sessions(self, session_ids: Iterable[str]) -> dict[str, Document]:
        """What is kept of sessions, by their ids. Raise `StorageError`."""
        with self._database.reading():
            return {str(row["_id"]): row for row in self._database.collection(COLLECTION).find({"_id": {"$in": list(session_ids)}})}

    def of_exam(self, exam_id: str) -> list[Document]:
        """A row for each session of an exam that asked for pictures or has any, by student: its fields, `name`, `stands`. Raise `StorageError`."""
        query: Document = {"exam_id": {"$in": of_exam(self._database, exam_id)}}
        with self._database.reading():
            sessions = list(self._database.collection("sessions").find(query, dict.fromkeys(LISTED, 1)).limit(SESSIONS_MAX))
            kept = {row["_id"]: row for row in self._database.collection(COLLECTION).find(query, {"decision.decision": 1})}
        names, rows = self._names(exam_id), list[Document]()
        for stored in sessions:
            session, wrong = SESSION.fit(stored)
            asks = session.get("begun") is not False and bool(part_of(session, "exam").get("identity_step"))
            if asks or session["_id"] in kept or "exam" in wrong:
                session = {**STAND_IN, **session, "unreadable": wrong}
                named = {"name": names.get(folded(session["user_id"]), ""), "stands": stands(kept.get(session["_id"]))}
                rows.append({**session, **named})
        return sorted(rows, key=lambda row: (row["user_id"].casefold(), row["started_at"] or NEVER, row["_id"]))

    def picture(self, session_id: str, name: str) -> bytes:
        """A picture that a record names, as JPEG. Raise `NotFound`, `StorageError`, and `Conflict` where it isn't the one that was taken."""
        pictures = part_of(self.of_session(session_id) or {}, "pictures")
        data = read_picture(self._files, session_id, name, part_of(pictures, name)) if name in pictures else None
        if data is not None:
            return data
        raise NotFound(_("There is no such picture, or it was deleted when its time was over."), field="name")

    def decide(self, session: Mapping[str, Any], decision: Decision, *, text: str, person: Person, revision: int) -> Document:
        """Accept or query who took the exam; a change of mind stands beside what was decided before. `revision` is the one that the person saw.

        Raise `InvalidInput` for a query without words, `Conflict` where somebody decided meanwhile, `StorageError`.
        """
        session_id, text = str(session["_id"]), text.strip()
        if decision == "queried" and not text:
            raise InvalidInput(_("text is missing: say in a sentence what is not clear."), field="text")
        kept = self.of_session(session_id)
        if revision_of(kept) != revision:
            raise _meanwhile(kept)
        if kept is not None and len(rows_of(kept, "history")) >= HISTORY_MAX:
            raise Conflict(_("So much was decided about this session that nothing more is taken."), reason="too_many")
        compared = sorted(part_of(kept or {}, "pictures"))
        act = {"decision": decision, "text": text, "by": person.name, "account_id": person.account_id, "at": utc_now(), "compared": compared}
        whose = Whose(session_id, str(session["user_id"]), session.get("exam_id"))
        change = {"$set": {**whose.fields(), "decision": act, "revision": revision + 1}, "$push": {"history": act}}
        query = {"_id": session_id, "revision": revision if revision else {"$exists": False}}
        done = False
        with self._database.gone.writing(session_id), self._database.reading(), contextlib.suppress(DuplicateKeyError):
            result = self._database.collection(COLLECTION).update_one(query, change, upsert=revision == 0)
            done = bool(result.matched_count or result.upserted_id)
        now = self.of_session(session_id)
        if now is None or not done:
            raise _meanwhile(now)
        return now


def pictures_of(files: KeptFiles) -> IdentityPictures:
    """The pictures that are on this disk still."""
    return IdentityPictures(files.identity_dir or files.clips_dir, files.count)


def read_picture(files: KeptFiles, session_id: str, name: str, kept: Mapping[str, Any]) -> bytes | None:
    """A picture as JPEG, from this disk or the store; `kept` is its record. None where it is gone, or `name` is no picture's.

    Raise `StorageError`, and `Conflict` where its SHA-256 is not the recorded one: it is no evidence.
    """
    if not NAME.fullmatch(name):
        return None
    data = pictures_of(files).read(session_id, name)
    if data is None and (file := files.picture(session_id, name)) is not None:
        data = b"".join(file.pieces()) if file.size <= BYTES_MAX else b""
    recorded = kept.get("sha256")
    if data is None or recorded is None or (found := hashlib.sha256(data).hexdigest()) == recorded:
        return data
    raise Conflict(
        _(
            "The picture %(name)s was changed after it was taken: its SHA-256 is %(found)s…, and %(sha256)s… was recorded. It is not shown as "
            "evidence. Restore the file from a backup.",
            name=name,
            found=found[:12],
            sha256=str(recorded)[:12],
        ),
        field="name",
        reason="changed",
    )


def requests_of(kept: Mapping[str, Any]) -> list[Document]:
    """What was asked for, oldest first, each with its `id` and answer."""
    blank = {"answer": "", "words": "", "answered_at": None}
    found = [{"id": key, **blank, **one} for key, one in part_of(kept, "asked").items() if isinstance(one, Mapping)]
    whole = [one for one in found if isinstance(one.get("at"), datetime) and one.get("what") and "by" in one]
    return sorted(whole, key=lambda one: (one["at"], one["id"]))


def rows_of(kept: Mapping[str, Any], name: str) -> Sequence[Any]:
    """A list of what is kept; empty where there is none, or it is damaged."""
    found = kept.get(name)
    return found if isinstance(found, list) else []


def stands(kept: Mapping[str, Any] | None) -> Stands:
    """What is decided: open, accepted or queried."""
    decided = part_of(kept or {}, "decision").get("decision")
    return next((known for known in DECISIONS if known == decided), "open")


def revision_of(kept: Mapping[str, Any] | None) -> int:
    """How often somebody decided."""
    revision = (kept or {}).get("revision")
    return revision if isinstance(revision, int) else 0


def _not_now() -> StorageError:
    return StorageError(_("This can't be stored now. Try again in some seconds."))


def _meanwhile(kept: Mapping[str, Any] | None) -> Conflict:
    by = part_of(kept or {}, "decision").get("by", "")
    gone, decided = _("What you saw is gone. Look at it again."), _("%(by)s has decided meanwhile. Look at what stands now, and decide again.", by=by)
    return Conflict(decided if by else gone, field="revision", reason="meanwhile", revision=revision_of(kept), stands=stands(kept))
