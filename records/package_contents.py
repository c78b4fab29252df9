"""What of a session goes into its package beside the report: records as JSON lines, decisions, entries of the audit, the seal, clips and stills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from pymongo import DESCENDING

from basics.canonical import canonical
from basics.errors import Conflict, NotFound, StorageError
from basics.looks import same_id
from database import Database, Document
from media.stores.base import KeptFile
from records import absences
from records.files_elsewhere import servers_with
from records.holds import HOLD_ACTS
from records.identity import read_picture
from records.keep_times import part_of
from records.kept_files import KeptFiles
from records.packages import PackageWriter
from records.seals import ORDERED
from records.shapes import CLIP
from storage.audit_chain import FIRST_PREV
from storage.marks import without_marks

TAKE_STILL = Callable[[KeptFile, str, float], bytes]  # clip, a name for it, and seconds
FETCH = Callable[[str, str, object, Sequence[str]], AbstractContextManager[KeptFile | None]]
"""A file of another server's disk: by session, name within it and hash, from the servers that may have it."""
GONE = "the file is gone"
CHANGED = "the file was changed after it was made"
AWAY = "it is on the server {server}, which is away"
NOT_GIVEN = "it is on the server {server}, which did not give it"
PART_BYTES = 1 << 18
LARGEST = 1 << 32  # bytes; no file of a package is so large


def nobody_has(_session_id: str, _name: str, _sha256: object, _servers: Sequence[str]) -> AbstractContextManager[KeptFile | None]:
    """Where there is no other server."""
    return nullcontext(None)


@dataclass(frozen=True, slots=True)
class Reads:
    """Where a package's contents come from: the database, the clips and pictures, and what takes a still from a clip."""

    database: Database
    files: KeptFiles
    take_still: TAKE_STILL
    identity: bool = False  # with the pictures of face and card
    fetch: FETCH = nobody_has  # what lies on another server's disk
    lives: Callable[[str], bool] = lambda _server: False  # can that server be asked?

    def chain_end(self) -> tuple[int, str]:
        """Place and hash of the audit's newest entry. Raise `StorageError`."""
        with self.database.reading():
            last = self.database.collection("audit").find_one({"seq": {"$gt": 0}}, {"seq": 1, "hash": 1}, sort=[("seq", DESCENDING)])
        return (int(last["seq"]), str(last["hash"])) if last else (0, FIRST_PREV)

    def sessions_of(self, exam_id: str | None) -> list[str]:
        """The sessions of an exam in the order of their start. Raise `StorageError`."""
        with self.database.reading():
            found = self.database.collection("sessions").find({"exam_id": exam_id}, {"_id": 1}).sort([("started_at", 1), ("_id", 1)])
            return [str(row["_id"]) for row in found]

    def size_of(self, session_ids: Sequence[str]) -> int:
        """How many bytes the clips of these sessions have, which are nearly all of a package. Raise `StorageError`."""
        which: Document = {"session_id": {"$in": list(session_ids)}, "clip.state": "ready", "clip.size_bytes": {"$gt": 0, "$lt": LARGEST}}
        steps: list[Document] = [{"$match": which}, {"$group": {"_id": None, "size": {"$sum": "$clip.size_bytes"}}}]
        with self.database.reading():
            sums = list(self.database.collection("intervals").aggregate(steps))
        return int(sums[0]["size"]) if sums else 0

    def records(self, kind: str, session_id: str) -> Iterator[Document]:
        """The session's records of a kind, in order, a thousand at a time: no page of them waits for what is done with it."""
        field = ORDERED.get(kind, "at")
        yield from map(without_marks, self._found(kind, {"session_id": session_id}, field))

    def audit(self, session_id: str, user_id: object, exam_id: object) -> Iterator[Document]:
        """The audit's entries of the session, oldest first; of its student only those in this exam that name no other session.

        Whoever reads the package may see this exam and perhaps no other; of a legal hold nobody is told by it.
        """
        about: list[Document] = [{"session_id": session_id}, {"video_id": {"$gt": f"{session_id}-", "$lt": f"{session_id}."}}]
        others = ("session_id", "video_id", "sessions")
        if isinstance(user_id, str) and isinstance(exam_id, str):
            about.append({"user_id": user_id, "exam_id": {"$type": "string"}, **{name: {"$exists": False} for name in others}})
        for entry in self._found("audit", {"$or": about, "what": {"$nin": HOLD_ACTS}}, "at"):
            if any(name in entry for name in others) or same_id(str(entry["exam_id"]), str(exam_id)):
                yield entry

    def one(self, kind: str, document_id: str) -> Document | None:
        """One document by its id."""
        with self.database.reading():
            return self.database.collection(kind).find_one({"_id": document_id})

    @contextmanager
    def clip_of(self, interval: Document) -> Iterator[KeptFile | None]:
        """The file of an interval's clip for as long as this lasts, where it can be had. Raise `StorageError`."""
        clip, video_id = part_of(interval, "clip"), str(interval["_id"])
        file = self.files.clip(video_id, clip) if clip.get("state") == "ready" else None
        if file is not None or clip.get("state") != "ready":
            yield file
            return
        session_id, _dash, index = video_id.partition("-")
        with self.fetch(session_id, index, clip.get("sha256"), servers_with(self.database, session_id, clip.get("on"))) as fetched:
            yield fetched

    def picture_of(self, session_id: str, name: str, kept: Mapping[str, Any]) -> bytes | None:
        """A picture of face, card or room where it can be had; `kept` is its record. Raise `StorageError`, and `Conflict` where it was changed."""
        picture = read_picture(self.files, session_id, name, kept)
        if picture is None:
            with self.fetch(session_id, name, kept.get("sha256"), servers_with(self.database, session_id)) as fetched:
                picture = b"".join(fetched.pieces()) if fetched is not None else None
        return picture

    def _found(self, kind: str, query: Document, order: str = "_id") -> Iterator[Document]:
        after: str | None = None
        while True:
            rows = self.database.page(kind, query, [(order, 1)], after, 1000)
            yield from rows
            if len(rows) < 1000:
                return
            after = str(rows[-1]["_id"])


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a report is made of: the session, its intervals, its decisions, its stills by interval (JPEG), what was concluded, and what the student
    said, by interval, and by the session's id where there was nothing to add."""

    session: Document
    intervals: list[Document]
    reviews: list[Document]
    checks_of: int
    stills: dict[str, bytes]
    conclusion: Document | None = None
    answers: Mapping[str, Document] = field(default_factory=dict)


