"""What webhooks are sent, as the OpenAPI document describes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from typing_extensions import Required, TypedDict

from records.hook_events import Event
from web.calls.values import Time


class HookNoticeData(TypedDict, total=False):
    """What happened, in ids, numbers and states. Which fields there are beside `sequence` depends on the event."""

    sequence: Required[Annotated[int, Field(description="Grows with each notice of a session; it may leave numbers out.")]]
    session_id: str
    exam_id: str | None
    user_id: str | None
    interval_id: str
    student_name: Annotated[str, Field(description="Where names are told.")]
    source: Annotated[str, Field(description="`browser` or `local`.")]
    state: Annotated[str, Field(description="Of a session that ended, of an interval's review, or of a conclusion.")]
    reason: Annotated[str, Field(description="Why a session ended, as a code.")]
    ended_at: Time
    score: int
    flags: Annotated[int, Field(description="How many intervals of the session are flagged.")]
    index: Annotated[int, Field(description="The interval's number in its session.")]
    flagged: bool
    revision: int
    kinds: Annotated[list[str], Field(description="Kinds of violations.")]
    duration_s: float
    size_bytes: int
    decision: Annotated[str | None, Field(description="Null: it was taken back.")]
    conclusion: str | None
    act: Annotated[str, Field(description="What was done about a conclusion.")]
    by: Annotated[str, Field(description="Who decided, where names are told.")]


class HookNotice(BaseModel):
    """One notice."""

    type: Literal[Event, "endpoint.test"] = Field(description="`endpoint.test`: somebody tries the webhook.")
    timestamp: Time = Field(description="When it happened.")
    data: HookNoticeData
