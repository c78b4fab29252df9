"""A student's own report: what was flagged and why, what people decided, and what the student says to it.

It is opened by a link's token, or by the token of the student's own session; either opens this one session and no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, render_template, request
from flask.sansio.blueprints import BlueprintSetupState
from itsdangerous import BadData, URLSafeTimedSerializer

from basics.canonical import digest
from basics.errors import Forbidden, NotFound, Unauthorized
from basics.signals import SIGNALS
from basics.texts import _
from database import Document
from records.student_answers import PREFIX, STUDENT, may_answer, unsaid
from scoring.rules import STORED_POINTS
from web.access.limits import RateLimit
from web.access.signing import opened
from web.access.who_may import bearer
from web.calls.addresses import report_url
from web.calls.audit import note, note_look
from web.calls.bodies import Done, read_body, reply
from web.calls.openapi import describe
from web.calls.told import tell_session
from web.calls.values import check_video_id
from web.languages import said
from web.parts import parts
from web.proctor.answers import each, is_away
from web.proctor.damaged import readable_part
from web.proctor.videos import clip_of, send_clip
from web.proctor.wording import sentences
from web.student.own_report_schemas import Answer, AskNewLook, OwnReport, ReportLink

own_report = Blueprint("own_report", __name__)

MARK = "proctor_mark"
GUESSES, GUESSES_WINDOW = 60, 60.0  # tokens that don't fit, from one address
CHANGES, CHANGES_WINDOW = 120, 3600.0  # answers and requests to one session
READ = ("user_id", "exam_id", "started_at", "ended_at", "rules")  # what of a session is in the report
TICKET_S = 6 * 3600.0  # a clip's address in a report that was loaded; it ends with its link, too
_EXTENSION = "proctor_own_reports"


@own_report.record
def _set_up(state: BlueprintSetupState) -> None:
    guesses = RateLimit(GUESSES, GUESSES_WINDOW, _("Too many links to reports that are not valid came from here."))
    changes = RateLimit(CHANGES, CHANGES_WINDOW, _("Your report was changed very often."))
    state.app.extensions[_EXTENSION] = (guesses, changes)


def _limits() -> tuple[RateLimit, RateLimit]:
    return cast("tuple[RateLimit, RateLimit]", current_app.extensions[_EXTENSION])


@own_report.get("/report")
def page() -> str:
    """Show the page of a student's own report. It reads its token from the address's fragment, which never comes here."""
    return render_template("own_report.html")


@own_report.get("/api/student/report")
@describe(OwnReport, errors=(401, 403, 404, 429, 503))
def shown() -> Response:
    """Show a student's own report: every flag with its reasons, what people decided, the answers, and the conclusion.

    Needs a report's token as a Bearer token, or the session's own. Nobody else's records or names are in it. 403 where the exam allows
    none, or not yet.
    """
    session, opened_with = _opened()
    note_look("own report: read", STUDENT, session_id=session["_id"])
    return reply(OwnReport.model_validate(_report(session, opened_with)))


@own_report.post("/api/student/report/link")
@describe(ReportLink, errors=(401, 403, 404, 409, 503))
def make_link() -> Response:
    """Make a link to the report for the student whose session this is: a session's own token is good for a day, and the link for longer."""
    session = parts().answers.open_session(g.student_session_id)
    _limits()[1].take(str(session["_id"]))
    token, until = parts().answers.make_link(session, by=STUDENT)
    note("own report: link made", STUDENT, session_id=session["_id"])
    return reply(ReportLink(url=report_url(request, token), token=token, until=until))


@own_report.post("/api/student/report/answers/<video_id>")
@describe(Done, body=Answer, errors=(401, 403, 404, 409, 429, 503))
def answer(video_id: str) -> Response:
    """Answer a flag. The answer can be changed until somebody has decided with it before their eyes, or the session is concluded."""
    check_video_id(video_id)
    session, text = _changed(), read_body(request, Answer).text
    parts().answers.answer(session, video_id, text)
    tell_session("answer_given", {"session_id": session["_id"]}, session.get("exam_id"))
    note("own report: answered", STUDENT, session_id=session["_id"], video_id=video_id, sha256=digest(text))
    return reply(Done())


@own_report.post("/api/student/report/nothing")
@describe(Done, errors=(401, 403, 404, 409, 429, 503))
def nothing_to_add() -> Response:
    """Say that there is nothing to add to what has no answer: it need not be waited for."""
    session = _changed()
    parts().answers.nothing_to_add(session)
    note("own report: nothing to add", STUDENT, session_id=session["_id"])
    return reply(Done())


@own_report.post("/api/student/report/new-look")
@describe(Done, body=AskNewLook, errors=(401, 403, 404, 409, 429, 503))
def ask_new_look() -> Response:
    """Ask for a new look at what was concluded: once, and in NEW_LOOK_DAYS of it. Of another conclusion that was made since, once again."""
    session, reason = _changed(), read_body(request, AskNewLook).reason
    parts().answers.ask_new_look(session, reason)
    note("own report: new look asked", STUDENT, session_id=session["_id"], sha256=digest(reason))
    return reply(Done())


