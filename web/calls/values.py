"""The values that calls take and give: ids, times, names and words, each with its rule and its place in the OpenAPI page."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

from basics.errors import NotFound
from basics.identifiers import ID_RULE, LONGEST_ID, json_type, normal_id
from basics.plain_text import one_line, printable
from basics.texts import _
from basics.times import iso_time
from web.access.signing import SESSION_ID

__all__ = ["ID_RULE", "LONGEST_ID", "json_type", "normal_id", "one_line", "printable"]  # from below, as all calls take them from here

LONGEST_TEXT = 500  # characters of a message or a note
ID_PATTERN = r"^[^.\s\\][^\s\\]*$"  # what JSON Schema's portable expressions can say of the rule
DOCUMENT_ID_PATTERN = r"^[0-9a-f]{32}$"
# An interval or a check: its session and its number, of as many digits as a number of an interval before the year 10,000 can have, so that
# whatever was ever stored can be named in every call.
ROW_ID_PATTERN = r"^[0-9a-f]{32}-[0-9]{1,12}$"
VIDEO_ID = re.compile(ROW_ID_PATTERN.strip("^$"))  # of an interval and of its clip


def _utc(value: object) -> object:
    """MongoDB keeps UTC; a driver may give it without its zone."""
    return value.replace(tzinfo=timezone.utc) if isinstance(value, datetime) and value.tzinfo is None else value


_ID_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": ID_PATTERN, "description": ID_RULE})
Identifier = Annotated[str, BeforeValidator(normal_id), _ID_SCHEMA]
_TIME_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})
Time = Annotated[datetime, BeforeValidator(_utc), PlainSerializer(iso_time, when_used="json"), _TIME_SCHEMA]
RowId = Annotated[str, Field(pattern=ROW_ID_PATTERN)]  # an interval or a check: its session and its number
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128), AfterValidator(printable), AfterValidator(one_line)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT), AfterValidator(printable)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT), AfterValidator(printable)]


class StudentExam(BaseModel):
    """Which student, in which exam."""

    user_id: Identifier = Field(examples=["student123"])
    exam_id: Identifier | None = Field(default=None, examples=["exam001"])


def check_session_id(session_id: str) -> None:
    """Raise `NotFound` for what can't be a session's id, before anybody is asked for it."""
    if not SESSION_ID.fullmatch(session_id):
        raise NotFound(
            _("There is no session %(session_id)s: a session's id has 32 hexadecimal digits.", session_id=repr(session_id[:64])), field="session_id"
        )


def check_video_id(video_id: str) -> None:
    """Raise `NotFound` for what can't be an interval's id, before anybody is asked for it."""
    if not VIDEO_ID.fullmatch(video_id):
        raise NotFound(
            _("There is no interval %(video_id)s: its id is its session's and its number, with a dash between.", video_id=repr(video_id[:64])),
            field="video_id",
        )
