"""The calls by which a student's page sends pictures of face, card and room: before the exam where it asks for them, else on a proctor's request."""

from __future__ import annotations

from typing import Literal, cast

from flask import Blueprint, Response, current_app, g, request
from flask.sansio.blueprints import BlueprintSetupState
from pydantic import BaseModel, Field

from basics.errors import Conflict, InvalidInput, NotFound, TooLarge
from basics.locks import KeyedLocks
from basics.texts import _
from media.identity_pictures import KINDS, Kind
from records.identity import Given, Request, Whose
from sessions.session import ExamSession
from web.access.limits import RateLimit
from web.calls.bodies import Done, read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.told import tell_session
from web.calls.values import Text
from web.parts import parts
from web.student.presence import there

student_identity = Blueprint("student_identity", __name__, url_prefix="/api/student/identity")

PICTURE_BYTES_MAX = 1 << 20
TRIES, WINDOW_S = 30, 60.0  # calls of one session
_EXTENSION = "student_identity"
_ANSWERING = KeyedLocks()  # of two answers to one request the first holds


class SaidBefore(BaseModel):
    """How the step before the exam ended. Without a camera `face` and `card` are `unknown`, which counts nothing."""

    face: Given
    card: Given = Field(description="`none`: the student has no card, and says so in `words`.")
    words: Text = ""


class AnswerRequest(BaseModel):
    """What the student answers to a proctor who asks for a picture."""

    request: str = Field(pattern=r"^[0-9a-f]{32}$", description="The id of the message that asks.")
    answer: Literal["given", "declined"]
    words: Text = ""


class PictureQuery(BaseModel):
    """`request`: the message of a proctor that asks for the picture; left out before the exam."""

    request: str = Field(default="", pattern=r"^([0-9a-f]{32})?$")


class PictureTaken(BaseModel):
    """The picture is kept, in this size: larger ones are made smaller, and all are encoded anew without what a camera wrote into them."""

    success: Literal[True] = True
    width: int
    height: int
    bytes: int


@student_identity.record
def _set_up(state: BlueprintSetupState) -> None:
    state.app.extensions[_EXTENSION] = RateLimit(TRIES, WINDOW_S, _("Pictures came too often."))


@student_identity.post("")
@describe(Done, body=SaidBefore, errors=(404, 409, 429, 503))
def say() -> Response:
    """Tell how the step before the exam ended: a picture came, the student has no card, or no camera was there. 409 once the exam has begun."""
    session = _own()
    said = read_body(request, SaidBefore)
    _check_before(session)
    if said.card == "none" and not said.words:
        raise InvalidInput(_("words is missing: say in a sentence why there is no card."), field="words")
    parts().identity.said(_whose(session), face=said.face, card=said.card, words=said.words)
    return reply(Done())


@student_identity.post("/request")
@describe(Done, body=AnswerRequest, errors=(404, 409, 429, 503))
def answer() -> Response:
    """Answer a proctor who asks for a picture: it was given, or the student declines, which the student may. 409 once it is answered."""
    session = _own()
    said = read_body(request, AnswerRequest)
    with _ANSWERING.held(session.session_id):
        message = session.messages.asking(said.request)
        if message is None or not message.asks:
            raise _nobody_asks()
        if said.answer == "given" and not parts().identity.came(session.session_id, message.id):
            raise Conflict(_("No picture has come for this request: send one, or decline."), reason="no_picture")
        asked = Request(message.id, message.asks, message.by, session.wall(message.at))
        parts().identity.answer(_whose(session), asked, said.answer, said.words)
        session.talk.read(message.id)
    _tell(session)
    return reply(Done())


@student_identity.post("/<kind>")
@describe(PictureTaken, query=PictureQuery, errors=(400, 404, 409, 413, 422, 429, 503), takes="image/jpeg")
def take(kind: str) -> Response:
    """Keep one picture, a JPEG of at most 1 MB and 3 million pixels: `face` or `card` before the exam, or what a proctor asks for (`room`, too).

    409 with `reason`: `begun`, where the exam has begun; `not_asked`, where nobody asks for it. 429 where there are as many as are kept.
    """
    session = _own()
    if kind not in KINDS or kind == "still":
        raise NotFound(_("There is no picture of the kind %(kind)s: face, card and room are known.", kind=repr(kind[:40])), field="kind")
    wanted = read_query(request, PictureQuery)
    known = cast(Kind, kind)
    if wanted.request:
        if session.messages.asked(wanted.request) != known:
            raise _nobody_asks()
    else:
        _check_before(session)
        if known == "room":
            raise _nobody_asks()
    request.max_content_length = PICTURE_BYTES_MAX
    jpeg = request.get_data(cache=False)
    if not jpeg:
        raise InvalidInput(_("The body is empty. Send one picture as JPEG."))
    if len(jpeg) >= PICTURE_BYTES_MAX:
        raise TooLarge(_("The picture has more than the %(limit)s KB allowed.", limit=PICTURE_BYTES_MAX // 1024))
    at = round(session.clock(), 1) if session.begun else None
    kept = parts().identity.keep_jpeg(_whose(session), known, jpeg, at=at, asked=wanted.request)
    _tell(session)
    return reply(PictureTaken(width=kept.width, height=kept.height, bytes=kept.size))


def _own() -> ExamSession:
    """The caller's session, which runs. Raise `TooMany`, `NotFound`, `Conflict`."""
    session_id: str = g.student_session_id
    cast(RateLimit, current_app.extensions[_EXTENSION]).take(session_id)
    session = parts().monitor.get(session_id)
    if session is None:
        parts().database.session(session_id)
        raise Conflict(_("This exam has ended."))
    there(session)
    return session


def _check_before(session: ExamSession) -> None:
    """Raise `Conflict` unless pictures are asked for before this session's exam, and it has not begun."""
    if session.begun:
        raise Conflict(_("The exam has begun: this was to be done before."), reason="begun")
    exam = parts().monitor.maker.surroundings(session.user_id, session.exam_id).exam
    if exam is None or not exam.definition.identity_step:
        raise _nobody_asks()


def _nobody_asks() -> Conflict:
    return Conflict(_("Nobody asks for this picture now."), reason="not_asked")


def _whose(session: ExamSession) -> Whose:
    return Whose(session.session_id, session.user_id, session.exam_id)


def _tell(session: ExamSession) -> None:
    """Tell those who watch that there is something new to compare."""
    tell_session("identity_changed", {"session_id": session.session_id}, session.exam_id)