@own_report.get("/api/student/report/clip/<ticket>")
@describe(errors=(401, 403, 404, 409, 416, 429, 503), media_type="video/mp4")
def clip(ticket: str) -> Response:
    """Serve a clip of the student's own, whole or in ranges, by the address that the report names. It ends with the link, or after some hours."""
    guesses = _limits()[0]
    guesses.take(request.remote_addr)
    try:
        video_id, link_id = opened(_tickets(), ticket[:500], TICKET_S)
    except (BadData, UnicodeError, ValueError, TypeError):
        raise NotFound(_("This clip's address is over. Load your report again."), field="ticket") from None
    if link_id:
        parts().answers.link(link_id)
    guesses.forgive(request.remote_addr)
    session = parts().answers.open_session(str(video_id).partition("-")[0])
    if not parts().answers.shows_clips(session):
        raise Forbidden(_("In this exam students watch no clips here. Ask your institution."))
    file, stored = clip_of(video_id)
    note_look("own report: clip watched", STUDENT, video_id=video_id)
    return send_clip(file, stored.get("sha256"))


def _opened() -> tuple[Document, str]:
    """The session that the request's token opens, and the link's id, empty for a session's own token. Raise what says why it opens none."""
    guesses, token = _limits()[0], bearer(request)
    guesses.take(request.remote_addr)
    if not token:
        raise Unauthorized(_("This needs the token of a link to a report. Open the whole link again, or ask for a new one."), field="token")
    if token.startswith(PREFIX):
        link = parts().answers.opened_by(token)
        session_id, link_id = str(link["session_id"]), str(link["_id"])
    else:
        session_id, link_id = parts().access.read_student_token(token), ""
    guesses.forgive(request.remote_addr)
    return parts().answers.open_session(session_id), link_id


def _changed() -> Document:
    session = _opened()[0]
    _limits()[1].take(str(session["_id"]))
    return session


def _tickets() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts().access.secret_key, salt="own report's clip")


def _report(session: Document, link_id: str) -> dict[str, Any]:
    answers, session_id = parts().answers, str(session["_id"])
    session, unreadable = readable_part(session)
    exam = parts().exams.get(session.get("exam_id"))
    conclusion, new_look, until = answers.conclusion(session_id), answers.new_look(session_id), answers.new_look_until(session_id)
    written, clips = answers.answers(session_id), answers.shows_clips(session)
    rules, left_out = session.get("rules") or {}, list[str]()
    stored = answers.flags(session_id)
    flags = each(lambda one: _flag(one, written.get(one["_id"]), concluded=conclusion is not None), stored, left_out)
    for flag in flags:
        flag["clip_url"] = _clip_url(flag["video_id"], link_id) if clips and flag.pop("has_clip") else None
    waiting = bool(unsaid(stored, written))
    return {
        **{name: session.get(name) for name in ("user_id", "exam_id", "started_at", "ended_at")},
        "session_id": session_id,
        "title": exam.definition.title if exam else "",
        "flag_threshold": rules.get("flag_threshold", parts().settings.flag_threshold),
        "interval_s": rules.get("interval_duration", parts().settings.interval_duration),
        "points": {_name(kind): count for kind, count in (rules.get("points") or {}).items() if STORED_POINTS(count) and count},
        "flags": flags,
        "nothing_to_add": session_id in written and not waiting,
        "may_say_nothing": waiting and conclusion is None,
        "conclusion": None if conclusion is None else {name: conclusion.get(name) or "" for name in ("conclusion", "reason", "at")},
        "new_look": None if new_look is None else _new_look(new_look),
        "new_look_until": until,
        "unreadable": [name for name in unreadable if name in READ] + left_out,
        "may_ask_new_look": answers.may_ask_new_look(session_id),
    }


def _flag(interval: Mapping[str, Any], answer: Mapping[str, Any] | None, *, concluded: bool) -> dict[str, Any]:
    review = interval.get("review") or {}
    newest = max((one["at"] for one in (review, review.get("second") or {}, review.get("third") or {}) if one.get("at")), default=None)
    return {
        "video_id": interval["_id"],
        "start": interval["start"],
        "end": interval["end"],
        "started_at": interval.get("started_at"),
        "points": interval.get("score", 0),
        "why": _why(interval.get("violations") or []),
        "decision": review.get("state", "open"),
        "decided_at": newest,
        "answer": answer.get("text") if answer else None,
        "answered_at": answer.get("at") if answer else None,
        "may_answer": not concluded and may_answer(interval, answer),
        "has_clip": (clip := interval.get("clip") or {}).get("state") == "ready" and not is_away(clip),
    }


def _name(kind: str) -> str:
    """What a kind of signal is called; one of a newer version by its own name."""
    signal = next((signal for name, signal in SIGNALS.items() if name == kind), None)
    return said(signal.name) if signal is not None else kind


def _why(violations: Sequence[Document]) -> list[str]:
    """The proctors' own sentences, but of a mark: who made it and the note to it are not for the student."""
    marks = [one for one in violations if one.get("kind") == MARK]
    return [*said(sentences(one for one in violations if one.get("kind") != MARK)), *([_name(MARK)] if marks else [])]


def _clip_url(video_id: str, link_id: str) -> str:
    return f"{request.root_path}/api/student/report/clip/{_tickets().dumps([video_id, link_id])}"


def _new_look(stored: Document) -> dict[str, Any]:
    done = stored.get("done") or {}
    return {**{name: stored[name] for name in ("reason", "at", "state")}, "answer": done.get("text"), "answered_at": done.get("at")}
