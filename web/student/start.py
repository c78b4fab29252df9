"""The calls of a student's page: start an exam by one's ID, and read what the page must know of its session."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, g, request

from basics.errors import Conflict, Forbidden, NotFound, StorageError
from basics.times import utc_now
from scoring.accommodations import Accommodation, document_id_of
from settings.settings import Settings
from web.calls.openapi import describe
from web.calls.schemas import StudentSession, StudentStart, StudentStarted, Video, read_body, reply
from web.calls.schemas_desk import Done, Rehearsal, StudentCheck
from web.parts import parts
from web.proctor.sessions import portal_url

students = Blueprint("students", __name__, url_prefix="/api/student")

VIDEO_WIDTH, VIDEO_HEIGHT = 640, 480  # pixels; the gaze detector gains nothing from more
STORED_WITHIN_S = 10.0
JPEG_QUALITY = 0.6  # 25 KB a picture, 2 Mbit/s at 10 pictures a second
H264_BITRATE = 350_000  # as sharp as that, at a sixth of its bytes


@students.post("/start")
@describe(StudentStarted, body=StudentStart, errors=(409, 429, 503))
def start() -> Response:
    """Start a student's exam from the open portal.

    Only where PORTAL_OPEN is set. A student whose exam already runs gets 409, and no token, but for the browser that started it and brings
    the same `nonce`. 409 with `state` where the student's exam has ended: a link lets the student in again.
    """
    settings = parts().settings
    if not settings.portal_open:
        raise Forbidden("Exams are started by a link here. Ask for yours, and open it.")
    parts().access.count_start(request.remote_addr)
    wanted = read_body(request, StudentStart)
    nonce = hashlib.sha256(wanted.nonce.encode()).hexdigest() if wanted.nonce else ""
    _refuse_a_second_time(wanted.user_id, wanted.exam_id)
    try:
        session_id = parts().monitor.create(wanted.user_id, wanted.exam_id, "browser", None, nonce=nonce).session_id
    except Conflict as conflict:
        session_id = conflict.details["session_id"]
        if not parts().monitor.attendance.was_started_with(session_id, nonce):
            raise Conflict(
                f"An exam is already running for {wanted.user_id}. Go on in the window where you started it, or ask the proctor for a link.",
                field="user_id",
            ) from None
    token = parts().access.make_student_token(session_id)
    return reply(
        StudentStarted(
            session_id=session_id,
            user_id=wanted.user_id,
            exam_id=wanted.exam_id,
            portal_url=portal_url(request, token),
            token=token,
        )
    )


def _refuse_a_second_time(user_id: str, exam_id: str | None) -> None:
    """Raise `Conflict` where this exam of the student has ended: who ended it can't start it again alone.

    Without an exam's ID nobody can tell whether it is the same one.
    """
    if exam_id is None:
        return
    try:
        latest = parts().database.latest_session(user_id, exam_id)
    except StorageError:  # nobody can tell: rather a second session than an exam that can't be taken
        return
    if latest is not None and latest["state"] == "running" and parts().monitor.get(latest["_id"]) is None and not parts().monitor.resumed.is_set():
        raise _back_soon()
    if latest is None or latest["state"] != "ended" or not latest.get("begun", True):  # interrupted: no doing of the student
        return
    kept = timedelta(days=parts().settings.keep_days)
    if kept and latest["ended_at"] + kept < utc_now():
        return
    raise Conflict("This exam has ended for you already. If you must go on, ask your proctor for a link.", field="user_id", state=latest["state"])


@students.get("/session")
@describe(StudentSession, errors=(404, 503))
def session() -> Response:
    """Show a student's page its own session."""
    session_id: str = g.student_session_id
    settings = parts().settings
    running = parts().monitor.get(session_id)
    elapsed: float | None
    if running is not None:
        rules, state, elapsed = running.rules, "running" if running.is_running else "ended", running.clock()
        user_id, exam_id, begun, end = running.user_id, running.exam_id, running.begun, {}
        accommodation, on_break, left = running.accommodation, running.on_break, running.breaks_left()
    else:
        document = _stored(session_id)
        rules, state, elapsed = document.get("rules") or {}, document["state"], document.get("ended_after_s")
        user_id, exam_id, begun = document["user_id"], document.get("exam_id"), document.get("begun", True)
        end = {name: document.get(name) or "" for name in ("end_reason", "end_code", "end_note")}
        applied = document.get("accommodation")
        accommodation, on_break, left = Accommodation.from_dict(applied) if applied else None, False, 0
    return reply(
        StudentSession.model_validate(
            {
                "session_id": session_id,
                "user_id": user_id,
                "exam_id": exam_id,
                "state": state,
                **end,
                "begun": begun,
                "connected": parts().links.connected(session_id),
                "rules": _rules_for_student(rules, settings),
                "video": student_video(settings),
                "interval_s": rules.get("interval_duration", settings.interval_duration),
                "elapsed_s": elapsed,
                "accommodation": accommodation.words() if accommodation else None,
                "breaks_left": left,
                "on_break": on_break,
                "screen_capture": settings.screen_capture,
                "exam_url": settings.exam_url,
            }
        )
    )


