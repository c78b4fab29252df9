"""The bodies, queries and answers of the calls by which people compare who takes an exam."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.plain_text import printable
from media.identity_pictures import Kind
from records.identity import TEXT_MAX, Asked, Decision, Given, Stands
from web.calls.values import DOCUMENT_ID_PATTERN, Person, Time

Said = Annotated[str, StringConstraints(strip_whitespace=True, max_length=TEXT_MAX), AfterValidator(printable)]


class IdentityQuery(BaseModel):
    """Which students, by what is decided; in pages of at most 50."""

    state: Literal["all", "open", "accepted", "queried"] = "all"
    limit: int = Field(default=20, ge=1, le=50)
    after: str | None = Field(default=None, pattern=DOCUMENT_ID_PATTERN, description="The `session_id` of the last one already seen.")


class IdentityPicture(BaseModel):
    """A picture; `url` gives it. `at_s`: seconds on the session's clock, null: before it. `still`: of the face, from the camera in the exam."""

    name: str
    kind: Kind
    at: Time
    at_s: float | None
    width: int
    height: int
    sha256: str
    asked: str = Field(description="The id of the request that it answers; empty: none.")
    url: str


class SaidAnswer(BaseModel):
    """What the student's step before the exam came to; `unknown` counts nothing."""

    face: Given
    card: Given
    words: str
    at: Time


class AskedAnswer(BaseModel):
    """A request for a picture, and what the student answered; empty: nothing yet."""

    id: str
    what: Asked
    by: str
    at: Time
    answer: Literal["", "given", "declined"]
    words: str
    answered_at: Time | None


class IdentityAct(BaseModel):
    """A decision: whose, when, and which pictures there were to compare."""

    decision: Decision
    text: str
    by: str
    at: Time
    compared: list[str] = []


class IdentityLine(BaseModel):
    """One session with all that there is to compare, oldest pictures first, and every decision."""

    session_id: str
    user_id: str
    name: str = ""
    exam_id: str | None
    state: str
    begun: bool
    stands: Stands
    revision: int
    said: SaidAnswer | None
    pictures: list[IdentityPicture]
    pictures_deleted_at: Time | None = Field(default=None, description="When they were deleted, because their time was over.")
    asked: list[AskedAnswer]
    decision: IdentityAct | None
    history: list[IdentityAct]
    may_decide: bool
    may_ask: list[Asked] = Field(description="For what pictures the caller may ask now.")
    unreadable: list[str] = Field(default=[], description="What of it was damaged in the database, and is left out.")


class IdentityAnswer(BaseModel):
    """One session."""

    success: Literal[True] = True
    session: IdentityLine


class IdentitySums(BaseModel):
    """How many sessions stand how."""

    all: int
    open: int
    accepted: int
    queried: int


class ExamIdentity(BaseModel):
    """The sessions of an exam that asked for pictures, by student."""

    exam_id: str
    title: str
    asks: bool = Field(description="Does the exam ask for pictures now?")
    room_view: bool
    anonymous: bool = Field(description="Are students reviewed without names here? Pictures are shown in these calls only.")
    keep_days: int = Field(description="Days after the exam for which pictures are kept; 0: as long as their session.")
    sums: IdentitySums
    sessions: list[IdentityLine]
    count: int
    next_after: str | None = None


class DecideIdentity(BaseModel):
    """A person accepts who took the exam, or queries it in words."""

    decision: Decision
    text: Said = Field(default="", description="Needed with `queried`.")
    revision: int = Field(ge=0, description="The session's `revision` that the person saw; 0: nothing was decided.")
    by: Person = "proctor"


class AskPicture(BaseModel):
    """Ask the student of a running session for a picture."""

    what: Asked
    by: Person = "proctor"
