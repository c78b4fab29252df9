"""The calls of a student's page: start an exam by one's ID, and read what the page must know of its session."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from flask import Blueprint, Response, g, request

from accommodations import Accommodation, document_id_of
from config import Settings
from errors import Conflict, Forbidden, StorageError
from web.api import portal_url
from web.openapi import describe
from web.parts import parts
from web.schemas import StudentExam, StudentSession, StudentStarted, Video, read_body, reply
from web.schemas_desk import Done, Rehearsal, StudentCheck

students = Blueprint("students", __name__, url_prefix="/api/student")

VIDEO_WIDTH, VIDEO_HEIGHT = 640, 480  # pixels; the gaze detector gains nothing from more
STORED_WITHIN_S = 10.0
JPEG_QUALITY = 0.6  # 25 KB a picture, 2 Mbit/s at 10 pictures a second
H264_BITRATE = 350_000  # as sharp as that, at a sixth of its bytes


@students.post("/start")
@describe(StudentStarted, body=StudentExam, errors=(409, 429, 503))
def start() -> Response:
    """Start a student's exam from the open portal.

    Only where PORTAL_OPEN is set. A student whose exam already runs gets 409, and no token: the one who started it has that.
    """
    settings = parts().settings
    if not settings.portal_open:
        raise Forbidden("Exams are started by a link here. Ask for yours, and open it.")
    parts().access.count_start(request.remote_addr)
    wanted = read_body(request, StudentExam)
    try:
        session = parts().monitor.create(wanted.user_id, wanted.exam_id, "browser", None)
    except Conflict:
        raise Conflict(
            f"An exam is already running for {wanted.user_id}. Go on in the window where you started it, or ask the proctor to end it.",
            field="user_id",
        ) from None
    token = parts().access.make_student_token(session.session_id)
    return reply(
        StudentStarted(
            session_id=session.session_id,
            user_id=session.user_id,
            exam_id=session.exam_id,
            portal_url=portal_url(request, token),
            token=token,
        )
    )


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
        user_id, exam_id = running.user_id, running.exam_id
        accommodation, on_break, left = running.accommodation, running.on_break, running.breaks_left()
    else:
        document = parts().database.session(session_id)
        rules, state, elapsed = document.get("rules") or {}, document["state"], document.get("ended_after_s")
        user_id, exam_id = document["user_id"], document.get("exam_id")
        applied = document.get("accommodation")
        accommodation, on_break, left = Accommodation.from_dict(applied) if applied else None, False, 0
    return reply(
        StudentSession.model_validate(
            {
                "session_id": session_id,
                "user_id": user_id,
                "exam_id": exam_id,
                "state": state,
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
        parts().database.session(session_id)
        raise Conflict("This exam has ended.")
    _store("sessions", session_id, {"checks_before": {"at": datetime.now(timezone.utc), **found.model_dump()}})
    return reply(Done())


@students.post("/rehearsal")
@describe(Done, body=Rehearsal, errors=(429, 503))
def rehearsal() -> Response:
    """Store a rehearsal of that check, which needs no session; a student's later one of the same exam replaces it.

    Only where PORTAL_OPEN is set.
    """
    if not parts().settings.portal_open:
        raise Forbidden("Exams are started by a link here. Open yours: its page has the check.")
    parts().access.count_start(request.remote_addr)
    found = read_body(request, Rehearsal)
    _store("rehearsals", document_id_of(found.user_id, found.exam_id), {"at": datetime.now(timezone.utc), **found.model_dump()})
    return reply(Done())


def _store(collection: str, document_id: str, fields: dict[str, Any]) -> None:
    if not parts().database.write(collection, document_id, fields).wait(STORED_WITHIN_S):
        raise StorageError("The check can't be stored now. The exam can start all the same.")


def student_video(settings: Settings) -> Video:
    """The pictures that a student's page is asked for."""
    codecs = ["h264", "jpeg"] if settings.video_codec == "h264" else ["jpeg"]
    return Video(fps=settings.video_fps, width=VIDEO_WIDTH, height=VIDEO_HEIGHT, quality=JPEG_QUALITY, codecs=codecs, bitrate=H264_BITRATE)


def _rules_for_student(rules: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """What is watched and kept, so that the page can say so; not what each thing counts."""
    points = rules.get("points") or {}
    return {
        "watched": [kind for kind, count in points.items() if count],
        "clip_preroll_s": settings.clip_preroll_s,
        "clip_postroll_s": settings.clip_postroll_s,
    }
