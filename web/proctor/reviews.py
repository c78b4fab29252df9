"""The calls by which people decide about flagged intervals."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint, Response, request

from records.clip_readings import clip_readings
from records.shapes import REVIEW
from web.access.callers import caller
from web.calls.audit import note, note_look
from web.calls.bodies import read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.paging import next_after
from web.calls.spelling import as_sought
from web.calls.told import tell_review
from web.calls.values import check_video_id
from web.parts import parts
from web.proctor.answers import each, flagged_answer
from web.proctor.interval_schemas import Opinion, ReviewAnswer
from web.proctor.reviews_schemas import ClipReadings, Decide, Decided, QueueQuery, ReviewFilter, ReviewHistory, ReviewQueue

reviews = Blueprint("reviews", __name__, url_prefix="/api/review")


@reviews.get("/queue")
@describe(ReviewQueue, query=QueueQuery, errors=(503,))
def queue() -> Response:
    """List flagged intervals to be reviewed, ranked.

    Paging by `after` stays right while others decide.
    """
    query = as_sought(read_query(request, QueueQuery))
    filters = _filters(query)
    found = parts().reviews.queue(query.state, rank=query.rank, limit=query.limit + 1, after=query.after, **filters)
    note_look("flags: looked at", "proctor")
    items = each(flagged_answer, parts().answers.with_answers(found[: query.limit]))
    return reply(ReviewQueue(items=items, count=len(items), **_counts(query), next_after=next_after(found, query.limit)))


@reviews.post("/<video_id>")
@describe(Decided, body=Decide, query=ReviewFilter, errors=(404, 409, 503))
def decide(video_id: str) -> Response:
    """Decide about a flagged interval, or take one's decision back.

    Another person's decision about one that is decided is kept as an opinion beside it: what most persons say stands, and where as many say the one
    as the other it is `disputed` until one more settles it. `left` counts with the filters of the query. 409 (`reason`: `answered`) with the
    `answer` that came since the one of `answered_at`.
    """
    check_video_id(video_id)
    filters = as_sought(read_query(request, ReviewFilter))
    wanted = read_body(request, Decide)
    review = parts().reviews.decide(
        video_id,
        wanted.decision,
        by=wanted.by,
        reason=wanted.reason or "",
        note=wanted.note,
        amends=wanted.amends,
        answer_seen=wanted.answered_at if "answered_at" in wanted.model_fields_set else "any",
    )
    note(f"review: {wanted.decision or 'taken back'}", wanted.by, video_id=video_id, reason=wanted.reason or "", note=wanted.note)
    interval = parts().database.interval(video_id)
    if (session := parts().monitor.get(interval["session_id"])) is not None:
        session.flags_seen.mark([interval["index"]])
    tell_review(interval, review)
    return reply(Decided(video_id=video_id, review=ReviewAnswer.model_validate(review), **_counts(filters)))


@reviews.get("/<video_id>/history")
@describe(ReviewHistory, errors=(404, 503))
def history(video_id: str) -> Response:
    """Show every decision about an interval, those taken back too."""
    check_video_id(video_id)
    interval = parts().database.interval(video_id)
    made = [Opinion.model_validate(entry) for entry in parts().reviews.history(video_id)]
    review = REVIEW.fit(interval.get("review"))[0]
    return reply(ReviewHistory(video_id=video_id, review=ReviewAnswer.model_validate(review), history=made))


@reviews.get("/<video_id>/readings")
@describe(ClipReadings, errors=(404, 503))
def readings(video_id: str) -> Response:
    """Show what was read of the pictures in an interval's clip: boxes and where the student looked, by the clip's time."""
    check_video_id(video_id)
    found = clip_readings(parts().database, parts().database.interval(video_id))
    return reply(ClipReadings.model_validate({"video_id": video_id, **found}))


class _Counts(TypedDict):
    left: int
    disputed: int


def _counts(query: ReviewFilter) -> _Counts:
    counts = parts().reviews.counts(("open", "disputed"), **_filters(query))
    return _Counts(left=counts["open"], disputed=counts["disputed"])


def _filters(query: ReviewFilter) -> dict[str, Any]:
    return {"exams": caller().exam_condition("look"), "exam_id": query.exam_id, "user_id": query.user_id, "search": query.search, "kind": query.kind}
