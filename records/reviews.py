"""What proctors decided about flagged intervals: every decision is kept, and the interval shows where they stand.

Each person has one opinion, the newest decision that was not taken back. What most of them say stands; where as many say the one as the other, the
interval is disputed, and the opinion of one more person settles it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from basics.errors import Conflict, NotFound, StorageError
from basics.locks import KeyedLocks
from basics.texts import _
from basics.times import iso_time, utc_now
from database import Database, Document
from records.flag_counts import FLAG_STATES, LISTED
from records.keep_times import part_of
from records.shapes import SAID, read_decisions
from records.sought import with_part
from storage.marks import Mark
from storage.ranks import sortable

Decision = Literal["confirmed", "dismissed"]
ReviewState = Literal["open", "confirmed", "dismissed", "disputed"]
AnswerSeen = datetime | None | Literal["any"]
"""When the student gave the answer that was before the eyes of whoever decides; None: there was none; `any`: that isn't said."""
Rank = Literal["score", "newest", "student"]

RANKS: Mapping[Rank, Sequence[tuple[str, int]]] = {
    "score": [("score", DESCENDING), ("flagged_at", DESCENDING)],
    "newest": [("flagged_at", DESCENDING)],
    "student": [("user_id", ASCENDING), ("flagged_at", ASCENDING)],
}
UNDECIDED: Sequence[str | None] = (None, "open")  # None: nobody has ever looked
DECIDED: Sequence[ReviewState] = ("confirmed", "dismissed", "disputed")
ANSWERS = "student_answers"
HISTORY_MAX = 1000  # decisions about one interval
TRIES = 10  # to be the next of those who decide about one interval at several servers
NOTED_WITHIN = timedelta(seconds=20)  # whoever decides has noted it by then, and is not in the middle of it at another server
TICK = timedelta(milliseconds=1)  # MongoDB's own; the decisions of one interval are told apart by their times


