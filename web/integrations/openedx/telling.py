"""Tells an Open edX, by the outbox, what became of its attempts: that a student is ready, and what people found.

Nothing is told of what no person concluded. A verdict is of all sessions of the attempt that were begun, waits until Open edX has said that the exam
was handed in, and names no reviewer: who rejects an attempt there is its own staff. A student is ready only while the session goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from basics.errors import NotFound
from basics.identifiers import key_of
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.conclusions import Conclusions, Finding
from records.edx_attempts import Attempt, EdxAttempts, Verdict, attempt_at
from records.edx_exams import prefix_of
from records.edx_installations import INSTALLATIONS_MAX, Installation
from records.hook_posting import Answer
from records.hooks import Endpoint
from web.integrations.openedx.tool import OpenEdx

READY, CONCLUDED = "session.started", "conclusion.made"
SESSIONS_MAX = 200  # of one student in one exam
SETTLED = timedelta(seconds=3)  # after Open edX said that an exam was handed in: it stores that once we answered; `passed` before would be an error
VERDICTS: Mapping[Finding, Verdict] = {"no_finding": "passed", "finding": "violation", "passed_on": "suspicious", "retake": "suspicious"}
WORST: tuple[Verdict, ...] = ("violation", "suspicious", "passed")
SAID: Mapping[Verdict, str] = {
    "passed": "A person looked at what was recorded, and concluded without a finding.",
    "suspicious": "A person looked at what was recorded, and concluded that somebody has to look at it further.",
    "violation": "A person looked at what was recorded, and concluded with a finding.",
}


@dataclass(frozen=True, slots=True)
class Wanted(Endpoint):
    """What an installation is told: of its own exams alone. One that is disabled is told once it is enabled again."""

    def wants(self, kind: str, at: datetime, exam_id: str | None, course: str) -> bool:
        return kind in (READY, CONCLUDED) and exam_id is not None and exam_id.casefold().startswith(prefix_of(self.id))


class Telling:
    """The installations as receivers of the outbox."""

    most = INSTALLATIONS_MAX

    def __init__(self, tool: OpenEdx, database: Database, conclusions: Conclusions, address: str, now: Callable[[], datetime] = utc_now) -> None:
        """`address`: where people reach this server; empty where that is not set."""
        self._tool, self._database, self._conclusions, self._now = tool, database, conclusions, now
        self._address = address.rstrip("/")

    def all(self) -> list[Endpoint]:
        """What each wants to be told. Raise `StorageError`."""
        return [wanted_by(one) for one in self._tool.installations.all()]

    def tell(self, endpoint: Endpoint, row: Document) -> Answer:
        """Try to tell one of what is known now of a session. Raise `StorageError`."""
        one, session = self._tool.installations.find(endpoint.id), self._session(str(row["of"]))
        attempt = attempt_of(self._tool.attempts, session) if session is not None else None
        if one is None or session is None or attempt is None or attempt.installation_id != one.id:
            return _nothing(_("no attempt of it is known here"))
        return self._reviewed(one, attempt, str(row["of"])) if row["type"] == CONCLUDED else self._ready(one, attempt, session)

    def _reviewed(self, one: Installation, attempt: Attempt, session_id: str) -> Answer:
        verdict = self._verdict(attempt)
        if attempt.deleted:
            return _nothing(_("Open edX has deleted the attempt"))
        if not verdict:
            return _nothing(_("no conclusion stands for all sessions of the attempt"))
        if attempt.status == "error":
            return Answer(reason=_("Open edX ended the attempt as an error"), over="given_up")
        if attempt.status != "submitted" or (attempt.over_at is not None and self._now() < attempt.over_at + SETTLED):
            return Answer(reason=_("Open edX has not said yet that the exam was handed in"), waits=True)
        answer = self._tool.lms.tell(one, attempt.id, "reviewed", self._review(verdict, session_id))
        if answer.is_success and self._verdict(attempt) not in (verdict, ""):  # two sessions' conclusions may overtake each other
            return Answer(reason=_("another conclusion was made meanwhile"), waits=True)
        return answer

    def _verdict(self, attempt: Attempt) -> Verdict:
        verdict = verdict_of(self._database, self._conclusions, self._tool.attempts, attempt)
        self._tool.attempts.set_verdict(attempt.id, verdict)
        return verdict

    def _ready(self, one: Installation, attempt: Attempt, session: Document) -> Answer:
        if attempt.deleted:
            return _nothing(_("Open edX has deleted the attempt"))
        if attempt.status not in ("created", "ready_to_start"):
            return _nothing(_("the student has begun there already"))
        if session.get("state") != "running":  # nobody would watch
            return _nothing(_("the session has ended"))
        answer = self._tool.lms.tell(one, attempt.id, "ready", {"status": "ready"})
        if answer.is_success:
            self._tool.attempts.set_status(attempt.id, "ready_to_start")
        return answer

    def slow_down(self, endpoint_id: str, until: datetime) -> None:
        """One asks to be left alone until then. Raise `StorageError`."""
        self._tool.installations.slow_down(endpoint_id, until)

    def took(self, endpoint_id: str, at: datetime) -> None:
        """One took what it was told. Raise `StorageError`."""
        self._tool.installations.took(endpoint_id)

    def failed(self, endpoint_id: str, at: datetime, why: str) -> None:
        """One did not. Raise `StorageError`."""
        self._tool.installations.failed(endpoint_id, at, why)

    def given_up(self, endpoint: Endpoint, row: Document, why: str) -> None:
        """One could not be told this."""
        told = {"installation": endpoint.id, "name": endpoint.name, "session_id": str(row["of"]), "kind": str(row["type"]), "reason": str(why)}
        self._database.audit({"who": "server", "what": "openedx: given up", **told})

    def _session(self, session_id: str) -> Document | None:
        try:
            return self._database.session(session_id)
        except NotFound:
            return None

    def _review(self, verdict: Verdict, session_id: str) -> dict[str, Any]:
        more = f" {self._address}/session/{session_id}" if self._address else ""
        return {"status": verdict, "comments": [{"comment": SAID[verdict] + more, "status": "unknown", "start": 0, "stop": 0}]}


def wanted_by(one: Installation) -> Endpoint:
    """An installation, as the outbox knows it."""
    same = {name: getattr(one, name) for name in ("enabled", "slow_until", "failing_since", "failing_why", "made_at")}
    return Wanted(one.id, one.name, one.lms_url, **same)


def attempt_of(attempts: EdxAttempts, session: Document) -> Attempt | None:
    """The attempt of a stored session; None where it is of none. Raise `StorageError`."""
    exam_id, user_id, began = session.get("exam_id"), session.get("user_id"), session.get("started_at")
    if not isinstance(exam_id, str) or not isinstance(user_id, str) or not isinstance(began, datetime):
        return None
    return attempt_at(attempts.of_student(key_of(exam_id), user_id), began)


def sessions_of(database: Database, attempts: EdxAttempts, attempt: Attempt) -> list[str]:
    """The sessions of an attempt that were begun before it was over, the newest first. Raise `StorageError`."""
    query: Document = {"user_id": attempt.user_id, "exam_id": attempt.exam_id, "begun": {"$ne": False}}
    with database.reading():
        found = list(database.collection("sessions").find(query, {"started_at": 1}).sort("started_at", -1).limit(SESSIONS_MAX))
    of_student = attempts.of_student(attempt.exam_key, attempt.user_id)
    began = {str(row["_id"]): row["started_at"] for row in found if isinstance(row.get("started_at"), datetime)}
    in_time = {one: at for one, at in began.items() if attempt.over_at is None or at <= attempt.over_at}
    return [one for one, at in in_time.items() if (mine := attempt_at(of_student, at)) is not None and mine.id == attempt.id]


def verdict_of(database: Database, conclusions: Conclusions, attempts: EdxAttempts, attempt: Attempt) -> Verdict:
    """What people found in all sessions of an attempt, the worst of it; empty where one of them has no conclusion that stands."""
    found: set[Verdict] = set()
    for session_id in sessions_of(database, attempts, attempt):
        conclusion = conclusions.of_session(session_id)
        if conclusion is None or not conclusion.is_final:
            return ""
        found.add(VERDICTS[conclusion.conclusion])
    for worst in WORST:
        if worst in found:
            return worst
    return ""


def _nothing(why: str) -> Answer:
    return Answer(reason=why, over="delivered")
