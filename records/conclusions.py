"""What people concluded about whole sessions, once their flags are reviewed: one conclusion a session, with every act about it.

Where the exam asks for four eyes a conclusion is proposed by one person, and stands once another agreed. Where that one does not agree it is
contested, and a third person's settles it. A conclusion that is in force is withdrawn, with a reason, before another is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal, get_args

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from basics.errors import Conflict, InvalidInput
from basics.looks import look
from basics.stored_fields import tell_unreadable
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.shapes import CONCLUSION
from storage.marks import Mark

Finding = Literal["no_finding", "finding", "passed_on", "retake"]
ConclusionState = Literal["proposed", "concluded", "contested", "withdrawn"]
Act = Literal["concluded", "agreed", "disagreed", "settled", "withdrawn"]
MayConclude = Callable[[str], str | None]
"""Of a session's id: why nothing may be concluded against its student yet; None: it may."""

COLLECTION = "conclusions"
FINDINGS: Sequence[Finding] = get_args(Finding)
REASON_MAX = 2000  # characters
HISTORY_MAX = 200  # acts about one session
NEVER = datetime.fromtimestamp(0, timezone.utc)  # when somebody did what can't be read


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: the name that stands under it, and the account where one is signed in."""

    name: str
    account_id: str | None = None

    def is_also(self, name: str, account_id: str | None) -> bool:
        """Is it the same person as the one of this name or account?"""
        return (self.account_id is not None and self.account_id == account_id) or look(self.name) == look(name)


@dataclass(frozen=True, slots=True)
class Second:
    """What a second person said of a conclusion."""

    by: str
    at: datetime
    agrees: bool
    reason: str = ""
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What stands about one session. `conclusion`, `reason`, `by` and `at` are those in force; `revision` grows with every act; `history` has all of
    them, oldest first: `act`, `conclusion`, `reason`, `by`, `at`."""

    session_id: str
    exam_id: str | None
    user_id: str
    conclusion: Finding
    reason: str
    by: str
    at: datetime
    state: ConclusionState
    revision: int
    second: Second | None = None
    account_id: str | None = None
    four_eyes: bool = False
    history: tuple[Document, ...] = field(default=(), repr=False)
    unreadable: tuple[str, ...] = ()  # what was damaged in the record

    @property
    def student_id(self) -> str:
        """The student's ID."""
        return self.user_id

    @property
    def is_final(self) -> bool:
        """Does it stand, with the second person where one is asked for?"""
        return self.state == "concluded"


