"""How a student of an exam's list comes in: by the link or the code that the list gave, which is good until the exam closes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from basics.errors import Conflict, InvalidInput, StorageError, Unauthorized
from basics.texts import _
from basics.times import utc_now
from records.entry_codes import read_code
from records.rosters import RosterRow
from records.spellings import known_spelling
from scoring.accommodations import document_id_of
from sessions.entries import enter_by_list
from web.calls.addresses import portal_url
from web.calls.bodies import Done, read_body, reply
from web.calls.openapi import describe
from web.calls.told import tell_roster
from web.parts import parts
from web.student.start_schemas import StudentCheck, StudentExamShown
from web.student.surface import exam_for_student

entering = Blueprint("entering", __name__, url_prefix="/api/student/enter")

STORED_WITHIN_S = 10.0
NOT_OPEN = {"draft", "early"}

Secret = Annotated[str, Field(max_length=100)]


class Enter(BaseModel):
    """The student's own link or code. `exam_key` is of the page on which a code was typed, if it is made for an exam."""

    link: Secret = Field(default="", description="What stands behind `#r=` in the student's link.")
    code: Secret = Field(default="", validate_default=True, description="Eight letters and digits, in any case; hyphens and spaces don't count.")
    exam_key: str = Field(default="", pattern=r"^([0-9a-f]{32})?$")

    @field_validator("code")
    @classmethod
    def _one_of_them(cls, code: str, info: ValidationInfo) -> str:
        if "link" in info.data and bool(info.data["link"]) == bool(code):
            raise ValueError(_("must be a link or a code"))
        return code


class EnterRehearsal(Enter, StudentCheck):
    """A rehearsal of the check, of the student whose link or code it is."""


class Entered(BaseModel):
    """Who came in. Before the exam opens there is no session: `refused` says why, and `exam` when it opens."""

    success: Literal[True] = True
    user_id: str
    exam_id: str
    exam: StudentExamShown
    session_id: str | None = None
    token: str | None = Field(default=None, description="For the student's link and `GET /api/student/session`.")
    portal_url: str | None = None
    trial_token: str | None = Field(default=None, description="Without a session: for the trials of the check.")
    refused: Literal["", "draft", "early"] = ""


@entering.post("")
@describe(Entered, body=Enter, errors=(401, 409, 429, 503))
def enter() -> Response:
    """Come in by the link or code of an exam's list.

    The student's session is made, or the one that waits or runs is taken up, and its token given. Before the exam opens none is: `refused` is
    `early` or `draft`, and the check may be rehearsed. 401 for a link or code that is wrong, renewed or revoked; 409 where the exam has closed
    (`reason`), or has ended for this student (`state`).
    """
    wanted = read_body(request, Enter)
    row = _whose(wanted)
    try:
        user_id = known_spelling(parts().database, "user_id", row.user_id, (session.user_id for session in parts().monitor.active()))
    except Conflict:  # somebody else's only looks so: whose this is the list says
        user_id = row.user_id
    _shown(user_id, row.exam_id, "")  # no session of an exam that is gone
    session_id, refused = None, ""
    try:
        keep_days = parts().settings.keep_days
        session_id = enter_by_list(parts().monitor, parts().database, user_id, row.exam_id, keep_days=keep_days, again_at=row.again_at)
    except Conflict as conflict:
        if conflict.details.get("reason") not in NOT_OPEN:
            raise
        refused = conflict.details["reason"]
    token = parts().access.make_student_token(session_id) if session_id else None
    _check_good_still(wanted)
    return reply(
        Entered.model_validate(
            {
                "user_id": user_id,
                "exam_id": row.exam_id,
                "exam": _shown(user_id, row.exam_id, refused),
                "session_id": session_id,
                "token": token,
                "portal_url": portal_url(request, token, session_id=session_id or "") if token else None,
                "trial_token": None if token else parts().access.make_student_token(row.row_id),
                "refused": refused,
            }
        )
    )


@entering.post("/rehearsal")
@describe(Done, body=EnterRehearsal, errors=(401, 429, 503))
def rehearse() -> Response:
    """Store a rehearsal of the check for the student whose link or code it is; a later one replaces it."""
    found = read_body(request, EnterRehearsal)
    row = _whose(found)
    parts().access.count_start(request.remote_addr)
    fields = {"at": utc_now(), "user_id": row.user_id, "exam_id": row.exam_id, **found.model_dump(include={"results", "user_agent"})}
    if not parts().database.write("rehearsals", document_id_of(row.user_id, row.exam_id), fields).wait(STORED_WITHIN_S):
        raise StorageError(_("The check can't be stored now. The exam can start all the same."))
    tell_roster(parts().exams.get(row.exam_id))
    return reply(Done())


def _shown(user_id: str, exam_id: str, refused: str) -> dict[str, Any]:
    exam = parts().monitor.maker.surroundings(user_id, exam_id).exam
    if exam is None:
        raise Unauthorized(_("This exam is not here any more. Ask your institution."), field="link")
    return exam_for_student(exam, refusal={"reason": refused} if refused else None)


def _whose(wanted: Enter) -> RosterRow:
    """Whose link or code it is. Raise `Unauthorized`, `TooMany`, `StorageError`."""
    address = request.remote_addr
    if wanted.link:
        row = _row_of(wanted)
        if row is None:
            raise Unauthorized(_("This link is not valid any more, or was not copied whole. Open the newest that you were sent."), field="link")
        return row
    if read_code(wanted.code) is None:
        raise InvalidInput(_("A code has eight letters and digits, such as 7H3K-9QZM."), field="code")
    parts().codes.begin(address, wanted.exam_key)
    try:
        row = _row_of(wanted)
    except StorageError:  # nobody knows whether it was wrong
        parts().codes.was_right(address, wanted.exam_key)
        raise
    if row is None or (wanted.exam_key and row.exam_key != wanted.exam_key):
        raise Unauthorized(_("This code is not known. Compare it letter by letter with what you were given, or use your link."), field="code")
    parts().codes.was_right(address, wanted.exam_key)
    return row


def _row_of(wanted: Enter) -> RosterRow | None:
    """The row whose link or code this is; None where it is nobody's, renewed or revoked. Raise `StorageError`."""
    rosters = parts().rosters
    if wanted.link:
        link = rosters.keys.read_link(wanted.link)
        return rosters.entering(link=link) if link else None
    code = read_code(wanted.code)
    return rosters.entering(code=code) if code else None


def _check_good_still(wanted: Enter) -> None:
    """Raise `Unauthorized` where link or code was renewed or revoked meanwhile.

    Asked once the session is stored and its token made: whoever renews from here on finds the session, and ends the token.
    """
    if _row_of(wanted) is None:
        raise Unauthorized(
            _("Your link or code was renewed or revoked just now. Open the newest that you were sent."), field="link" if wanted.link else "code"
        )
