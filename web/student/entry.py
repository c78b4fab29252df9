"""How a student's page comes in, by whichever way it speaks: may it enter, what its connection is made of, and how an exam that is over ended."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from flask import Request

from basics.errors import Conflict, NotFound, StorageError, TooMany
from basics.texts import _
from records.exams import Exams
from scoring.exam import ExamDefinition
from scoring.session_exam import SessionExam
from sessions.ends import End
from sessions.refusals import runs_elsewhere
from sessions.session import ExamSession
from sessions.starts import record_of, taking_up
from sessions.taking import Moved
from settings.settings import Settings
from web.links import Connection, Late
from web.student.budget import Budget
from web.student.conversation import Conversation
from web.student.exam import Terms
from web.student.presence import BROWSER_MAX, plain
from web.student.protocol import Message
from web.student.video import PAGE_MAX_PIXELS, student_video

if TYPE_CHECKING:
    from web.parts import Parts


UNREADABLE = "how this exam stands can't be read now; the page comes again by itself"


class ComeAgain(Exception):
    """The page can't be served now, and is to come again by itself; the text says why."""

    told: ClassVar[Message | None] = None  # what the page hears of it


class Elsewhere(ComeAgain):
    """The exam is at another server, or on its way here: the page comes again soon."""

    told: ClassVar[Message | None] = {"type": "moved"}


class OnlyInSeb(ComeAgain):
    """The exam is taken in Safe Exam Browser only, and the page has not just shown that it is there."""

    told: ClassVar[Message | None] = {"type": "seb"}


def may_enter(owner: Parts, session_id: str, seb_pass: str = "") -> tuple[ExamSession, Budget] | None:
    """The session that a page enters, and what its pages may send; None where the exam is over. Raise `ComeAgain`.

    `seb_pass` is what the page was given when it proved that it is in Safe Exam Browser.
    """
    session = owner.monitor.get(session_id) or bring(owner, session_id)
    if session is None:
        return None
    _check_seb(owner, session, seb_pass)
    if not session.begun and owner.monitor.ownership.is_draining:
        raise (Elsewhere if owner.monitor.ownership.others_take() else ComeAgain)("this server is about to end; the page comes again by itself")
    try:
        standing = owner.monitor.admission.ask(session)
    except TooMany as much:
        raise ComeAgain(much.message) from None
    if standing.position:
        raise ComeAgain("as many exams run as the server takes; the page comes again by itself")
    if not session.begun:
        try:
            owner.monitor.maker.prepare(session)
        except Conflict as conflict:
            raise ComeAgain(conflict.message) from None
    budget = budget_of(owner, session_id)
    if not budget.connection():
        raise ComeAgain("this exam's pages came too often or sent too much; the page comes again by itself")
    return session, budget


def _check_seb(owner: Parts, session: ExamSession, given: str) -> None:
    """Raise `OnlyInSeb` where the exam is taken there only, and the page has not just shown that it is there."""
    definition = definition_of(session, owner.exams)
    if definition is None or definition.seb == "off" or (session.begun and session.limit.exam is None):  # defined since: no page can prove it
        return
    seen = session.watch_over.seb
    if seen.take_pass(given):
        return
    newest = seen.documents()[-1:]
    if not newest or (definition.seb == "noted" and newest[0]["state"] == "yes"):  # what was proved is not of this page
        seen.see("unknown", "", session.clock())
    if definition.seb == "required":
        raise OnlyInSeb("this exam is taken in Safe Exam Browser only, and the page has not shown that it is there; it comes again by itself")


def definition_of(session: ExamSession, exams: Exams) -> ExamDefinition | None:
    """What is said of Safe Exam Browser now: keys that are put right hold at once. None: nobody defined the exam."""
    exam = exams.known(session.exam_id) or session.limit.exam
    return exam.definition if exam is not None else None


def exam_now(owner: Parts, session: ExamSession) -> SessionExam | None:
    """The exam as its student has it: as it was begun with, until then as it is now. Never raises."""
    return session.limit.exam if session.begun else owner.monitor.maker.surroundings(session.user_id, session.exam_id).exam


