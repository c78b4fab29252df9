"""The results of an exam: of each session what could be watched, points, flags by what people decided about them, and the conclusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from basics.errors import InvalidInput
from basics.looks import folded
from basics.shapes import Shape
from basics.stored_fields import tell_unreadable
from basics.texts import _
from database import Database, Document
from records.conclusions import COLLECTION, NEVER, Person
from records.exam_removal import of_exam
from records.exams import exam_key
from records.flag_counts import FLAG_STATES, LISTED, flags_of_sessions
from records.keep_times import part_of
from records.shapes import CONCLUSION, IN_FORCE, SESSION, UNREAD

Column = Literal["student", "name", "started", "watched", "points", "open", "confirmed", "dismissed", "disputed", "conclusion"]
Stage = Literal["all", "open", "disputed", "none", "proposed", "contested", "concluded"]
Names = Callable[[str], Mapping[str, str]]
"""Of an exam's id: the students' names that are known, by their folded IDs."""

# What thousands of rows are ordered and counted by; the rest is read of those that are shown.
FIELDS = ("user_id", "state", "begun", "started_at", "total_score", "unread.gaze.of_s", "unread.gaze.unread_s")
FIELDS_IN_FORCE = dict.fromkeys(("state", "conclusion", "by", "account_id"), 1)
SHOWN = ("exam_id", "ended_at", "unread")
SHOWN_OF = Shape({**{name: SESSION.fields[name] for name in ("exam_id", "ended_at")}, "unread": UNREAD})
STAND_IN: Mapping[str, Any] = {"user_id": "", "state": "interrupted", "started_at": None}
OPINIONS = {"first": "", "second": "second.", "third": "third."}  # where they stand in an interval's `review`
ACTS = ("confirmed", "dismissed", "concluded", "agreed", "disagreed", "settled", "withdrawn")
WATCHED_MIN = 0.5  # share of a session; of one that could be watched for less somebody thinks by itself
STAGES: Sequence[str] = ("none", "contested", "proposed", "concluded")  # in the order in which somebody has to do something


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one server's exams. Reads only."""

    database: Database
    names: Names

    def exam_of_key(self, key: str) -> str | None:
        """The id of an exam that nobody defined, from its key; None where no session was of it. Raise `StorageError`."""
        with self.database.reading():
            found = self.database.collection("sessions").distinct("exam_id")
        return next((one for one in found if isinstance(one, str) and exam_key(one) == key), None)

    def of_exam(self, exam_id: str) -> list[Document]:
        """A row for each session of the exam, in no order: its fields, `name`, `flags` (a count for each state), `queried` and `concluded`.

        `queried`: a person asks who took it. `concluded` has `state` and `conclusion` of what is in force, and whose it is; None: nothing is.
        `filled` gives the rest. Raise `StorageError`.
        """
        spellings = of_exam(self.database, exam_id)
        query: Document = {"exam_id": {"$in": spellings}}
        flags = flags_of_sessions(self.database, spellings)
        with self.database.reading():
            sessions = list(self.database.collection("sessions").find(query, dict.fromkeys(FIELDS, 1)))
            in_force = {**query, "state": {"$ne": "withdrawn"}}
            concluded = {row.pop("_id"): row for row in self.database.collection(COLLECTION).find(in_force, FIELDS_IN_FORCE)}
            queried = set(self.database.collection("identity").distinct("_id", {**query, "decision.decision": "queried"}))
        names, none = self.names(exam_id), dict.fromkeys(FLAG_STATES, 0)
        for session in sessions:
            _fit(session)
            if watched_share(session) is None:  # read from the index, which doesn't tell what is missing
                session.pop("unread", None)
            session["begun"] = session.get("begun") is not False  # of before this was kept: it has
            session["name"] = names.get(folded(session["user_id"]), "") if names else ""
            session["flags"] = flags.get(session["_id"], none)
            session["queried"] = session["_id"] in queried
            session["concluded"] = _concluded(session, concluded.get(session["_id"]), IN_FORCE)
        return sessions

    def filled(self, rows: Sequence[Document]) -> list[Document]:
        """Rows with all that is shown: what could not be told and why, and the whole of what is in force. Raise `StorageError`."""
        ids = [row["_id"] for row in rows]
        with self.database.reading():
            sessions = {row["_id"]: row for row in self.database.collection("sessions").find({"_id": {"$in": ids}}, dict.fromkeys(SHOWN, 1))}
            in_force = {"_id": {"$in": ids}, "state": {"$ne": "withdrawn"}}
            concluded = {row["_id"]: row for row in self.database.collection(COLLECTION).find(in_force, {"history": 0})}
        there = [row | _shown(row, sessions[row["_id"]]) for row in rows if row["_id"] in sessions]  # else it was deleted since
        return [row | {"concluded": _concluded(row, concluded.get(row["_id"]), CONCLUSION)} for row in there]

    def people_of(self, exam_id: str) -> list[Document]:
        """Who decided what in an exam: `by`, and how many flags each `confirmed` and `dismissed`, as their opinions stand now, and how often each
        `concluded`, `agreed`, `disagreed`, `settled` and `withdrew`. Raise `StorageError`."""
        query: Document = {"exam_id": {"$in": of_exam(self.database, exam_id)}}
        opinions = {f"{which}_{name}": f"$review.{path}{name}" for which, path in OPINIONS.items() for name in ("by", "decision")}
        group = {"$group": {"_id": opinions, "count": {"$sum": 1}}}
        decided: list[Document] = []
        with self.database.reading():
            for listed in LISTED:
                decided += self.database.collection("intervals").aggregate([{"$match": {**query, **listed, "review.by": {"$gt": ""}}}, group])
            acts = list(self.database.collection(COLLECTION).find(query, {"history": 1}))
        people: dict[str, Counter[str]] = {}
        for row in decided:
            for which in OPINIONS:
                by, decision = (row["_id"].get(f"{which}_{name}") for name in ("by", "decision"))
                if decision in ACTS and isinstance(by, str):
                    people.setdefault(by, Counter())[decision] += row["count"]
        for row in acts:
            for act in CONCLUSION.fit(row)[0].get("history") or ():
                people.setdefault(act["by"], Counter())[act["act"]] += 1
        return [{"by": by, **{name: people[by][name] for name in ACTS}} for by in sorted(people, key=str.casefold)]


