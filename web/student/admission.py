"""The call by which a student's page asks whether its exam may begin now, or where its student stands among those who wait."""

from __future__ import annotations

from flask import Blueprint, Response, g
from pydantic import BaseModel, Field

from web.calls.bodies import reply
from web.calls.openapi import describe
from web.parts import parts
from web.student.entry import brought

admission = Blueprint("admission", __name__, url_prefix="/api/student")


class Admission(BaseModel):
    """Where the student stands. The place is the session's: a page that was reloaded, or comes back within ten minutes, has the same."""

    position: int = Field(ge=0, description="0: the exam may begin, within a minute. 1: next.")
    wait_s: float | None = Field(default=None, description="About how many seconds that takes; null where nobody can tell yet.")
    again_s: float = Field(default=0, description="Seconds after which to ask again: who doesn't for 90 s lets the others go first.")


@admission.post("/admission")
@describe(Admission, errors=(404, 409, 429, 503))
def ask() -> Response:
    """Ask to begin: at once where this server has room, else in the order in which students first asked.

    A page asks again until `position` is 0, and opens the student's link then. An exam that has begun goes on in any case.
    """
    owner = parts()
    standing = owner.monitor.admission.ask(brought(owner, g.student_session_id))
    return reply(Admission(position=standing.position, wait_s=standing.wait_s, again_s=standing.again_s))