def write_session(package: PackageWriter, reads: Reads, session_id: str, folder: str = "") -> Gathered:
    """Write a session's files under `folder`. Raise `NotFound` where there is no such session, `StorageError`, `OSError`."""
    session = without_marks(reads.database.session(session_id))
    intervals = list(reads.records("intervals", session_id))
    reviews = list(reads.records("reviews", session_id))
    counted = _Counted(reads.records("checks", session_id))
    package.add(f"{folder}session.json", canonical(session) + b"\n")
    package.add(f"{folder}rules.json", canonical(session.get("rules") or {}) + b"\n")
    package.add(f"{folder}intervals.jsonl", _lines(intervals))
    package.add(f"{folder}checks.jsonl", _lines(counted))
    package.add(f"{folder}acts.jsonl", _lines(reads.records("acts", session_id)))
    package.add(f"{folder}decisions.jsonl", _lines(reviews))
    conclusion = reads.one("conclusions", session_id)
    package.add(f"{folder}conclusion.json", canonical(conclusion) + b"\n")
    answers = {str(row["_id"]): row for row in reads.records("student_answers", session_id)}
    package.add(f"{folder}answers.jsonl", _lines(answers.values()))
    package.add(f"{folder}new_looks.jsonl", _lines(reads.records("new_looks", session_id)))
    package.add(f"{folder}messages.jsonl", _lines(_rows(session.get("messages"))))
    package.add(f"{folder}marks.jsonl", _lines(_rows(session.get("marks"))))
    package.add(f"{folder}accommodation.json", canonical(session.get("accommodation")) + b"\n")
    package.add(f"{folder}accommodations.jsonl", _lines(_rows(session.get("accommodations"))))
    package.add(f"{folder}audit.jsonl", _lines(reads.audit(session_id, session.get("user_id"), session.get("exam_id"))))
    if (seal := reads.one("seals", session_id)) is not None:
        package.add(f"{folder}seal.json", canonical(seal) + b"\n")
    else:
        package.missing.append({"path": f"{folder}seal.json", "why": "the session is not sealed yet"})
    _write_absences(package, reads, session_id, folder)
    _write_identity(package, reads, session_id, folder)
    return Gathered(session, intervals, reviews, counted.count, _write_clips(package, reads, intervals, folder), conclusion, answers)