class Conclusions:
    """The conclusions of one server's database. Safe between threads and servers: of two who act at once the second is told."""

    def __init__(self, database: Database, may_conclude: Iterable[MayConclude] = ()) -> None:
        self._database = database
        self._may_conclude = tuple(may_conclude)

    def of_session(self, session_id: str) -> Conclusion | None:
        """What is in force of a session: proposed, contested or concluded; None where nothing is. Raise `StorageError`."""
        kept = self.kept(session_id)
        return kept if kept is not None and kept.state != "withdrawn" else None

    def kept(self, session_id: str) -> Conclusion | None:
        """What is kept of a session, also where the last conclusion was withdrawn. Raise `StorageError`."""
        with self._database.reading():
            document = self._database.collection(COLLECTION).find_one({"_id": session_id})
        return _conclusion(document) if document is not None else None

    def of_exam(self, exam_id: str | None) -> list[Conclusion]:
        """What is in force of an exam's sessions. Raise `StorageError`."""
        with self._database.reading():
            query = {"exam_id": exam_id, "state": {"$ne": "withdrawn"}}
            found = [_conclusion(document) for document in self._database.collection(COLLECTION).find(query)]
        return [one for one in found if one.state != "withdrawn"]

    def why_not_yet(self, session_id: str) -> str | None:
        """Why nothing but "no finding" may be concluded of a session yet; None: it may."""
        return next((why for ask in self._may_conclude if (why := ask(session_id)) is not None), None)

    def conclude(self, session_id: str, conclusion: Finding, *, person: Person, reason: str, revision: int, four_eyes: bool) -> Conclusion:
        """Conclude a session, or settle what is contested. `revision` is the one that the person saw; 0: none.

        Raise `NotFound`, `StorageError`, `InvalidInput` without a reason where one is needed, and `Conflict` where the session runs, where it may not
        be concluded yet, where somebody else acted meanwhile, where a conclusion is in force, and where the third of a contested one is no third.
        """
        session = self._database.session(session_id)
        kept = self._seen(session_id, revision)
        reason = _reason(reason, needed=conclusion != "no_finding")
        if session.get("state") == "running":
            raise Conflict(_("The session runs. It can be concluded once it has ended."), reason="running")
        if kept is not None and kept.state in ("proposed", "concluded"):
            raise Conflict(_("A conclusion is in force already. Withdraw it first, with a reason."), reason="in_force", **in_force(kept))
        if conclusion != "no_finding" and (why := self.why_not_yet(session_id)) is not None:
            raise Conflict(why, reason="not_yet")
        settles = kept is not None and kept.state == "contested"
        if settles and kept is not None and _took_part(kept, person):
            wrong = _("You took part in what is contested. A third person settles it; or it is withdrawn, with a reason, and concluded anew.")
            raise Conflict(wrong, reason="third_person", **in_force(kept))
        state: ConclusionState = "proposed" if four_eyes and not settles else "concluded"
        fields = {
            "session_id": session_id,
            "exam_id": session.get("exam_id"),
            "user_id": session["user_id"],
            "conclusion": conclusion,
            "reason": reason,
            "by": person.name,
            "account_id": person.account_id,
            "at": utc_now(),
            "state": state,
            "four_eyes": four_eyes,
        }
        return self._act(kept, session_id, "settled" if settles else "concluded", person, fields | ({} if settles else {"second": None}))

    def second(self, session_id: str, *, person: Person, agrees: bool, reason: str = "", revision: int) -> Conclusion:
        """Say as the second person whether one agrees; without that a reason is needed. Raise as `conclude` does."""
        kept = self._seen(session_id, revision)
        if kept is None or kept.state != "proposed":
            raise Conflict(_("There is no conclusion here that waits for a second person."), reason="not_proposed", **in_force(kept))
        if person.is_also(kept.by, kept.account_id):
            raise Conflict(_("You proposed this conclusion. The second person must be another one."), reason="same_person", **in_force(kept))
        if agrees and kept.conclusion != "no_finding" and (why := self.why_not_yet(session_id)) is not None:
            raise Conflict(why, reason="not_yet")
        reason = _reason(reason, needed=not agrees)
        said = {"by": person.name, "account_id": person.account_id, "at": utc_now(), "agrees": agrees, "reason": reason}
        fields = {"second": said, "state": "concluded" if agrees else "contested"}
        return self._act(kept, session_id, "agreed" if agrees else "disagreed", person, fields, reason=reason)

    def withdraw(self, session_id: str, *, person: Person, reason: str, revision: int) -> Conclusion:
        """Take back what is in force, whoever made it; it stays in the history. Raise as `conclude` does."""
        kept = self._seen(session_id, revision)
        if kept is None or kept.state == "withdrawn":
            raise Conflict(_("There is no conclusion here that could be withdrawn."), reason="none", **in_force(kept))
        reason = _reason(reason, needed=True)
        return self._act(kept, session_id, "withdrawn", person, {"state": "withdrawn"}, reason=reason)

    def _seen(self, session_id: str, revision: int) -> Conclusion | None:
        kept = self.kept(session_id)
        if (kept.revision if kept else 0) != revision:
            raise _meanwhile(kept)
        if kept is not None and len(kept.history) >= HISTORY_MAX:
            raise Conflict(_("So much was done about this session's conclusion that nothing more is taken."), reason="too_many", **in_force(kept))
        return kept

    def _act(self, kept: Conclusion | None, session_id: str, act: Act, person: Person, fields: Document, *, reason: str | None = None) -> Conclusion:
        """What stands by this act: the last of its history, whoever acts in the next moment."""
        conclusion = fields.get("conclusion", kept.conclusion if kept else None)
        said = fields.get("reason", "") if reason is None else reason
        now = utc_now()
        entry = {"act": act, "conclusion": conclusion, "reason": said, "by": person.name, "account_id": person.account_id, "at": now}
        revision = (kept.revision if kept else 0) + 1
        told = {"conclusion": conclusion, "state": fields["state"], "act": act, "revision": revision, "by": person.name}
        mark = Mark(f"concluded_{revision}_{int(now.timestamp() * 1000)}", "conclusion.made", now, told)
        change = {"$set": self._database.marked({**fields, "revision": revision, **mark.fields()}), "$push": {"history": entry}}
        with self._database.gone.writing(session_id), self._database.reading():
            done = _changed(self._database.collection(COLLECTION), session_id, kept, change)
        if done is None:
            raise _meanwhile(self.kept(session_id))
        return _conclusion(done)


