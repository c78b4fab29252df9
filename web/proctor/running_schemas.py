"""The bodies and answers of what a proctor does with a running session."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from web.calls.paging import LONGEST_PAGE
from web.calls.spoken import SPOKEN, SpokenLanguage
from web.calls.values import Identifier, Person, Text, Words


class SetBreak(BaseModel):
    """A break begins or ends."""

    on: bool
    reason: Text = ""
    by: Person = "proctor"


class BreakAnswer(BaseModel):
    """A break: `start` and `end` in seconds on the session's clock, `end` null while it lasts."""

    start: float
    end: float | None
    by: str
    reason: str = ""


class BreakSet(BaseModel):
    """The session's breaks as they now are."""

    success: Literal[True] = True
    on_break: bool
    breaks: list[BreakAnswer]


class SendMessage(BaseModel):
    """Words for the student."""

    text: Words
    level: Literal["message", "warning"] = "message"
    by: Person = "proctor"


class MessageAnswer(BaseModel):
    """Words said to the student: `at` in seconds on the session's clock."""

    id: str
    text: str
    level: Literal["message", "warning"]
    by: str
    at: float
    delivered: bool
    read: bool = Field(default=False, description="The student has said so.")


class MessageSent(BaseModel):
    """The student's page is connected and is told."""

    success: Literal[True] = True
    message: MessageAnswer


class SendToExam(SendMessage):
    """Words for every student of an exam whose session runs; without `exam_id` of the exam that has no id."""

    exam_id: Identifier | None = Field(default=None, examples=["exam001"])


class NotReached(BaseModel):
    """A student who can't be written to. `no_page`: a station of the server is watched; `limit`: too many messages were sent in this session;
    `elsewhere`: the exam runs at another server."""

    session_id: str
    user_id: str
    reason: Literal["no_page", "limit", "elsewhere"]


class ExamMessageSent(BaseModel):
    """The words are kept for `sent` students; `waiting` of them have no page connected now, and are told when it comes back."""

    success: Literal[True] = True
    sent: int
    waiting: int
    not_reached: list[NotReached] = Field(default_factory=list)


class MarkMoment(BaseModel):
    """A moment to be marked: now, or `seconds_ago`, when the proctor saw it; at most an interval ago counts."""

    note: Text = Field(default="", description="For who reviews it; the student does not read it.")
    seconds_ago: float = Field(default=0, ge=0, le=600)
    by: Person = "proctor"


class MarkAnswer(BaseModel):
    """A marked moment: `at` in seconds on the session's clock, in the interval `interval`, whose clip is kept as `video_id`."""

    id: str
    at: float
    by: str
    note: str
    interval: int
    video_id: str


class MomentMarked(BaseModel):
    """The moment is marked, and its interval's clip will be made."""

    success: Literal[True] = True
    mark: MarkAnswer


class MarkSeen(BaseModel):
    """Flags that a proctor has seen."""

    intervals: list[Annotated[int, Field(ge=0, le=10_000_000)]] | None = Field(
        default=None, max_length=LONGEST_PAGE, description="Numbers of their intervals; none: every flag so far."
    )
    by: Person = "proctor"


class Seen(BaseModel):
    """The flags are seen, for every proctor."""

    success: Literal[True] = True
    unseen: int = Field(description="Flags of the session that nobody has seen.")


class MakeLink(BaseModel):
    """Another link for the student of a running session, and who makes it."""

    by: Person = "proctor"
    language: SpokenLanguage | None = Field(default=None, description=SPOKEN)


class LinkMade(BaseModel):
    """The address at which the student begins the exam, or goes on with it. Links made before are over."""

    success: Literal[True] = True
    session_id: str
    portal_url: str


class ReopenSession(BaseModel):
    """A session that was interrupted is to go on, and who says so."""

    by: Person = "proctor"
    language: SpokenLanguage | None = Field(default=None, description=SPOKEN)


class Reopened(BaseModel):
    """The session goes on. `portal_url`: the address at which its student does; null where a station of the server is watched."""

    success: Literal[True] = True
    session_id: str
    portal_url: str | None = None


class EndSession(BaseModel):
    """Why a session is ended, and by whom."""

    reason: Text = ""
    by: Person = "proctor"