def _write_absences(package: PackageWriter, reads: Reads, session_id: str, folder: str) -> None:
    """When the student was away, and the stills of before and after."""
    found = absences.of_session(reads.database, session_id)
    package.add(f"{folder}absences.jsonl", _lines(found))
    for absence in found:
        for side in absences.SIDES:
            if not absence.get(side):
                continue
            name = absences.name_of(absence, side)
            try:
                package.add(f"{folder}absences/{name}.jpg", absences.picture(reads.database, session_id, name))
            except (NotFound, StorageError) as error:
                package.missing.append({"path": f"{folder}absences/{name}.jpg", "why": error.message[:200]})


def _write_identity(package: PackageWriter, reads: Reads, session_id: str, folder: str) -> None:
    """The pictures by which people compared who took the exam, and their decisions, where they are asked for and there are any."""
    kept = reads.one("identity", session_id) if reads.identity else None
    if kept is None:
        return
    package.add(f"{folder}identity.json", canonical(kept) + b"\n")
    pictures = part_of(kept, "pictures")
    for name in sorted(pictures):
        try:
            picture = reads.picture_of(session_id, name, part_of(pictures, name))
        except Conflict:
            package.lack(f"{folder}identity/{name}.jpg", CHANGED)
            continue
        if picture is not None:
            package.add(f"{folder}identity/{name}.jpg", picture)
        elif kept.get("pictures_deleted_at") is not None:
            package.missing.append({"path": f"{folder}identity/{name}.jpg", "why": "its time was over"})
        else:
            package.lack(f"{folder}identity/{name}.jpg", GONE)


def _write_clips(package: PackageWriter, reads: Reads, intervals: list[Document], folder: str) -> dict[str, bytes]:
    stills: dict[str, bytes] = {}
    for interval in intervals:
        clip, video_id = CLIP.fit(interval.get("clip"))[0], str(interval["_id"])
        if clip.get("state", "none") == "none" and not clip.get("path"):
            continue
        with reads.clip_of(interval) as file:
            if file is not None:
                _write_clip(package, reads, file, video_id, clip, folder, stills)
            elif clip.get("state") == "ready":
                on = str(clip.get("on") or "")
                why = GONE if not reads.files.is_others(on) else (NOT_GIVEN if reads.lives(on) else AWAY).format(server=on)
                package.lack(f"{folder}clips/{video_id}.mp4", why)
            else:
                why = str(clip.get("reason") or clip.get("state") or "none")
                package.missing.append({"path": f"{folder}clips/{video_id}.mp4", "why": why[:200]})
    return stills


def _write_clip(
    package: PackageWriter, reads: Reads, file: KeptFile, video_id: str, clip: Mapping[str, Any], folder: str, stills: dict[str, bytes]
) -> None:
    package.add(f"{folder}clips/{video_id}.mp4", file.pieces())
    try:
        still = reads.take_still(file, f"{video_id}-{clip.get('sha256', '')[:12]}", still_at(clip))
    except NotFound as error:
        package.missing.append({"path": f"{folder}stills/{video_id}.jpg", "why": error.message[:200]})
        return
    stills[video_id] = still
    package.add(f"{folder}stills/{video_id}.jpg", still)


def still_at(clip: Mapping[str, Any]) -> float:
    """At which second of a clip its first violation begins; `clip` as far as it can be read."""
    begin = min((float(mark[1]) for mark in clip.get("marks") or ()), default=0.0)
    return max(0.0, min(begin, float(clip.get("duration", 0.0)) - 0.1))


def _rows(stored: Any) -> list[Any]:
    """A list of a session, as it is; what stands there instead of one, where that was damaged."""
    return stored if isinstance(stored, list) else [] if stored is None else [stored]


@dataclass(slots=True)
class _Counted:
    """The records, and how many there were once they were gone through."""

    records: Iterable[Document]
    count: int = 0

    def __iter__(self) -> Iterator[Document]:
        for record in self.records:
            self.count += 1
            yield record


def _lines(records: Iterable[Any]) -> Iterator[bytes]:
    """Each record on a line of its own, in parts."""
    part, size = [], 0
    for record in records:
        part.append(canonical(record) + b"\n")
        size += len(part[-1])
        if size >= PART_BYTES:
            yield b"".join(part)
            part, size = [], 0
    yield b"".join(part)
