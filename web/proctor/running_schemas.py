"""The bodies and answers of what a proctor does with a running session."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from web.calls.values import Person, Text, Words


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


class MakeLink(BaseModel):
    """Another link for the student of a running session, and who makes it."""

    by: Person = "proctor"


class LinkMade(BaseModel):
    """The address at which the student begins the exam, or goes on with it. Links made before stay good."""

    success: Literal[True] = True
    session_id: str
    portal_url: str


class ReopenSession(BaseModel):
    """A session that was interrupted is to go on, and who says so."""

    by: Person = "proctor"


class Reopened(BaseModel):
    """The session goes on. `portal_url`: the address at which its student does; null where a station of the server is watched."""

    success: Literal[True] = True
    session_id: str
    portal_url: str | None = None


class EndSession(BaseModel):
    """Why a session is ended, and by whom."""

    reason: Text = ""
    by: Person = "proctor"
