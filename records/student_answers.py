"""A student's side of a session after the exam: links to the student's own report, answers to flags, and a request for a new look.

Each is kept with its session, and deleted with it. Of a link only its SHA-256 is kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from basics.errors import Conflict, Forbidden, NotFound, StorageError, Unauthorized
from basics.locks import KeyedLocks
from basics.stored_fields import is_moment
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.accounts import digest
from records.conclusions import COLLECTION as CONCLUSIONS
from records.reviews import ANSWERS, Reviews
from records.shapes import ANSWER, INTERVAL, LINK, NEW_LOOK, SAID, TOLD
from scoring.exam import ExamDefinition
from settings.afterwards import AfterwardsSettings

NEW_LOOKS, REPORTS = "new_looks", "student_reports"
PREFIX = "sr_"  # so that scanners for leaked secrets know one
NEW_LOOKS_MAX = 100  # requests about one session
LINKS_MAX = 20  # of one session, those that are over too
OWN_LINKS_MAX = 10  # of them may be the student's own: who runs the exam always has room for one
STUDENT = "student"  # who made those
SESSIONS_MAX = 5000  # that get a link by one call
OF_LINK = ("user_id", "exam_id", "started_at")
FLAGS_MAX = 1000  # that a report shows; an exam of a day has no more
STORED_WITHIN_S = 10.0

Opening = Literal["open", "off", "running", "later"]
"""May the report be read? `off`: the exam has none. `running`: once the session has ended. `later`: once it is concluded."""


class StudentAnswers:
    """The students' side of one server's sessions. Safe between threads."""

    def __init__(
        self, database: Database, reviews: Reviews, definition_of: Callable[[str | None], ExamDefinition | None], settings: AfterwardsSettings
    ) -> None:
        """`definition_of` gives an exam as it is defined now, None where nobody defined it."""
        self._database = database
        self._reviews = reviews
        self._definition_of = definition_of
        self._settings = settings
        self._changing = KeyedLocks()

    # Whether the report is open

    def opening(self, session: Mapping[str, Any]) -> Opening:
        """May the session's student read the report now? Where students answer first it is open before the conclusion."""
        definition = self._definition_of(session.get("exam_id"))
        if definition is None or (definition.student_report == "off" and not definition.answer_first):
            return "off"
        if session.get("state") == "running":
            return "running"
        if definition.student_report == "at_once" or definition.answer_first:
            return "open"
        return "open" if self.conclusion(str(session["_id"])) is not None else "later"

    def shows_clips(self, session: Mapping[str, Any]) -> bool:
        """May the student watch the session's clips?"""
        definition = self._definition_of(session.get("exam_id"))
        return definition is not None and definition.student_clips

    def open_session(self, session_id: str) -> Document:
        """The session whose report is open. Raise `Forbidden` with why it isn't, `NotFound`, `StorageError`."""
        session = self._database.session(session_id)
        opening = self.opening(session)
        if opening == "off":
            raise Forbidden(_("In this exam students have no report here. Ask your institution what was kept."), reason=opening)
        if opening == "running":
            raise Forbidden(_("Your exam is still running. Your report is here once it has ended."), reason=opening)
        if opening == "later":
            raise Forbidden(_("Nobody has concluded on your exam yet. Your report is here once somebody has."), reason=opening)
        return session

    def conclusion(self, session_id: str) -> Document | None:
        """What was concluded for good, None where nothing was."""
        stored = self._one(CONCLUSIONS, session_id)
        found = TOLD.whole(stored) if stored is not None else None
        return found if found is not None and found["state"] == "concluded" else None

    # Links

    def make_link(self, session: Mapping[str, Any], *, by: str, days: int | None = None) -> tuple[str, datetime]:
        """Make a link's token, which stands nowhere else, and until when it is good. Raise `Conflict` where there are too many, `StorageError`."""
        session_id = str(session["_id"])
        with self._changing.held(session_id):
            links, own = self.links(session_id), by == STUDENT
            most = OWN_LINKS_MAX if own else LINKS_MAX
            if len(links) >= LINKS_MAX or (own and sum(link.get("made_by") == STUDENT for link in links) >= most):
                raise Conflict(_("There are %(most)s links to this report, as many as one session has.", most=most))
            token, kept = self._new_link(session, by, days)
            self._store(REPORTS, digest(token), kept)
        return token, kept["until"]

    def make_links(self, exam_ids: Sequence[str], *, by: str, days: int | None = None) -> list[tuple[Document, str, datetime]]:
        """Make a link for each session of an exam (all spellings of its id) that has ended: session, token, until when. Raise `StorageError`."""
        query = {"exam_id": {"$in": list(exam_ids)}, "state": {"$ne": "running"}, "begun": {"$ne": False}}
        with self._database.reading():
            found = list(self._database.collection("sessions").find(query, OF_LINK).sort([("started_at", -1), ("_id", 1)]).limit(SESSIONS_MAX))
            ids = [session["_id"] for session in found]
            counted: list[Document] = [{"$match": {"session_id": {"$in": ids}}}, {"$group": {"_id": "$session_id", "count": {"$sum": 1}}}]
            full = {row["_id"] for row in self._database.collection(REPORTS).aggregate(counted) if row["count"] >= LINKS_MAX}
        made = [(session, *self._new_link(session, by, days)) for session in found if session["_id"] not in full]
        tickets = [self._database.write(REPORTS, digest(token), kept) for _session, token, kept in made]
        if not all(ticket.wait(STORED_WITHIN_S) for ticket in tickets):
            raise StorageError(_("This can't be stored now. Try again in some seconds."))
        return [(session, token, kept["until"]) for session, token, kept in made]

    def _new_link(self, session: Mapping[str, Any], by: str, days: int | None) -> tuple[str, Document]:
        token, now = PREFIX + secrets.token_urlsafe(32), utc_now()
        about = {"session_id": session["_id"], "user_id": session.get("user_id"), "exam_id": session.get("exam_id")}
        until = now + timedelta(days=days or self._settings.report_link_days)
        return token, {**about, "made_by": by, "made_at": now, "until": until, "opened_at": None, "ended_at": None}

    def links(self, session_id: str) -> list[Document]:
        """The links of a session, oldest first, but those that are damaged: these open nothing. Raise `StorageError`."""
        found = self._database.page(REPORTS, {"session_id": session_id}, [("made_at", 1)], None, LINKS_MAX + 1)
        return [link for link in found if is_readable(link)]

    def end_links(self, session_id: str) -> int:
        """End all links of a session; return how many there were. Raise `StorageError`."""
        ended = [link for link in self.links(session_id) if is_good(link)]
        for link in ended:
            self._store(REPORTS, str(link["_id"]), {"ended_at": utc_now()})
        return len(ended)

    def opened_by(self, token: str) -> Document:
        """The link of this token, which is opened herewith. Raise `Unauthorized`, `StorageError`."""
        return self.link(digest(token) if token.startswith(PREFIX) else "")

    def link(self, link_id: str) -> Document:
        """A link that is good, by its digest. Raise `Unauthorized`, `StorageError`."""
        found = self._one(REPORTS, link_id) if link_id else None
        if found is None or not is_readable(found) or not is_good(found):
            raise Unauthorized(_("This link to a report is not valid, or is over. Open the whole link again, or ask for a new one."), field="token")
        if found.get("opened_at") is None:
            self._store(REPORTS, link_id, {"opened_at": utc_now()})
        return found

    # Answers

    def answers(self, session_id: str) -> dict[str, Document]:
        """What the student said, by interval's id. Raise `StorageError`."""
        with self._database.reading():
            found = list(self._database.collection(ANSWERS).find({"session_id": session_id}).limit(FLAGS_MAX + 1))
        return {str(row["_id"]): ANSWER.fit(row)[0] for row in found}

    def with_answers(self, intervals: Iterable[Mapping[str, Any]]) -> list[Document]:
        """The intervals, each with its student's `answer` where there is one. Raise `StorageError`."""
        rows = [dict(interval) for interval in intervals]
        with self._database.reading():
            found = {row["_id"]: row for row in self._database.collection(ANSWERS).find({"_id": {"$in": [row["_id"] for row in rows]}})}
        said = {one: answer for one, row in found.items() if (answer := SAID.whole(row)) is not None}
        return [row | ({"answer": {name: said[row["_id"]][name] for name in ("text", "at")}} if row["_id"] in said else {}) for row in rows]

    def answer(self, session: Mapping[str, Any], video_id: str, text: str) -> None:
        """Keep the student's answer to a flag; it can be changed until somebody decides. Raise `NotFound`, `Conflict`, `StorageError`."""
        session_id = str(session["_id"])
        with self._changing.held(session_id):
            interval = next((flag for flag in self.flags(session_id) if flag["_id"] == video_id), None)
            if interval is None:
                raise NotFound(_("Your report has no such moment."), field="video_id")
            self._check_open(session_id)
            if not may_answer(interval, self._one(ANSWERS, video_id)):
                raise Conflict(_("Somebody has decided after reading your answer, so that it stays as it is."), reason="decided")
            about = {name: session.get(name) for name in ("user_id", "exam_id")}
            self._store(ANSWERS, video_id, {"session_id": session_id, **about, "text": text, "at": utc_now()})
            self._reviews.answered(video_id)

    def nothing_to_add(self, session: Mapping[str, Any]) -> None:
        """The student has nothing to say to what has no answer yet; what is flagged later is not meant. Raise `Conflict`, `StorageError`."""
        session_id = str(session["_id"])
        with self._changing.held(session_id):
            self._check_open(session_id)
            about = {name: session.get(name) for name in ("user_id", "exam_id")} | {"of": [flag["_id"] for flag in self.flags(session_id)]}
            self._store(ANSWERS, session_id, {"session_id": session_id, **about, "nothing": True, "at": utc_now()})

    def flags(self, session_id: str) -> list[Document]:
        """The intervals that somebody is to decide on, in their order, as far as they can be read. Raise `StorageError`."""
        query = {"session_id": session_id, "$or": [{"flagged": True}, {"marked": True}]}
        return [INTERVAL.fit(row)[0] for row in self._database.page("intervals", query, [("index", 1)], None, FLAGS_MAX)]

    def may_conclude(self, session_id: str) -> str | None:
        """Why a finding may not be concluded yet, None where it may: the student had the chance to answer. Raise `NotFound`, `StorageError`."""
        session = self._database.session(session_id)
        definition = self._definition_of(session.get("exam_id"))
        if definition is None or not definition.answer_first:
            return None
        waiting = [
            flag for flag in unsaid(self.flags(session_id), self.answers(session_id)) if (flag.get("review") or {}).get("state") != "dismissed"
        ]
        if not waiting:
            return None
        chance = min((link["made_at"] for link in self.links(session_id) if link.get("opened_at") or is_good(link)), default=None)
        if chance is None:
            return _("The student has had no chance to answer: give the student the link to the report first.")
        # Before the session's end, which may be another than its first, no report is read, and of a later flag nobody could say anything.
        since = [at for at in (session.get("ended_at"), *(flag.get("flagged_at") for flag in waiting)) if is_moment(at)]
        ends = max([chance, *since]) + timedelta(days=self._settings.answer_days)
        if utc_now() < ends:
            return _("The student may answer until %(day)s (UTC), or until every flag is answered.", day=f"{ends:%Y-%m-%d %H:%M}")
        return None

    # A new look

    def new_look(self, session_id: str) -> Document | None:
        """The student's newest request, None where there is none, or it is damaged. Raise `StorageError`."""
        found = self._new_looks_of(session_id)
        return NEW_LOOK.whole(found[0]) if found else None

    def _new_looks_of(self, session_id: str) -> list[Document]:
        """The requests of a session, newest first: the first has its id, and each further one its number behind that."""
        with self._database.reading():
            of_session = {"_id": {"$gte": session_id, "$lt": f"{session_id}."}}
            return list(self._database.collection(NEW_LOOKS).find(of_session).sort("_id", -1).limit(NEW_LOOKS_MAX))

    def new_look_until(self, session_id: str) -> datetime | None:
        """Until when the student may ask for one; None: nothing is concluded. Raise `StorageError`."""
        concluded_at = self._concluded_at(session_id)
        return concluded_at + timedelta(days=self._settings.new_look_days) if concluded_at is not None else None

    def _concluded_at(self, session_id: str) -> datetime | None:
        conclusion = self.conclusion(session_id)
        if conclusion is None:
            return None
        at: datetime = (conclusion.get("second") or {}).get("at") or conclusion["at"]
        first: datetime = conclusion["at"]
        return max(at, first)

    def may_ask_new_look(self, session_id: str) -> bool:
        """May the student ask for one now? Raise `StorageError`."""
        try:
            self._check_may_ask(session_id)
        except Conflict:
            return False
        return True

    def _check_may_ask(self, session_id: str) -> None:
        concluded_at, asked = self._concluded_at(session_id), self._new_looks_of(session_id)
        if concluded_at is None:
            raise Conflict(_("Nothing is concluded yet that could be looked at anew."), reason="open")
        if len(asked) >= NEW_LOOKS_MAX or any(
            one.get("state") != "done" or not is_moment(one.get("at")) or one["at"] >= concluded_at for one in asked
        ):
            raise Conflict(_("You have asked for a new look already."), reason="asked")
        if utc_now() > concluded_at + timedelta(days=self._settings.new_look_days):
            raise Conflict(_("The time to ask for a new look is over. Ask your institution."), reason="late")

    def ask_new_look(self, session: Mapping[str, Any], reason: str) -> None:
        """Ask for a new look at the conclusion: once for each that was made since the last request. Raise `Conflict`, `StorageError`."""
        session_id = str(session["_id"])
        with self._changing.held(session_id):
            self._check_may_ask(session_id)
            before = len(self._new_looks_of(session_id))
            about = {name: session.get(name) for name in ("user_id", "exam_id")}
            request = {"session_id": session_id, **about, "reason": reason, "at": utc_now(), "state": "open", "done": None}
            self._store(NEW_LOOKS, f"{session_id}-{before:03d}" if before else session_id, request)

    def new_looks(self, state: str, exams: Document | None, limit: int, after: str | None) -> list[Document]:
        """Requests in a state, newest first; `exams` is a condition on the exam. Raise `StorageError`."""
        query: Document = {"state": state} | ({"exam_id": exams} if exams is not None else {})
        return self._database.page(NEW_LOOKS, query, [("at", -1)], after, limit)

    def close_new_look(self, session_id: str, text: str, by: str) -> Document:
        """Say what came of it; the student reads the words, those of the first of two who answer. Raise `NotFound`, `Conflict`, `StorageError`."""
        found = self.new_look(session_id)
        if found is None:
            raise NotFound(_("The student has asked for no new look."), field="session_id")
        changed = {"state": "done", "done": {"text": text, "by": by, "at": utc_now()}}
        with self._database.gone.writing(session_id), self._database.reading():
            waits = {"_id": found["_id"], "state": "open"}
            if self._database.collection(NEW_LOOKS).update_one(waits, {"$set": changed}).matched_count == 0:
                raise Conflict(_("Somebody has answered this request already."), reason="done")
        return found | changed

    def _check_open(self, session_id: str) -> None:
        if self.conclusion(session_id) is not None:
            raise Conflict(_("Somebody has concluded on your exam. You can ask for a new look instead."), reason="concluded")

    def _one(self, collection: str, document_id: str) -> Document | None:
        with self._database.reading():
            return self._database.collection(collection).find_one({"_id": document_id})

    def _store(self, collection: str, document_id: str, fields: Document) -> None:
        if not self._database.write(collection, document_id, fields).wait(STORED_WITHIN_S):
            raise StorageError(_("This can't be stored now. Try again in some seconds."))


def may_answer(interval: Mapping[str, Any], answer: Mapping[str, Any] | None) -> bool:
    """May the student answer, or change the answer? Nobody has decided with it before the eyes."""
    review = interval.get("review") or {}
    return answer is None or review.get("state", "open") == "open" or bool(review.get("answered_since"))


def unsaid(flags: Iterable[Mapping[str, Any]], answers: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The flags of a session to which its student said nothing yet, nor that there is nothing to add; `answers` are the session's, by id."""
    found = [flag for flag in flags if flag["_id"] not in answers]
    nothing = next((answer for answer in answers.values() if answer.get("nothing")), None)
    if nothing is None:
        return found
    return [flag for flag in found if flag["_id"] not in nothing["of"]] if "of" in nothing else []  # of before that was kept: all are meant


def is_readable(link: Mapping[str, Any]) -> bool:
    """Can it be told of a link from when until when it opens something?"""
    return not LINK.fit(link)[1]


def is_good(link: Mapping[str, Any]) -> bool:
    """Does a link open the report still?"""
    return link.get("ended_at") is None and link["until"] > utc_now()