def _fit(session: Document) -> None:
    """Leave out of a row what was damaged, and name that under `unreadable`; what must be there has a stand-in: nobody, interrupted, at no time."""
    kept, wrong = SESSION.fit(session)
    if wrong:
        tell_unreadable("session", str(session["_id"]), tuple(wrong))
        for name in wrong:
            session.pop(name, None)
    session |= {**STAND_IN, **kept, "unreadable": wrong}


def _shown(row: Document, session: Document) -> Document:
    """What a row that is shown has besides."""
    kept, wrong = SHOWN_OF.fit(session)
    fields = {name: kept.get(name) for name in SHOWN}
    return fields | {"unreadable": [*row["unreadable"], *(name for name in wrong if name not in row["unreadable"])]}


def _concluded(row: Document, stored: Document | None, shape: Shape) -> Document | None:
    """What is concluded of a row, None also where that was damaged, which is named."""
    found = shape.whole(stored) if stored is not None else None
    if stored is not None and found is None and "conclusion" not in row["unreadable"]:
        row["unreadable"].append("conclusion")
    return found


def stage_of(row: Document) -> str:
    """How far a session's conclusion is: none, proposed, contested or concluded."""
    return str(row["concluded"]["state"]) if row["concluded"] else "none"


def chosen(rows: Sequence[Document], stage: Stage) -> list[Document]:
    """Those of `of_exam`'s rows that are at a stage; `open` and `disputed`: that have such flags."""
    if stage == "all":
        return list(rows)
    if stage in ("open", "disputed"):
        return [row for row in rows if row["flags"][stage]]
    return [row for row in rows if stage_of(row) == stage]


