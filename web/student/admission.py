"""The call by which a student's page asks whether its exam may begin now, or where its student stands among those who wait."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, Field

from web.calls.bodies import read_query, reply
from web.calls.openapi import describe
from web.parts import parts
from web.student.entry import brought

admission = Blueprint("admission", __name__, url_prefix="/api/student")


class AskAdmission(BaseModel):
    """Whose server is full, and was told of another, asks there."""

    room: Literal["", "only"] = Field(default="", description="`only`: come to this server only where it has room; else 429, and nothing is changed.")
    e: str = Field(default="", max_length=300, description="The key by which the call came here, where there are several servers.")


class Admission(BaseModel):
    """Where the student stands. The place is the session's: a page that was reloaded, or comes back within ten minutes, has the same."""

    position: int = Field(ge=0, description="0: the exam may begin, within a minute. 1: next.")
    wait_s: float | None = Field(default=None, description="About how many seconds that takes; null where nobody can tell yet.")
    again_s: float = Field(default=0, description="Seconds after which to ask again: who doesn't for 90 s lets the others go first.")
    elsewhere: str | None = Field(
        default=None,
        description="Not null: another server has room. The key `e` that leads there, empty where none is known: then any 32 hexadecimal digits may.",
    )
    route: str = Field(default="", description="The key by which the page's calls and its link go on, where there are several servers.")


@admission.post("/admission")
@describe(Admission, query=AskAdmission, errors=(404, 409, 422, 429, 503))
def ask() -> Response:
    """Ask to begin: at once where this server has room, else in the order in which students first asked.

    A page asks again until `position` is 0, and opens the student's link then. An exam that has begun goes on in any case. Where several servers
    share the database and another has room, `elsewhere` says so: the page asks there with `room=only`, and again while that answers 503.
    """
    owner, session_id, asked = parts(), g.student_session_id, read_query(request, AskAdmission)
    monitor = owner.monitor
    if asked.room == "only" and not monitor.is_live(session_id):
        monitor.overflow.take_in(session_id, asked.e)
    session = brought(owner, session_id)
    standing = monitor.admission.ask(session)
    elsewhere = monitor.overflow.elsewhere(standing.position)
    route = session.identity.route
    return reply(Admission(position=standing.position, wait_s=standing.wait_s, again_s=standing.again_s, elsewhere=elsewhere, route=route))
