"""The calls that show who was there before and after each absence, side by side. Whether it is the same person nobody but a person says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from flask import Blueprint, Response
from pydantic import BaseModel, Field

from records import absences as records
from records.absences import Side
from records.keep_times import part_of
from web.calls.audit import note_look
from web.calls.bodies import reply
from web.calls.openapi import describe
from web.calls.values import Time, check_session_id
from web.parts import parts
from web.proctor.answers import each

absences = Blueprint("absences", __name__, url_prefix="/api/session/<session_id>/absences")


class AbsenceStill(BaseModel):
    """A still of the student's camera; `url` gives it, empty once its time is over. `at`: seconds on the session's clock."""

    at: float
    width: int
    height: int
    sha256: str
    url: str


class Absence(BaseModel):
    """An absence; `start` and `end` in seconds on the session's clock, `end` null: nobody came back."""

    start: float
    end: float | None
    why: Literal["nobody", "untold"] = Field(description="`nobody` was in view, or for ten seconds and more nothing could be told of it.")
    before: AbsenceStill | None = Field(description="The last of somebody before it; null where nobody had been seen.")
    after: AbsenceStill | None = Field(description="The first of somebody after it.")
    pictures_deleted_at: Time | None = Field(default=None, description="When they were deleted, because their time was over.")


class Absences(BaseModel):
    """The absences of a session, in order."""

    session_id: str
    absences: list[Absence]
    count: int
    unreadable: list[str] = Field(default=[], description="Those that were damaged in the database, by id.")


@absences.get("")
@describe(Absences, errors=(404, 503))
def listed(session_id: str) -> Response:
    """List when the student of a session was away, with a still of before and one of after each absence, for a person to compare."""
    check_session_id(session_id)
    parts().database.session(session_id)
    left_out: list[str] = []
    found = each(partial(_absence, session_id), records.of_session(parts().database, session_id), left_out)
    return reply(Absences(session_id=session_id, absences=found, count=len(found), unreadable=left_out))


@absences.get("/<name>")
@describe(errors=(404, 503), media_type="image/jpeg")
def picture(session_id: str, name: str) -> Response:
    """Show one still. That somebody looked is noted."""
    check_session_id(session_id)
    data = records.picture(parts().database, session_id, name)
    note_look("absences: looked at", "proctor", session_id=session_id)
    response = Response(data, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "no-store, private"
    return response


def _absence(session_id: str, stored: Mapping[str, Any]) -> Absence:
    sides: dict[Side, AbsenceStill | None] = {side: _still(session_id, stored, side) for side in records.SIDES}
    named: dict[str, Any] = {name: stored.get(name) for name in ("start", "end", "why", "pictures_deleted_at")}
    return Absence.model_validate({**named, **sides})


def _still(session_id: str, stored: Mapping[str, Any], side: Side) -> AbsenceStill | None:
    still = part_of(stored, side)
    if not still:
        return None
    url = f"/api/session/{session_id}/absences/{records.name_of(stored, side)}" if stored.get("pictures") else ""
    return AbsenceStill.model_validate({**still, "url": url})