@dataclass(frozen=True, slots=True)
class WithoutFinding:
    """Rows that one person can conclude as "no finding" in one act, and how many more would be among them, but for what is said of each."""

    rows: list[Document]
    unwatched: int  # could not be watched for `WATCHED_MIN` of their time
    not_begun: int  # their student never came


def without_finding(rows: Sequence[Document]) -> WithoutFinding:
    """Those that have begun and ended, with nothing in force or queried, no flag but dismissed ones, nothing damaged, and that could be watched."""
    found = [row for row in rows if row.get("state") != "running" and stage_of(row) == "none" and _is_clear(row) and not row.get("unreadable")]
    begun = [row for row in found if row["begun"]]
    watched = [row for row in begun if _is_watched(row)]
    return WithoutFinding(watched, unwatched=len(begun) - len(watched), not_begun=len(found) - len(begun))


def to_agree(rows: Sequence[Document], person: Person) -> list[Document]:
    """Those that a second person can agree to in one act: others propose "no finding", and no query or flag but dismissed ones speaks against it."""
    found = [row for row in rows if stage_of(row) == "proposed" and row["concluded"]["conclusion"] == "no_finding" and _is_clear(row)]
    theirs = [row for row in found if row["begun"] and _is_watched(row)]
    return [row for row in theirs if not person.is_also(row["concluded"]["by"], row["concluded"].get("account_id"))]


def _is_clear(row: Document) -> bool:
    return not row["queried"] and not any(row["flags"][state] for state in FLAG_STATES if state != "dismissed")


def _is_watched(row: Document) -> bool:
    share = watched_share(row)
    return share is None or share >= WATCHED_MIN


def ordered(rows: Sequence[Document], column: Column, *, down: bool = False) -> list[Document]:
    """Rows in the order of a column; equals by student and start. What isn't known comes last, whichever way."""
    found = sorted(rows, key=lambda row: (row["user_id"].casefold(), row["started_at"] or NEVER, row["_id"]))
    known = [(value, row) for row in found if (value := _value(row, column)) not in (None, "")]
    known.sort(key=lambda pair: pair[0], reverse=down)
    return [row for _value_of, row in known] + [row for row in found if _value(row, column) in (None, "")]


def page_of(rows: Sequence[Document], limit: int, after: str | None) -> list[Document]:
    """At most `limit` rows behind the one of the session `after`, and one more where there is one. Raise `InvalidInput`."""
    begin = 0
    if after is not None:
        begin = next((at + 1 for at, row in enumerate(rows) if row["_id"] == after), -1)
        if begin < 0:
            wrong = _("after=%(row)s is no row of this list. Give the id of the last row of the page before.", row=repr(after))
            raise InvalidInput(wrong, field="after")
    return list(rows[begin : begin + limit + 1])


def summed(rows: Sequence[Document]) -> dict[str, int]:
    """How many sessions there are, and how many are at each stage, and how many have each conclusion that stands."""
    stages: tuple[Stage, ...] = ("open", "disputed", "none", "proposed", "contested", "concluded")
    sums = {"sessions": len(rows)} | {str(stage): len(chosen(rows, stage)) for stage in stages}
    found = Counter(row["concluded"]["conclusion"] for row in rows if stage_of(row) == "concluded")
    return sums | {finding: found[finding] for finding in ("no_finding", "finding", "passed_on", "retake")}


def watched_share(row: Document) -> float | None:
    """The share, 0..1, of the exam in which the gaze could be told; None where nothing is known of it."""
    part = part_of(part_of(row, "unread"), "gaze")
    of_s, unread_s = part.get("of_s"), part.get("unread_s")
    return 1 - unread_s / of_s if isinstance(of_s, (int, float)) and isinstance(unread_s, (int, float)) and of_s > 0 else None


def _value(row: Document, column: Column) -> Any:
    if column in FLAG_STATES:
        return row["flags"][column]
    if column == "conclusion":
        return (STAGES.index(stage_of(row)), (row["concluded"] or {}).get("conclusion", ""))
    if column == "watched":
        return watched_share(row)
    if column in ("student", "name"):
        return str(row["user_id" if column == "student" else "name"]).casefold()
    return row.get("started_at" if column == "started" else "total_score")
