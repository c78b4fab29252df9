"""What servers on one database tell each other: each tells what has changed here, and brings what it hears to what it keeps in memory and to
the dashboards.

Whatever keeps something of the records in memory has a line on either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from basics.errors import NotFound
from basics.identifiers import key_of
from basics.times import utc_now
from cluster import notices as told
from cluster.bus import Bus
from cluster.notices import Missed, PeopleChanged, SessionTold
from database import Document
from scoring.accommodations import document_id_of
from sessions.elsewhere import ON_ITS_WAY, status_of
from sessions.events import Events, SessionEnded, SessionEvent, SessionMoved, SessionStarted
from sessions.session import ExamSession
from sessions.student_links import read_again
from web.integrations.lti.proctoring import end_here
from web.parts import Parts
from web.proctor.messages import MOVED

SESSION_EVENTS: Mapping[type[SessionEvent], str] = {SessionStarted: "session_started", SessionMoved: "session_moved", SessionEnded: "session_ended"}


def share(of: Parts, bus: Bus, events: Events) -> None:
    """Let this server tell and hear. Before `bus` is started."""
    of.bus = bus
    _tell(of, bus, events)
    _hear(of, bus)


def _tell(of: Parts, bus: Bus, events: Events) -> None:
    of.people.told = lambda: bus.post(PeopleChanged())
    of.people.logins.shared = True
    of.people.logins.begun = lambda login_id: bus.post(told.LoginBegun(login_id))
    of.people.logins.ended = lambda login_id: bus.post(told.LoginEnded(login_id))
    of.access.logged_out = lambda digest: bus.post(told.SharedLoginEnded(digest))
    of.exams.told = lambda key: bus.post(told.ExamChanged(key))
    of.monitor.accommodations.told = lambda key: bus.post(told.AccommodationChanged(key))

    def tell(event: SessionEvent) -> None:
        bus.post(SessionTold(SESSION_EVENTS[type(event)], event.session.session_id))

    for kind in SESSION_EVENTS:
        events.subscribe(kind, tell)


def _hear(of: Parts, bus: Bus) -> None:
    people, exams, accommodations = of.people, of.exams, of.monitor.accommodations
    bus.subscribe(PeopleChanged, lambda _: people.read_again())
    bus.subscribe(told.LoginBegun, lambda one: people.logins.take_up(one.login_id))
    bus.subscribe(told.LoginEnded, lambda one: people.logout_elsewhere(one.login_id))
    bus.subscribe(told.SharedLoginEnded, lambda one: _logged_out(of, one.digest))
    bus.subscribe(told.ExamChanged, lambda one: _exam_changed(of, one.exam_key))
    bus.subscribe(told.RosterChanged, lambda one: _roster_changed(of, one.exam_key))
    bus.subscribe(told.LinksEnded, lambda one: read_again(of.monitor, of.database, _of_exam(of, one.exam_key)))
    bus.subscribe(told.AccommodationChanged, lambda one: _accommodation_changed(of, one.key))
    bus.subscribe(told.AccommodationsImported, lambda one: _accommodations_imported(of, one.exam_key))
    bus.subscribe(told.StudentErased, lambda one: _erased(of, one.user_key))
    bus.subscribe(told.IntervalReviewed, lambda one: _reviewed(of, one.video_id))
    bus.subscribe(told.AttemptOver, lambda one: _end_over(of, [one.session_id]))
    bus.subscribe(SessionTold, lambda one: _session_told(of, one))
    again: tuple[Callable[[], object], ...] = (
        *(people.read_again, people.logins.read, of.access.read_ended, exams.read_again, accommodations.read_all_again, of.rosters.forget),
        lambda: _bring(of, of.monitor.active()),
        lambda: read_again(of.monitor, of.database, of.monitor.active()),
        lambda: _end_over(of, [session.session_id for session in of.monitor.active()]),
    )
    for read in again:
        bus.subscribe(Missed, _whatever(read))


def _whatever(do: Callable[[], object]) -> Callable[[Missed], object]:
    """Each by itself: where one can't be read the others are all the same."""
    return lambda _: do()


def _logged_out(of: Parts, digest: str) -> None:
    of.access.end_login(bytes.fromhex(digest))
    if of.live is not None:
        of.live.look_again()