def brought(owner: Parts, session_id: str) -> ExamSession:
    """The session of a call of its student's page, which may be live elsewhere. Raise `Conflict` where it is over, `StorageError`, `NotFound`."""
    try:
        session = owner.monitor.get(session_id) or bring(owner, session_id)
    except Elsewhere:
        raise runs_elsewhere() from None
    except ComeAgain:
        raise taking_up() from None
    if session is None:
        record_of(owner.monitor, owner.database, session_id)  # raises while that can't be told
        raise Conflict(_("This exam has ended."))
    return session


def bring(owner: Parts, session_id: str) -> ExamSession | None:
    """The session of a page that comes here, though it is not live here; None where it is over. Raise `ComeAgain`."""
    try:
        return owner.monitor.taking.bring(session_id)
    except Moved as moved:
        if not owner.monitor.resumed.is_set():
            raise ComeAgain(str(moved)) from None
        raise Elsewhere(str(moved)) from None
    except NotFound:
        if _may_be_elsewhere(owner, session_id):
            raise Elsewhere("this exam is not known here yet; the page comes again by itself") from None
        return None
    except StorageError:
        raise ComeAgain(UNREADABLE) from None


def _may_be_elsewhere(owner: Parts, session_id: str) -> bool:
    """Raise `ComeAgain`."""
    try:
        return owner.monitor.may_be_elsewhere(session_id)
    except StorageError:
        raise ComeAgain(UNREADABLE) from None


def budget_of(owner: Parts, session_id: str) -> Budget:
    """What the pages of a session may send, over all their connections."""
    return owner.links.budget(session_id, lambda: Budget(student_video(owner.settings).model_dump()))


def begin(owner: Parts, session: ExamSession, request: Request) -> None:
    """The page is there: the clock runs from now on."""
    session.begin()
    owner.monitor.admission.waiting.leave(session.session_id)  # in this order: no place is free between
    session.watch_over.came_from(request.remote_addr or "", plain(request.user_agent.string, BROWSER_MAX))


def conversation_with(session: ExamSession, owner: Parts) -> Conversation:
    """The conversation with one page of the session."""
    now = session.clock()
    return Conversation(
        session,
        terms_of(owner.settings, session.limit.exam.definition.screen_capture if session.limit.exam else None),
        now=now,
        notices=lambda: list(session.status().notices),
        end=lambda: owner.monitor.end_session(session.session_id, End("student")),
        clocks=owner.links.clocks_of(session),
        paces=budget_of(owner, session.session_id).paces,
        away_since=max(0.0, now - owner.monitor.attendance.unseen_for(session.session_id, now)),
    )


def enter(owner: Parts, connection: Connection, *, by: str = "") -> bool:
    """Take the place of the page that is there. False where the exam has ended in that moment: whoever was there was told. `by`: how it speaks.

    Raise `ComeAgain` where the page itself is there by a newer connection.
    """
    session = connection.session
    try:
        replaced = owner.links.enter(connection, partial(owner.monitor.student_connected, session.session_id, by=by))
    except Late:
        raise ComeAgain("this page has come by a newer connection") from None
    if replaced is not None:
        replaced.say({"type": "replaced"})
    return owner.monitor.get(session.session_id) is session


def leave(owner: Parts, connection: Connection) -> None:
    """The page is gone, where no other has taken its place."""
    owner.links.leave(connection, partial(owner.monitor.student_connected, connection.session.session_id))


def end_of(owner: Parts, session_id: str) -> Message:
    """How a session that is not live ended. Raise `ComeAgain` where that can't be told: a page takes an end for final."""
    try:
        stored = owner.database.session(session_id)
    except NotFound:
        stored = {"state": "deleted"}
    except StorageError:
        raise ComeAgain(UNREADABLE) from None
    if stored["state"] == "running":
        raise ComeAgain("the exam has just ended, or is not taken up yet; the page comes again by itself")
    return {"type": "ended"} | {name: stored.get(f"end_{name}") or "" for name in ("reason", "code", "note")}


def terms_of(settings: Settings, screen_capture: str | None = None) -> Terms:
    """What the settings say of the link, and the exam of the screen, where it is defined."""
    return Terms(
        video=student_video(settings).model_dump(),
        video_fps=settings.video_fps,
        max_picture_kb=settings.max_picture_kb,
        max_picture_pixels=min(settings.max_picture_pixels, PAGE_MAX_PIXELS),
        screen_capture=screen_capture or settings.screen_capture,
    )
