"""The call by which the live page says who has not come: of the exams that are open now and have a list of students."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from pydantic import BaseModel, Field

from basics.looks import folded, same_id
from basics.times import utc_now
from database import LIMIT_MAX
from records.exams import Exam
from records.roster_states import NOT_COME, RosterState
from web.access.callers import caller
from web.calls.bodies import read_query, reply
from web.calls.openapi import describe
from web.calls.values import Identifier
from web.parts import parts
from web.proctor.roster_calls import all_standings

roster_wall = Blueprint("roster_wall", __name__)

EXTENSION = "roster_wall"  # this module's state in `app.extensions`
NAMED_MAX = 200  # students named of one exam
FRESH_S = 2.0  # many dashboards ask in the same moment


class NotComeQuery(BaseModel):
    """Of which exam; left out: of all that are open."""

    exam_id: Identifier | None = None


class Missing(BaseModel):
    """A student who has not come."""

    row_id: str
    user_id: str
    name: str
    state: RosterState


class NotComeExam(BaseModel):
    """An open exam, and who has not come to it."""

    exam_key: str
    exam_id: str
    title: str
    total: int = Field(description="Students in its list.")
    may_open: bool = Field(default=False, description="The caller may see the exam’s list.")
    not_come: int
    late: int = Field(description="Of those: who should have begun more than ten minutes ago.")
    students: list[Missing] = Field(description="The first 200, those who are late first.")


class NotCome(BaseModel):
    """Who has not come, by exam."""

    exams: list[NotComeExam]


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    at: float = -FRESH_S
    version: int = -1
    found: list[NotComeExam] = field(default_factory=list)


@roster_wall.record
def _set_up(state: BlueprintSetupState) -> None:
    state.app.extensions[EXTENSION] = _Kept()


@roster_wall.get("/api/rosters/not_come")
@describe(NotCome, query=NotComeQuery, errors=(503,))
def not_come() -> Response:
    """Show which students of the open exams have not come."""
    wanted = read_query(request, NotComeQuery).exam_id
    kept = cast(_Kept, current_app.extensions[EXTENSION])
    with kept.lock:
        if time.monotonic() - kept.at > FRESH_S or kept.version != parts().rosters.version:
            kept.version = parts().rosters.version  # before it is read: what changes meanwhile is read again
            now = utc_now()
            kept.found = [told for exam in parts().exams.listed(state="open", limit=LIMIT_MAX - 1) if exam.is_open(now) and (told := _of(exam))]
            kept.at = time.monotonic()
        found = kept.found
    seen = caller().exam_filter("look")
    mine = [one for one in found if (wanted is None or same_id(one.exam_id, wanted)) and (seen is None or seen.takes(one.exam_id))]
    return reply(NotCome(exams=[one.model_copy(update={"may_open": caller().may("roster", one.exam_id)}) for one in mine]))


def _of(exam: Exam) -> NotComeExam | None:
    everybody = all_standings(exam) if parts().rosters.count(exam.key) else []
    if not everybody:
        return None
    missing = sorted((one for one in everybody if one.state in NOT_COME), key=lambda one: one.state != "late")
    names = parts().names.of_exam(exam.exam_id)
    named = [
        Missing(row_id=row.row_id, user_id=row.user_id, name=names.get(folded(row.user_id), ""), state=one.state)
        for one in missing[:NAMED_MAX]
        if (row := one.row)
    ]
    return NotComeExam(
        exam_key=exam.key,
        exam_id=exam.exam_id,
        title=exam.definition.title,
        total=len(everybody),
        not_come=len(missing),
        late=sum(one.state == "late" for one in missing),
        students=named,
    )