def _exam_changed(of: Parts, exam_key: str) -> None:
    of.exams.read_again(exam_key)
    if of.exams.shown(exam_key) is None:  # deleted, with all that is its
        of.rosters.forget()
        of.monitor.accommodations.read_all_again()


def _roster_changed(of: Parts, exam_key: str) -> None:
    of.rosters.forget()
    if of.live is not None and of.live.has_viewers and (exam := of.exams.shown(exam_key)) is not None:
        of.live.announce("roster_changed", {"exam_id": exam.exam_id, "exam_key": exam.key}, exam.exam_id)


def _accommodation_changed(of: Parts, key: str) -> None:
    of.monitor.accommodations.read_again(key)
    _bring(of, (one for one in of.monitor.active() if key in (document_id_of(one.user_id, one.exam_id), document_id_of(one.user_id, None))))


def _accommodations_imported(of: Parts, exam_key: str) -> None:
    of.rosters.forget()
    of.monitor.accommodations.read_all_again()
    _bring(of, _of_exam(of, exam_key))


def _of_exam(of: Parts, exam_key: str) -> list[ExamSession]:
    return [one for one in of.monitor.active() if one.exam_id is not None and key_of(one.exam_id) == exam_key]


def _bring(of: Parts, sessions: Iterable[ExamSession]) -> None:
    for session in sessions:
        of.monitor.taking_effect.bring(session)


def _end_over(of: Parts, session_ids: Iterable[str]) -> None:
    """End those that run here of attempts that are over."""
    here = [one for one in session_ids if of.monitor.is_live(one)]
    for attempt in of.lti_attempts.over_of(here) if here else ():
        end_here(attempt, of)


def _erased(of: Parts, user_key: str) -> None:
    of.monitor.accommodations.forget(user_key)
    of.rosters.forget()


# For the dashboards: as the records have it


def _reviewed(of: Parts, video_id: str) -> None:
    session_id, _, index = video_id.partition("-")
    session = of.monitor.get(session_id)
    if session is not None:
        session.flags_seen.mark([int(index)])
    if of.live is None or not of.live.has_viewers:
        return
    interval = of.database.interval(video_id)
    shown = {"session_id": session_id, "interval": int(index), "video_id": video_id, "review": interval.get("review") or {}}
    of.live.announce("interval_reviewed", shown, interval.get("exam_id"))


def _session_told(of: Parts, one: SessionTold) -> None:
    if of.live is None or not of.live.has_viewers or (of.monitor.is_live(one.session_id) and one.event in SESSION_EVENTS.values()):
        return
    try:
        document = of.database.session(one.session_id)
    except NotFound:  # it was deleted since
        return
    payload = _PAYLOADS[one.event](of, document)
    if payload is not None:
        of.live.announce(one.event, payload | {"session_id": one.session_id}, document.get("exam_id"))


def _started(of: Parts, document: Document) -> Document | None:
    if document.get("state") != "running":
        return None
    named = of.names.known(document["user_id"], document.get("exam_id"))
    return status_of(document, utc_now()) | {"violations": [], "unseen": None} | ({"student_name": named} if named else {})


def _moved(_of: Parts, document: Document) -> Document:
    return {"user_id": document["user_id"], "exam_id": document.get("exam_id"), "instance": ON_ITS_WAY, "text": MOVED}


def _ended(_of: Parts, document: Document) -> Document | None:
    if document.get("state") == "running":  # it was reopened since
        return None
    words = {"reason": "end_reason", "code": "end_code", "note": "end_note", "state": "state"}
    sums = {name: document.get(name) or 0 for name in ("total_score", "flagged_intervals")}
    return sums | {name: document.get(stored) or "" for name, stored in words.items()}


def _concluded(of: Parts, document: Document) -> Document | None:
    kept = of.conclusions.kept(document["_id"])
    return {"state": kept.state, "conclusion": kept.conclusion, "revision": kept.revision} if kept is not None else None


_PAYLOADS: dict[str, Callable[[Parts, Document], dict[str, Any] | None]] = {
    "session_started": _started,
    "session_moved": _moved,
    "session_ended": _ended,
    "conclusion_changed": _concluded,
    "answer_given": lambda _of, _document: {},
    "identity_changed": lambda _of, _document: {},
    "flags_seen": lambda _of, _document: {"unseen": None},
}