def in_force(kept: Conclusion | None) -> dict[str, Any]:
    """What a refused act is told of what stands."""
    if kept is None:
        return {"revision": 0}
    return {"revision": kept.revision, "conclusion": kept.conclusion, "state": kept.state, "by": kept.by, "at": kept.at.isoformat()}


def _changed(conclusions: Any, session_id: str, kept: Conclusion | None, change: Document) -> Document | None:
    """The document as this change leaves it; None where somebody else's came first."""
    seen = {"_id": session_id, "revision": kept.revision if kept is not None else {"$exists": False}}
    try:
        found: Document | None = conclusions.find_one_and_update(seen, change, upsert=kept is None, return_document=ReturnDocument.AFTER)
    except DuplicateKeyError:  # there is one by now
        return None
    return found


def _meanwhile(kept: Conclusion | None) -> Conflict:
    by = (kept.history[-1]["by"] if kept.history else kept.by) if kept else ""
    text = (
        _("%(by)s has acted on this conclusion since you opened it. Look at what is in force now, and act again.", by=by)
        if by
        else _("What you saw of this conclusion is gone. Look at it again.")
    )
    return Conflict(text, field="revision", reason="meanwhile", **in_force(kept))


def _took_part(kept: Conclusion, person: Person) -> bool:
    second = kept.second
    return person.is_also(kept.by, kept.account_id) or (second is not None and person.is_also(second.by, second.account_id))


def _reason(text: str, *, needed: bool) -> str:
    text = text.strip()
    if needed and not text:
        raise InvalidInput(_("reason is missing: say in a sentence why."), field="reason")
    if len(text) > REASON_MAX:
        raise InvalidInput(_("reason is too long: it has at most %(most)s characters.", most=REASON_MAX), field="reason")
    return text


def _conclusion(document: Document) -> Conclusion:
    """As it was stored. One that can't be read as far as it must be is as if it had been withdrawn: somebody concludes anew."""
    kept, wrong = CONCLUSION.fit(document)
    if wrong:
        tell_unreadable("conclusion", str(document["_id"]), tuple(wrong))
    stands = all(name in kept for name in CONCLUSION.needs)
    second = kept.get("second")
    return Conclusion(
        session_id=str(document["_id"]),
        exam_id=kept.get("exam_id"),
        user_id=kept.get("user_id", ""),
        conclusion=kept.get("conclusion", "no_finding"),
        reason=kept.get("reason", ""),
        by=kept.get("by", ""),
        at=kept.get("at", NEVER),
        state=kept["state"] if stands else "withdrawn",
        revision=kept.get("revision", 0),
        second=Second(second["by"], second["at"], second["agrees"], second.get("reason", ""), second.get("account_id")) if second else None,
        account_id=kept.get("account_id"),
        four_eyes=kept.get("four_eyes", False),
        history=tuple(kept.get("history") or ()),
        unreadable=tuple(wrong),
    )
