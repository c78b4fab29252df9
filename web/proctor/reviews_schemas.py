"""The bodies, queries and answers of the calls by which people decide about flagged intervals."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from basics.signals import ViolationKind
from basics.texts import _
from web.calls.paging import LONGEST_PAGE, PAGE
from web.calls.values import Identifier, Person, RowId, Text, Time
from web.proctor.interval_schemas import FlaggedAnswer, Opinion, ReviewAnswer

DismissReason = Literal[
    "other_person_harmless",
    "glasses",
    "light",
    "reading_aloud",
    "device",
    "nothing_to_see",
    "accommodation",
    "agreed",
    "connection",
    "other",
]


class Decide(BaseModel):
    """One person's decision. `decision` null takes that person's last one back."""

    decision: Literal["confirmed", "dismissed"] | None
    reason: DismissReason | None = Field(default=None, description="Needed with `dismissed`.", validate_default=True)
    note: Text = ""
    by: Person = Field(description="Who decides.", examples=["Ada Byron"])
    amends: bool = Field(default=False, description="It is this person's last decision once more, with another note: both are taken back together.")
    answered_at: Time | None = Field(
        default=None,
        description="`at` of the student's answer that was shown to whoever decides, null where there was none: where another is there by now, 409 "
        "(`reason`: `answered`) brings it as `answer`. Left out: nobody asks.",
    )

    @field_validator("reason")
    @classmethod
    def _say_why(cls, value: DismissReason | None, info: ValidationInfo) -> DismissReason | None:
        if value is None and info.data.get("decision") == "dismissed":
            raise ValueError(_("is missing: say why it is dismissed, by one of %(reasons)s", reasons=", ".join(get_args(DismissReason))))
        return value


class ReviewFilter(BaseModel):
    """Which flagged intervals are counted as left."""

    exam_id: Identifier | None = None
    user_id: Identifier | None = None
    search: Identifier | None = Field(default=None, description="Only students whose ID has this in it, in upper or lower case.")
    kind: ViolationKind | None = Field(default=None, description="Only those with a violation of this kind.")


class QueueQuery(ReviewFilter):
    """Which flagged intervals, in which order."""

    state: Literal["open", "confirmed", "dismissed", "disputed", "answered", "all"] = Field(
        default="open", description="`answered`: decided, and the student answered since."
    )
    rank: Literal["score", "newest", "student"] = Field(
        default="score", description="`score`: those with most points first; `student`: by student, each one's oldest first."
    )
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE, description="Most intervals in the answer.")
    after: RowId | None = Field(default=None, description="Only those behind this one (`next_after` of the answer before), decided meanwhile or not.")


class ReviewQueue(BaseModel):
    """Flagged intervals to be reviewed. `left`: how many nobody has decided, `disputed`: how many as many people confirm as dismiss, with the
    same filters but `state`."""

    items: list[FlaggedAnswer]
    count: int
    left: int
    disputed: int
    next_after: str | None = Field(default=None, description="`after` for the next ones; null: there are no more.")


class Decided(BaseModel):
    """The decision is stored."""

    success: Literal[True] = True
    video_id: str
    review: ReviewAnswer
    left: int
    disputed: int


class GazeInClip(BaseModel):
    """Where the student looked: `at` in seconds of the clip, `box` the face's as `x1, y1, x2, y2` in pixels of a picture of `width` and `height`."""

    at: float
    direction: str
    box: list[float] | None = Field(default=None, description="Null: there was none, or an older version stored none.")
    width: int = 0
    height: int = 0


class PersonsInClip(BaseModel):
    """Who and what was in view: `at` in seconds of the clip, boxes as `x1, y1, x2, y2, confidence` in pixels of a picture of `width` and `height`."""

    at: float
    count: int | None
    persons: list[list[float]]
    phones: list[list[float]]
    width: int = 0
    height: int = 0


class ClipReadings(BaseModel):
    """What was read of the pictures in a clip, each list in order; both are empty where there is no clip."""

    video_id: str
    gaze: list[GazeInClip]
    persons: list[PersonsInClip]


class ReviewHistory(BaseModel):
    """Every decision about one interval, oldest first; one without a `decision` took that person's last one back."""

    video_id: str
    review: ReviewAnswer
    history: list[Opinion]