class Reviews:
    """The decisions of one server's database. Safe between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._deciding = KeyedLocks()

    def decide(
        self,
        video_id: str,
        decision: Decision | None,
        *,
        by: str,
        reason: str = "",
        note: str = "",
        amends: bool = False,
        answer_seen: AnswerSeen = "any",
    ) -> Document:
        """Store one decision (None takes `by`'s last one back) and return where the interval stands, once it is safe.

        One that `amends` is `by`'s last once more, with another note: both are taken back together. An answer that the student gives in the very
        moment leaves the decision marked (`answered_since`).

        Where storing breaks off behind the decision it is kept: it counts with the next one, else `settle` lets it.

        Raise `NotFound` for an interval that isn't flagged, `Conflict` when there is nothing to take back, and where another answer is there than
        the one that was seen, `StorageError`.
        """
        # One decision about an interval at a time: each is told from those before it. Others' intervals don't wait for its storage.
        with self._deciding.held(video_id):
            answered_at = self._check_seen(video_id, answer_seen if decision is not None else "any")
            for _try in range(TRIES):
                standing = self._decide(video_id, {"decision": decision, "reason": reason, "note": note, "by": by}, answered_at, amends=amends)
                if standing is not None:
                    return self._with_answer(video_id, standing, answered_at)
        raise StorageError(_("Others decide about the same moment just now. Try again in some seconds."))

    def _answer(self, video_id: str) -> Document | None:
        with self._database.reading():
            found = self._database.collection(ANSWERS).find_one({"_id": video_id})
        return SAID.whole(found) if found is not None else None

    def _check_seen(self, video_id: str, seen: AnswerSeen) -> datetime | None:
        """When the student answered, None: there is no answer. Raise `Conflict` where that is another answer than the one that was seen."""
        answer = self._answer(video_id)
        at: datetime | None = answer["at"] if answer is not None else None
        if isinstance(seen, str) or _same_time(seen, at):
            return at
        told = None if answer is None else {"text": answer["text"], "at": iso_time(answer["at"])}
        raise Conflict(
            _("The student's answer is another one than you saw. Read it, and decide again."), field="answered_at", reason="answered", answer=told
        )

    def _with_answer(self, video_id: str, standing: Document, before: datetime | None) -> Document:
        """Where the interval stands, marked where an answer came since: whoever stores one marks it itself, but for what is not decided yet."""
        answer = self._answer(video_id)
        if standing["state"] == "open" or answer is None or answer["at"] == before:
            return standing
        self.answered(video_id)
        return standing | {"answered_since": True}

    def _decide(self, video_id: str, said: Document, answered_at: datetime | None, *, amends: bool) -> Document | None:
        """Where the interval stands with this decision; None where another server stored one first. Raise as `decide` does."""
        interval = self._database.interval(video_id)
        if not (interval.get("flagged") or interval.get("marked")):
            raise NotFound(
                _("The interval %(video_id)s is not flagged, and no proctor marked it: there is nothing to decide.", video_id=repr(video_id)),
                field="video_id",
            )
        stored = self._stored(video_id)
        if len(stored) >= HISTORY_MAX:
            raise Conflict(_("So much was decided about this moment that nothing more is taken."), reason="too_many")
        history, by, newest = _read(stored), said["by"], _newest_of(stored)
        if newest > (shown := _number_of(interval)):  # stored, and an outage came before the interval said so
            again = bool(history) and said.items() <= history[-1].items()
            with self._database.gone.writing(interval["session_id"]), self._changing(interval["session_id"]):
                late = self._late(video_id, history[: -1 if again else None], shown)
                standing = self._catch_up(video_id, history, newest, answered_at)
            self._note(video_id, late)
            if again:  # whoever says it again notes it
                return standing
        mine = [entry for entry in _in_force(history) if entry["by"] == by]
        if said["decision"] is None and not mine:
            raise Conflict(
                _("%(by)s has decided nothing about %(video_id)s that could be taken back.", by=repr(by), video_id=repr(video_id)), field="by"
            )
        now, session_id = utc_now(), interval["session_id"]
        entry = {**said, "at": max(now, history[-1]["at"] + TICK) if history else now}
        if amends and mine and all(mine[-1][name] == said[name] for name in ("decision", "reason")):
            entry["amends"] = True
        standing = stand([*history, entry])
        if said["decision"] is None and part_of(interval, "review").get("answered_since"):  # nobody has read it by taking something back
            standing |= _since(standing)
        number = 1 + max(len(stored), newest)
        with self._database.gone.writing(session_id), self._changing(session_id), self._database.reading():
            try:  # who stores the one of this number has seen all before it
                kept = {"_id": f"{video_id}-{number}", "number": number, "video_id": video_id, "session_id": session_id, **entry}
                kept |= _mark(entry, standing, interval).fields()  # from here on it counts, whatever becomes of its standing
                self._database.collection("reviews").insert_one(dict(self._database.marked(kept)))
            except DuplicateKeyError:
                return None
            self._stand(video_id, number, standing)
        return standing

    def settle(self, session_id: str) -> list[tuple[Document, Document]]:
        """Let the intervals of a session show what was decided before an outage or a death of the server came, without waiting for the next decision.

        Return each such interval with where it stands now. Raise `StorageError`.
        """
        group = {"$group": {"_id": "$video_id", "number": {"$max": "$number"}}}
        with self._database.reading():
            made = {row["_id"]: row for row in self._database.collection("reviews").aggregate([{"$match": {"session_id": session_id}}, group])}
            intervals = list(self._database.collection("intervals").find({"_id": {"$in": list(made)}}))
        self._note_unnoted(session_id)
        late = [str(one["_id"]) for one in intervals if _newest_of([made[one["_id"]]]) > _number_of(one)]
        with suppress(Conflict):  # it is being deleted
            return [settled for video_id in late if (settled := self._settled(video_id, session_id)) is not None]
        return []

    def _settled(self, video_id: str, session_id: str) -> tuple[Document, Document] | None:
        with self._deciding.held(video_id), self._database.gone.writing(session_id):
            with self._database.reading():
                interval = self._database.collection("intervals").find_one({"_id": video_id})
            stored = self._stored(video_id)
            if interval is None or (newest := _newest_of(stored)) <= (shown := _number_of(interval)):
                return None
            answer, history = self._answer(video_id), _read(stored)
            late = self._late(video_id, history, shown)
            standing = self._catch_up(video_id, history, newest, answer["at"] if answer is not None else None)
            self._note(video_id, late)
        return interval, standing

    def _catch_up(self, video_id: str, history: Sequence[Document], newest: int, answered_at: datetime | None) -> Document:
        """Let the interval show all that was decided, of which the last is the decision of the number `newest`; where it stands by that."""
        standing = stand(history)
        if history and answered_at is not None and answered_at > history[-1]["at"]:
            standing |= _since(standing)
        with self._database.reading():
            self._stand(video_id, newest, standing)
        return standing

    def _late(self, video_id: str, history: Sequence[Document], shown: int) -> list[Document]:
        """What was decided after the decision of the number `shown`, and is not in the audit: its server was told that it failed, or died.

        Whoever decided just now may yet note it: that is marked, and `settle` looks whether they did.
        """
        late, before = [entry for entry in history if _newest_of([entry]) > shown], utc_now() - NOTED_WITHIN
        if young := [entry["number"] for entry in late if entry["at"] >= before]:
            with self._database.reading():
                which = {"video_id": video_id, "number": {"$in": young}}
                self._database.collection("reviews").update_many(which, {"$set": {"unnoted": True}})
        return [entry for entry in late if entry["at"] < before]

    def _note(self, video_id: str, decisions: Sequence[Document]) -> None:
        for entry in decisions:
            said = {"reason": entry["reason"], "note": entry["note"], "late": True, "decided_at": entry["at"]}
            self._database.audit({"who": entry["by"], "what": _act(entry), "video_id": video_id, **said})

    def _note_unnoted(self, session_id: str) -> None:
        """Note what was too young to be noted when a later decision came, unless the audit has as many such decisions as are stored since."""
        before = utc_now() - NOTED_WITHIN
        with self._database.reading():
            kept, audit = self._database.collection("reviews"), self._database.collection("audit")
            unnoted = list(kept.find({"session_id": session_id, "unnoted": True, "at": {"$lt": before}}).sort("at", DESCENDING))
            now: Counter[tuple[str, str, str]] = Counter()
            for entry in _read(unnoted):
                same = {"video_id": entry["video_id"], "by": entry["by"], "decision": entry["decision"], "at": {"$gte": entry["at"], "$lt": before}}
                noted = {"video_id": entry["video_id"], "who": entry["by"], "what": _act(entry), "at": {"$gte": entry["at"]}}
                which = str(entry["video_id"]), str(entry["by"]), _act(entry)
                if audit.count_documents(noted) + now[which] < kept.count_documents(same):
                    self._note(str(entry["video_id"]), [entry])
                    now[which] += 1
            kept.update_many({"_id": {"$in": [row["_id"] for row in unnoted]}}, {"$unset": {"unnoted": ""}})

    def _stand(self, video_id: str, number: int, standing: Document) -> None:
        """The interval stands so after the decision of this number, unless it shows a later one already."""
        before = {"_id": video_id, "review.number": {"$not": {"$gte": number}}}
        self._database.collection("intervals").update_one(before, {"$set": {"review": {**standing, "number": number}}})

    def answered(self, video_id: str) -> None:
        """The student has answered: where somebody decided before, that is marked until the next decision. Raise `Conflict`, `StorageError`."""
        with self._database.gone.writing(video_id.partition("-")[0]), self._database.reading():
            decided = {"_id": video_id, "review.state": {"$in": list(DECIDED)}}
            self._database.collection("intervals").update_one(decided, {"$set": {"review.answered_since": True}})

    @contextmanager
    def _changing(self, session_id: str) -> Iterator[None]:
        """What is counted of the session's flags is not believed while a decision is stored (`deciding`), and from then on is another (`changes`).

        Where that fails the session is counted whenever somebody asks, until the next start.
        """
        self._add(session_id, {"deciding": 1})
        yield
        with suppress(StorageError):
            self._add(session_id, {"deciding": -1, "changes": 1})

    def _add(self, session_id: str, numbers: dict[str, int]) -> None:
        with self._database.reading():
            self._database.collection("sessions").update_one({"_id": session_id}, {"$inc": numbers})

    def history(self, video_id: str) -> list[Document]:
        """Every decision about one interval, oldest first; those taken back too. One that was damaged is left out."""
        return _read(self._stored(video_id))

    def _stored(self, video_id: str) -> list[Document]:
        return self._database.page("reviews", {"video_id": video_id}, [("at", 1)], None, HISTORY_MAX)

    def queue(
        self,
        state: ReviewState | Literal["all", "answered"] = "open",
        *,
        rank: Rank = "score",
        limit: int = 100,
        after: str | None = None,
        exams: Document | None = None,
        **filters: str | None,
    ) -> list[Document]:
        """Flagged intervals, and those that a proctor marked, in the order of `rank`; `answered`: those whose student answered since the decision.

        `filters` are `exam_id`, `user_id`, `search` (a part of the student's ID), `kind`; `exams` is a condition on the exam;
        `after` is the `_id` of the last one seen.
        """
        order = RANKS[rank]
        # Two questions, each of which an index answers in this order; of one with both conditions the database would sort all that it finds.
        asked = (self._asked(which, exams, **filters) | _standing(state) for which in LISTED)
        found = [row for query in asked for row in self._database.page("intervals", query, order, after, limit)]
        for name, direction in reversed([*order, ("_id", order[-1][1])]):
            found.sort(key=partial(_value_of, name), reverse=direction == DESCENDING)
        return found[:limit]

    def count(self, state: ReviewState, *, exams: Document | None = None, **filters: str | None) -> int:
        """How many flagged and marked intervals stand so; `filters` as in `queue`."""
        return self.counts((state,), exams=exams, **filters)[state]

    def counts(self, states: Sequence[ReviewState], *, exams: Document | None = None, **filters: str | None) -> dict[ReviewState, int]:
        """The same of some states at once."""
        asked = [self._asked(which, exams, **filters) for which in LISTED]
        by_kind = filters.get("kind") is not None
        return {state: sum(self._count(state, query, by_kind=by_kind) for query in asked) for state in states}

    def _count(self, state: ReviewState, query: Document, *, by_kind: bool) -> int:
        with self._database.reading():
            intervals = self._database.collection("intervals")
            if state != "open":
                return intervals.count_documents(query | _standing(state))
            if by_kind:  # whether a field is there is nothing that an index of lists can tell: the others are counted from it
                return max(0, intervals.count_documents(query) - intervals.count_documents(query | {"review.state": {"$in": list(DECIDED)}}))
            return sum(intervals.count_documents(query | {"review.state": each}) for each in UNDECIDED)

    def _asked(
        self,
        which: Document,
        exams: Document | None,
        exam_id: str | None = None,
        user_id: str | None = None,
        search: str | None = None,
        kind: str | None = None,
    ) -> Document:
        """The condition that these filters are."""
        also = [{"user_id": with_part(self._database, "intervals", "user_id", search, which)}] if search is not None else []
        also += [{"exam_id": exams}] if exams is not None else []
        named = {"exam_id": exam_id, "user_id": user_id, "violations.kind": kind}
        query = which | {name: value for name, value in named.items() if value is not None}
        return query | ({"$and": also} if also else {})  # beside a `user_id` and an `exam_id`, not instead of them

    def counts_of_sessions(self, session_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Of each of these sessions that has flags or marks, how many stand in each state."""
        counts: dict[str, dict[str, int]] = {}
        state = {"$ifNull": ["$review.state", "open"]}
        group = {"_id": {"session_id": "$session_id", "state": state}, "count": {"$sum": 1}}
        with self._database.reading():
            for which in LISTED:
                pipeline: list[Document] = [{"$match": {"session_id": {"$in": list(session_ids)}, **which}}, {"$group": group}]
                for row in self._database.collection("intervals").aggregate(pipeline):
                    if (state := row["_id"].get("state")) in FLAG_STATES:
                        of_session = counts.setdefault(row["_id"]["session_id"], {})
                        of_session[state] = of_session.get(state, 0) + row["count"]
        return counts


def stand(history: Sequence[Mapping[str, Any]]) -> Document:
    """Where an interval stands after its decisions, oldest first, as it is stored in the interval's `review`.

    The first person's opinion, the `second` person's, and as `third` the newest of all further ones; `state` is what most persons say.
    """
    made = _in_force(history)
    if not made:
        return {"decision": None, "reason": "", "note": "", "by": "", "at": None, "second": None, "third": None, "state": "open"}
    newest = {entry["by"]: entry for entry in made}  # in the order in which the persons first decided
    first, second, *_ = [*map(_opinion, newest.values()), None]
    further = [entry for entry in made if entry["by"] in list(newest)[2:]]
    third = _opinion(further[-1]) if further else None
    confirmed = sum(entry["decision"] == "confirmed" for entry in newest.values())
    dismissed = len(newest) - confirmed
    state = "disputed" if confirmed == dismissed else "confirmed" if confirmed > dismissed else "dismissed"
    return (first or {}) | {"second": second, "third": third, "state": state}


def standing_of(stored: Sequence[Document]) -> tuple[int, Document]:
    """The number of the newest of these stored decisions, oldest first, and where their interval stands after them, as far as they can be read."""
    return _newest_of(stored), stand(_read(stored))


def _same_time(given: datetime | None, stored: datetime | None) -> bool:
    """As far as the database keeps it."""
    return (None if given is None else given.replace(microsecond=given.microsecond // 1000 * 1000)) == stored


def _since(standing: Document) -> Document:
    """What marks a decision after which the student answered."""
    return {"answered_since": True} if standing["state"] != "open" else {}


def _newest_of(stored: Sequence[Document]) -> int:
    """The number of the newest of these decisions; 0 where none has any."""
    return max((row["number"] for row in stored if isinstance(row.get("number"), int)), default=0)


def _number_of(interval: Document) -> int:
    """The number of the newest decision that an interval shows."""
    number = part_of(interval, "review").get("number")
    return number if isinstance(number, int) else 0


def _read(stored: Sequence[Document]) -> list[Document]:
    return [{"decision": None, "reason": "", "note": "", **row} for row in read_decisions(stored)[0]]


def _in_force(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The decisions that nobody has taken back: one without a decision takes back the last of the same person, with those that it amends."""
    made: list[Mapping[str, Any]] = []
    for entry in history:
        if entry["decision"] is not None:
            made.append(entry)
            continue
        for number in range(len(made) - 1, -1, -1):
            if made[number]["by"] == entry["by"] and not made.pop(number).get("amends"):
                break
    return made


def _mark(entry: Mapping[str, Any], standing: Document, interval: Document) -> Mark:
    """By which other systems are told of a decision. It is in the decision's own record, which says nothing of whose moment it is about."""
    whose = {"interval_id": interval["_id"], "exam_id": interval.get("exam_id"), "user_id": interval.get("user_id"), "index": interval.get("index")}
    return Mark("decided", "review.decided", entry["at"], whose | {"decision": entry["decision"], "state": standing["state"], "by": entry["by"]})


def _act(entry: Mapping[str, Any]) -> str:
    """As the audit calls a decision."""
    return f"review: {entry['decision'] or 'taken back'}"


def _opinion(entry: Mapping[str, Any]) -> Document:
    return {name: entry[name] for name in ("decision", "reason", "note", "by", "at")}


def _value_of(name: str, row: Document) -> tuple[int, Any]:
    """For sorting rows by a field that some may lack: as the database does."""
    return sortable(row.get(name))


def _standing(state: ReviewState | Literal["all", "answered"]) -> Document:
    if state == "open":
        return {"review.state": {"$in": list(UNDECIDED)}}
    if state == "answered":
        return {"review.answered_since": True}
    return {} if state == "all" else {"review.state": state}