@students.post("/check")
@describe(Done, body=StudentCheck, errors=(404, 409, 503))
def check() -> Response:
    """Store what the check before the exam found on the student's machine; a later one replaces it."""
    session_id: str = g.student_session_id
    found = read_body(request, StudentCheck)
    if parts().monitor.get(session_id) is None:
        _stored(session_id)
        raise Conflict("This exam has ended.")
    _store("sessions", session_id, {"checks_before": {"at": utc_now(), **found.model_dump()}})
    return reply(Done())


@students.post("/rehearsal")
@describe(Done, body=Rehearsal, errors=(429, 503))
def rehearsal() -> Response:
    """Store a rehearsal of that check, for which no exam need run; a student's later one of the same exam replaces it.

    Where PORTAL_OPEN is not set it needs the token of an exam's link, and is of that student and exam.
    """
    settings = parts().settings
    if not settings.portal_open and request.authorization is None:
        raise Forbidden("Exams are started by a link here. Open yours: its page has the rehearsal.")
    parts().access.count_start(request.remote_addr)
    found = read_body(request, Rehearsal)
    if not settings.portal_open:
        own = parts().monitor.get(parts().access.student_session(request))
        if own is None:
            raise Conflict("Your exam does not run: ask for a new link.")
        found = found.model_copy(update={"user_id": own.user_id, "exam_id": own.exam_id})
    _store("rehearsals", document_id_of(found.user_id, found.exam_id), {"at": utc_now(), **found.model_dump()})
    return reply(Done())


def _stored(session_id: str) -> dict[str, Any]:
    """The record of a session that isn't live. Raise `StorageError` for one that may be again in a moment, as after a restart."""
    resumed = parts().monitor.resumed.is_set()
    try:
        document = parts().database.session(session_id)
    except NotFound:
        if not resumed:
            raise _back_soon() from None
        raise
    if document["state"] == "running" and not resumed:
        raise _back_soon()
    return document


def _back_soon() -> StorageError:
    return StorageError("The server has just started, and takes up the exams that ran. Try again in some seconds.")


def _store(collection: str, document_id: str, fields: dict[str, Any]) -> None:
    if not parts().database.write(collection, document_id, fields).wait(STORED_WITHIN_S):
        raise StorageError("The check can't be stored now. The exam can start all the same.")


def student_video(settings: Settings) -> Video:
    """The pictures that a student's page is asked for."""
    codecs = ["h264", "jpeg"] if settings.video_codec == "h264" else ["jpeg"]
    return Video(
        fps=settings.video_fps,
        width=VIDEO_WIDTH,
        height=VIDEO_HEIGHT,
        quality=JPEG_QUALITY,
        codecs=codecs,
        bitrate=H264_BITRATE,
        still_s=settings.page_still_s,
    )


def _rules_for_student(rules: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """What is watched and kept, so that the page can say so; not what each thing counts."""
    points = rules.get("points") or {}
    return {
        "watched": [kind for kind, count in points.items() if count],
        "clip_preroll_s": settings.clip_preroll_s,
        "clip_postroll_s": settings.clip_postroll_s,
    }
