"""How each student of an exam stands: invited, rehearsed, not come, late, in the exam, ended, to review, concluded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from basics.looks import folded, look
from basics.stored_fields import is_moment, is_text
from database import Database, Document
from records.exam_removal import of_exam
from records.exams import Exam
from records.flag_counts import flags_of_sessions
from records.rosters import RosterRow
from scoring.accommodations import Accommodation
from scoring.exam_times import times_of

RosterState = Literal["added", "invited", "rehearsed", "awaited", "late", "absent", "in_exam", "ended", "to_review", "concluded"]
STATES: tuple[RosterState, ...] = get_args(RosterState)
NOT_COME: frozenset[RosterState] = frozenset({"awaited", "late", "absent"})
LATE_AFTER = timedelta(minutes=10)

_OF_SESSION = ("user_id", "state", "begun", "started_at", "ended_at")  # all in one index


@dataclass(frozen=True, slots=True)
class Standing:
    """One student, and how the student stands. `failed` are the things that the last rehearsal found not ready; `sessions` the latest first."""

    row: RosterRow
    state: RosterState
    rehearsed_at: datetime | None = None
    failed: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None


def standings(database: Database, exam: Exam, rows: Sequence[RosterRow], now: datetime) -> list[Standing]:
    """How these students of the exam stand at `now`. Raise `StorageError`."""
    spellings = of_exam(database, exam.exam_id)
    with database.reading():
        sessions = _by_student(database.collection("sessions").find({"exam_id": {"$in": spellings}}, dict.fromkeys(_OF_SESSION, 1)))
        rehearsals = _by_student(database.collection("rehearsals").find({"exam_id": {"$in": spellings}}, {"user_id": 1, "at": 1, "results": 1}))
        concluded = {one["_id"] for one in database.collection("conclusions").find({"exam_id": {"$in": spellings}, "state": "concluded"}, {"_id": 1})}
    extra = _extra_of(database, exam, rows, spellings)
    flags = flags_of_sessions(database, spellings)
    open_flags = [session_id for session_id, counts in flags.items() if counts["open"] or counts["disputed"]]
    marked = {**dict.fromkeys(open_flags, "to_review"), **dict.fromkeys(concluded, "concluded")}
    return [
        _standing(row, exam, now, sessions.get(one, []), rehearsals.get(one, []), marked, extra.get(one))
        for row in rows
        for one in (folded(row.user_id),)
    ]


def counts_of(found: Iterable[Standing]) -> dict[RosterState, int]:
    """How many stand in each state."""
    counts: dict[RosterState, int] = dict.fromkeys(STATES, 0)
    for one in found:
        counts[one.state] += 1
    return counts


def with_sessions(database: Database, exam: Exam) -> set[str]:
    """The ids, folded, of those who have sessions of the exam. Raise `StorageError`."""
    spellings = of_exam(database, exam.exam_id)
    with database.reading():
        found = database.collection("sessions").distinct("user_id", {"exam_id": {"$in": spellings}})
    return {folded(user_id) for user_id in found if is_text(user_id)}


def known_ids(database: Database, looks: Collection[str]) -> dict[str, str]:
    """Of these looks the ids under which students are known, from sessions and accommodations. Raise `StorageError`."""
    found: dict[str, str] = {}
    wanted = list(looks)
    for collection in ("accommodations", "sessions"):
        with database.reading():
            pipeline: list[Document] = [
                {"$match": {"user_look": {"$in": wanted}, "user_id": {"$type": "string"}}},
                {"$group": {"_id": "$user_look", "user_id": {"$last": "$user_id"}}},
            ]
            found |= {row["_id"]: row["user_id"] for row in database.collection(collection).aggregate(pipeline)}
    return found


def _extra_of(database: Database, exam: Exam, rows: Sequence[RosterRow], spellings: Collection[str]) -> dict[str, Accommodation]:
    """What holds for these students, by folded id: of this exam, else of every exam. Nothing where the exam has no end that it could put off."""
    if exam.definition.closes is None:
        return {}
    looks = [look(row.user_id) for row in rows]
    found: dict[str, Accommodation] = {}
    for exam_ids in ([None], list(spellings)):  # the exam's own goes before
        with database.reading():
            stored = database.collection("accommodations").find({"user_look": {"$in": looks}, "exam_id": {"$in": exam_ids}})
            found |= {folded(one.user_id): one for one in map(Accommodation.from_dict, stored) if one.user_id}
    return found


def _by_student(documents: Iterable[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for document in documents:
        if isinstance(document.get("user_id"), str):  # else somebody wrote to the database by hand
            found.setdefault(folded(document["user_id"]), []).append(document)
    return found


def _standing(
    row: RosterRow,
    exam: Exam,
    now: datetime,
    sessions: list[Document],
    rehearsals: list[Document],
    marked: Mapping[str, str],
    different: Accommodation | None,
) -> Standing:
    sessions = sorted((one for one in sessions if is_moment(one.get("started_at"))), key=lambda one: one["started_at"], reverse=True)
    begun = [one for one in sessions if one.get("begun") is not False]
    rehearsal = max((one for one in rehearsals if is_moment(one.get("at"))), key=lambda one: one["at"], default=None)
    stored = rehearsal.get("results") if rehearsal else None
    results = [one for one in stored if isinstance(one, Mapping) and is_text(one.get("item"))] if isinstance(stored, list) else []
    return Standing(
        row,
        _state_of_sessions(begun, marked) or _state_before(row, exam, now, different, rehearsed=rehearsal is not None),
        rehearsed_at=rehearsal["at"] if rehearsal else None,
        failed=tuple(one["item"] for one in results if one.get("state") == "not_ready"),
        warned=tuple(one["item"] for one in results if one.get("state") == "warning"),
        sessions=tuple(one["_id"] for one in begun),
        started_at=begun[-1]["started_at"] if begun else None,
        ended_at=begun[0].get("ended_at") if begun and is_moment(begun[0].get("ended_at")) else None,
    )


def _state_of_sessions(begun: list[Document], marked: Mapping[str, str]) -> RosterState | None:
    """`marked`: which sessions are to be reviewed, and which are concluded, whatever of them is open."""
    if not begun:
        return None
    if any(one.get("state") == "running" for one in begun):
        return "in_exam"
    states = {marked.get(one["_id"]) for one in begun}
    if "to_review" in states:
        return "to_review"
    return "concluded" if states == {"concluded"} else "ended"


def _state_before(row: RosterRow, exam: Exam, now: datetime, different: Accommodation | None, *, rehearsed: bool) -> RosterState:
    times = times_of(exam.definition, *((different.extra_percent, different.extra_min) if different is not None else ()))
    if exam.state in {"closed", "archived"} or times.is_late(now):
        return "absent"
    if exam.state == "open" and not times.is_early(now):
        is_late = times.opens is not None and now > times.opens + LATE_AFTER
        return "late" if is_late else "awaited"
    if rehearsed:
        return "rehearsed"
    return "invited" if row.invited_at or row.shown_at else "added"
