"""The calls that set what is different for one student."""

from __future__ import annotations

from flask import Blueprint, Response, request

from database import Document
from scoring.accommodations import Accommodation
from web.calls.audit import note
from web.calls.openapi import describe
from web.calls.schemas import read_body, read_query, reply
from web.calls.schemas_desk import AccommodationAnswer, Accommodations, AccommodationSet, AccommodationsQuery, Done, SetAccommodation
from web.parts import parts
from web.proctor.sessions import next_after

accommodations = Blueprint("accommodations", __name__, url_prefix="/api/accommodations")


@accommodations.post("")
@describe(AccommodationSet, body=SetAccommodation, errors=(503,))
def save() -> Response:
    """Set what is different for one student, in one exam or in every exam.

    It replaces what was set for that student and exam, and is applied to sessions that start from now on.
    One for this exam goes before one for every exam.
    """
    wanted = read_body(request, SetAccommodation)
    stored = parts().monitor.accommodations.set(Accommodation(**wanted.model_dump()))
    note("accommodation: set", wanted.set_by, user_id=wanted.user_id, exam_id=wanted.exam_id, accommodation=stored["_id"])
    return reply(AccommodationSet(accommodation=_answer(stored)))


@accommodations.get("")
@describe(Accommodations, query=AccommodationsQuery, errors=(503,))
def listed() -> Response:
    """List accommodations, those set last first."""
    query = read_query(request, AccommodationsQuery)
    found = parts().monitor.accommodations.listed(query.user_id, query.exam_id, limit=query.limit + 1, after=query.after)
    shown = [_answer(document) for document in found[: query.limit]]
    return reply(Accommodations(accommodations=shown, count=len(shown), next_after=next_after(found, query.limit)))


@accommodations.delete("/<accommodation_id>")
@describe(Done, errors=(404, 503))
def remove(accommodation_id: str) -> Response:
    """Remove an accommodation. Sessions that run keep theirs."""
    removed = parts().monitor.accommodations.remove(accommodation_id[:64])
    note("accommodation: removed", "proctor", user_id=removed.user_id, exam_id=removed.exam_id, accommodation=accommodation_id)
    return reply(Done())


def _answer(document: Document) -> AccommodationAnswer:
    return AccommodationAnswer.model_validate({**document, "id": document["_id"]})
