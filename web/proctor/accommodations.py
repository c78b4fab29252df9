"""The calls that set what is different for one student."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field

from basics.signals import ViolationKind
from database import Document
from scoring.accommodations import Accommodation
from web.access.callers import caller, signature
from web.calls.audit import note, note_look
from web.calls.bodies import Done, read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.paging import LONGEST_PAGE, PAGE, next_after
from web.calls.spelling import as_known, as_sought
from web.calls.values import DOCUMENT_ID_PATTERN, Identifier, Person, Text, Time
from web.parts import parts
from web.proctor.held import check_held

accommodations = Blueprint("accommodations", __name__, url_prefix="/api/accommodations")


class SetAccommodation(BaseModel):
    """What is different for one student, in one exam or (without `exam_id`) in every exam. It replaces what was set before."""

    user_id: Identifier
    exam_id: Identifier | None = None
    points: dict[ViolationKind, Annotated[int, Field(ge=0, le=100)]] = Field(
        default_factory=dict, description="Other points for some kinds; 0 turns a signal off.", examples=[{"gaze_distracted": 0}]
    )
    reading_aloud: bool = Field(
        default=False,
        description="Neither speech nor several voices count, as a screen reader's and one's own; points for multiple_voices make these count.",
    )
    breaks_allowed: int = Field(default=0, ge=0, le=20, description="Breaks that the student may take without asking.")
    break_minutes: float = Field(default=5, gt=0, le=240, description="Minutes after which a student's break ends by itself.")
    extra_percent: float = Field(default=0, ge=0, le=300, description="Extra time, in per cent of the exam's length.")
    extra_min: float = Field(default=0, ge=0, le=1440, description="Extra time in minutes, beside that in per cent.")
    note: Text = ""
    set_by: Person = "proctor"


class AccommodationAnswer(SetAccommodation):
    """An accommodation as it is stored."""

    user_id: str = Field(description="Empty where the stored record is damaged, and doesn't say whose it is.")
    student_name: str = Field(default="", description="As the exam's list has it; empty where none is known or told.")
    exam_id: str | None = None
    note: str = ""
    set_by: str = ""
    id: str
    at: Time | None
    unreadable: list[str] = Field(default=[], description="Fields that are damaged, and are as if they had never been set; set it anew to mend them.")


class AccommodationSet(BaseModel):
    """The accommodation is stored; it holds from now on."""

    success: Literal[True] = True
    accommodation: AccommodationAnswer
    running: int = Field(default=0, description="In how many exams that run now something is different by it, from now on.")


class AccommodationRemoved(Done):
    """The accommodation is removed."""

    running: int = Field(default=0, description="In how many exams that run now something is different by it, from now on.")


class AccommodationsQuery(BaseModel):
    """Which accommodations."""

    user_id: Identifier | None = None
    exam_id: Identifier | None = None
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE)
    after: str | None = Field(default=None, pattern=DOCUMENT_ID_PATTERN, description="`next_after` of the answer before.")


class Accommodations(BaseModel):
    """Accommodations, those set last first."""

    accommodations: list[AccommodationAnswer]
    count: int
    next_after: str | None = None


@accommodations.post("")
@describe(AccommodationSet, body=SetAccommodation, errors=(409, 429, 503))
def save() -> Response:
    """Set what is different for one student, in one exam or in every exam.

    It replaces what was set for that student and exam. An exam that runs goes by it from the next moment on; what was scored before stays as it
    was. One for this exam goes before one for every exam. 429 where an exam that runs was changed so 50 times.
    """
    wanted = as_known(read_body(request, SetAccommodation))
    monitor = parts().monitor
    elsewhere = monitor.taking_effect.check_room(wanted.user_id, wanted.exam_id)
    stored = monitor.accommodations.set(Accommodation(**wanted.model_dump()))
    running = monitor.taking_effect.changed(wanted.user_id, wanted.exam_id, stored["set_by"], elsewhere)
    note("accommodation: set", wanted.set_by, user_id=wanted.user_id, exam_id=wanted.exam_id, accommodation=stored["_id"], running=running)
    return reply(AccommodationSet(accommodation=_answer(stored), running=running))


@accommodations.get("")
@describe(Accommodations, query=AccommodationsQuery, errors=(503,))
def listed() -> Response:
    """List accommodations, those set last first."""
    query = as_sought(read_query(request, AccommodationsQuery))
    exams = caller().exam_condition("accommodations")
    found = parts().monitor.accommodations.listed(query.user_id, query.exam_id, limit=query.limit + 1, after=query.after, exams=exams)
    note_look("accommodations: looked at", "proctor")
    shown = [_answer(document) for document in found[: query.limit]]
    return reply(Accommodations(accommodations=shown, count=len(shown), next_after=next_after(found, query.limit)))


@accommodations.delete("/<accommodation_id>")
@describe(AccommodationRemoved, errors=(404, 409, 429, 503))
def remove(accommodation_id: str) -> Response:
    """Remove an accommodation. An exam that runs goes on without it from the next moment on; what was scored before stays as it was.

    409 (`reason`: `held`) while a legal hold names the student. 429 where an exam that runs was changed so 50 times.
    """
    monitor = parts().monitor
    found = monitor.accommodations.get(accommodation_id[:64])
    check_held("accommodation", [found.user_id], signature(), exam_id=found.exam_id, accommodation=accommodation_id[:64])
    elsewhere = monitor.taking_effect.check_room(found.user_id, found.exam_id)
    removed = monitor.accommodations.remove(accommodation_id[:64])
    running = monitor.taking_effect.changed(removed.user_id, removed.exam_id, signature(), elsewhere)
    note("accommodation: removed", signature(), user_id=removed.user_id, exam_id=removed.exam_id, accommodation=accommodation_id, running=running)
    return reply(AccommodationRemoved(running=running))


def _answer(document: Document) -> AccommodationAnswer:
    found = Accommodation.from_dict(document)
    named = {"student_name": parts().names.of(found.user_id, found.exam_id)}
    return AccommodationAnswer.model_validate({**found.to_dict(), **named, "id": document["_id"], "unreadable": list(found.unreadable)})
