"""The bodies, queries and answers of the REST calls as pydantic models.

They check what comes in, shape what goes out, and are the schemas of the OpenAPI page.
"""

from __future__ import annotations

import json
import unicodedata
from datetime import datetime, timezone
from typing import Annotated, Any, Literal, TypeVar

from flask import Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, WithJsonSchema

from basics.errors import InvalidInput, TooLarge, Unsupported
from basics.readings import ViolationKind
from basics.times import iso_time
from sessions.ends import EndCode

LONGEST_ID = 128  # characters, after NFC
ID_RULE = "An id has 1 to 128 characters: letters and digits of any script, `.`, `_`, `@`, `-`, no leading dot."
ID_PATTERN = r"^[^.\s/\\][^\s/\\]*$"  # what JSON Schema's portable expressions can say of the rule
ROW_ID_PATTERN = r"^[0-9a-f]{32}-[0-9]{1,9}$"

PAGE = 100  # flagged intervals in one answer, unless asked otherwise
LONGEST_PAGE = 960  # intervals (8 hours of them) and checks (2 h 40 min) in one answer; one less than the database gives at once


def normal_id(value: object) -> str:
    """The id in NFC. Raise `ValueError` that says what is wrong with it."""
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {_json_type(value)}")  # noqa: TRY004 (pydantic wants ValueError)
    if not value:
        raise ValueError(f"is empty. {ID_RULE}")
    if len(value) > 4 * LONGEST_ID:  # NFC shortens a text to a fourth at most; don't spend time on a longer one
        raise ValueError(f"has {len(value)} characters. {ID_RULE}")
    value = unicodedata.normalize("NFC", value)
    if len(value) > LONGEST_ID:
        raise ValueError(f"has {len(value)} characters. {ID_RULE}")
    for position, character in enumerate(value, 1):
        if unicodedata.category(character)[0] not in "LMN" and character not in "._@-":
            raise ValueError(f"has {_name(character)} at position {position}. {ID_RULE}")
    if value[0] == ".":
        raise ValueError(f"begins with a dot. {ID_RULE}")
    return value


def _utc(value: object) -> object:
    """MongoDB keeps UTC; a driver may give it without its zone."""
    return value.replace(tzinfo=timezone.utc) if isinstance(value, datetime) and value.tzinfo is None else value


_ID_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": ID_PATTERN, "description": ID_RULE})
Identifier = Annotated[str, BeforeValidator(normal_id), _ID_SCHEMA]
_TIME_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})
Time = Annotated[datetime, BeforeValidator(_utc), PlainSerializer(iso_time, when_used="json"), _TIME_SCHEMA]
RowId = Annotated[str, Field(pattern=ROW_ID_PATTERN)]  # an interval or a check: its session and its number


# What comes in


class StudentExam(BaseModel):
    """Which student, in which exam."""

    user_id: Identifier = Field(examples=["student123"])
    exam_id: Identifier | None = Field(default=None, examples=["exam001"])


class StudentStart(StudentExam):
    """A student's exam to be started by its page."""

    nonce: str | None = Field(
        default=None,
        pattern=r"^[0-9A-Za-z-]{16,64}$",
        description="A secret of the browser's own: with it, it gets the token of the exam that it started again, where answer or page were lost.",
    )


class CreateSession(StudentExam):
    """A session to be started. `source` defaults to DEFAULT_SOURCE; `station` is for `local` only."""

    source: Literal["local", "browser"] | None = None
    station: str | None = Field(default=None, min_length=1, max_length=LONGEST_ID, description="A station's name from STATIONS; none: `default`.")


class DetailsQuery(BaseModel):
    """Which part of a session's records."""

    limit: int = Field(LONGEST_PAGE, ge=1, le=LONGEST_PAGE, description="Most intervals, and most checks, in the answer.")
    after: RowId | None = Field(default=None, description="Only intervals after this one (`next_after` of the answer before).")
    checks_after: RowId | None = Field(default=None, description="Only checks after this one (`next_checks_after`, likewise).")
    readings: bool = Field(default=False, description="With each check every single reading too; several KB a check.")


class FlaggedQuery(BaseModel):
    """Which flagged intervals."""

    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE, description="Most intervals in the answer.")
    after: RowId | None = Field(default=None, description="Only older ones than this (`next_after` of the answer before).")
    exam_id: Identifier | None = None
    user_id: Identifier | None = None


# What goes out. More fields may follow; a client ignores what it doesn't know.


class Problem(BaseModel):
    """What went wrong. Some codes bring more fields, such as `session_id` of the session that is in the way."""

    model_config = ConfigDict(extra="allow")
    code: str = Field(examples=["not_found"])
    message: str = Field(description="What was wrong, with which value, and what to do.")
    field: str | None = Field(default=None, description="The field of the body or the query at fault.")


class ErrorAnswer(BaseModel):
    """The one form of every error."""

    success: Literal[False] = False
    error: Problem


class SessionCreated(BaseModel):
    """The session runs, and is stored."""

    success: Literal[True] = True
    session_id: str
    user_id: str
    exam_id: str | None
    portal_url: str | None = Field(default=None, description="For `browser`: the address the student opens. It holds the student's token.")


class StudentStarted(SessionCreated):
    """The student's exam runs. `token` is for the student's link and `GET /api/student/session`."""

    token: str
    portal_url: str


class SessionEnded(BaseModel):
    """The session has ended, with its score."""

    success: Literal[True] = True
    session_id: str
    total_score: int
    flagged_intervals: int


class Video(BaseModel):
    """The pictures that the student's page is asked for."""

    fps: float
    width: int
    height: int
    quality: float = Field(description="Of a JPEG, 0 to 1.")
    codecs: list[str] = Field(description="What the server takes, best first: `h264` (Annex B, no B frames) and `jpeg`.")
    bitrate: int = Field(description="Bits a second of H.264.")
    still_s: float = Field(description="Seconds without one changed pixel after which the page tells its camera to be frozen.")


class StudentSession(BaseModel):
    """What a student's page needs to know of its session; nothing about scores."""

    session_id: str
    user_id: str
    exam_id: str | None
    state: Literal["running", "ended", "interrupted"]
    end_reason: str = Field(default="", description="Why it ended, as `ended` on the link says it.")
    end_code: str = Field(default="", description="The same as a code; empty while it runs.")
    end_note: str = Field(default="", description="What the proctor wrote with it, or how long the server was away.")
    begun: bool = Field(default=True, description="False until the student's page was connected for the first time: the clock stands.")
    connected: bool = Field(default=False, description="Is a page connected, here or elsewhere? One that comes now takes its place.")
    rules: dict[str, Any] = Field(description="`watched`: the kinds looked for; `clip_preroll_s`, `clip_postroll_s`: seconds kept around a flag.")
    video: Video
    interval_s: float
    elapsed_s: float | None
    accommodation: dict[str, Any] | None = Field(
        default=None,
        description="What is different for this student: `signals_off`, `signals_weighed`, `reading_aloud`, `breaks_allowed`, "
        "`break_minutes`, `set_by`.",
    )
    breaks_left: int = 0
    on_break: bool = False
    screen_capture: Literal["off", "optional", "required"] = Field(default="off", description="Whether stills of the shared screen are asked for.")
    exam_url: str = Field(default="", description="The exam's own page, to be shown in a frame; empty: none.")


class ActiveSession(BaseModel):
    """A running session, as it stands."""

    model_config = ConfigDict(extra="allow")
    user_id: str
    exam_id: str | None
    session_id: str
    interval_score: int
    total_score: int
    is_running: bool
    flagged_intervals: int = 0
    source: str = "local"
    station: str | None = None
    started_at: Time | None = None
    elapsed_s: float = 0
    interval_index: int = 0
    gaze: str = "unknown"
    faces: int | None = None
    phone: bool | None = None
    devices: dict[str, Any] = Field(default_factory=dict)
    violations: list[ViolationAnswer] = Field(default_factory=list)


class ActiveSessions(BaseModel):
    """Every running session."""

    sessions: list[ActiveSession]
    count: int


class Stats(BaseModel):
    """All sessions in four numbers."""

    total_sessions: int
    active_sessions: int
    flagged_intervals: int
    high_risk: int = Field(description="Sessions with HIGH_RISK_FLAGS flagged intervals or more.")


class ViolationAnswer(BaseModel):
    """Something that counted: `start` and `end` in seconds on the session's clock."""

    kind: ViolationKind
    start: float
    end: float
    points: int
    occurrences: int = 1
    evidence: dict[str, Any] = Field(default_factory=dict, description="The numbers it rests on.")
    text: str = Field(default="", description="The same as a sentence.", examples=["Two people in view for 12 s (+10)"])


class ClipAnswer(BaseModel):
    """The clip of an interval. `none`: not flagged. `failed`: with the `reason`."""

    state: Literal["none", "pending", "ready", "failed"] = "none"
    url: str | None = Field(default=None, description="Where the MP4 is, once it is `ready`.")
    path: str | None = Field(default=None, description="Its path under flagged_videos/.")
    sha256: str | None = None
    duration: float | None = None
    size_bytes: int | None = None
    reason: str | None = None
    start: float | None = Field(default=None, description="Where the clip begins, in seconds on the session's clock.")
    marks: list[tuple[str, float, float]] = Field(default_factory=list, description="Violations: kind, from, to, in seconds of the clip.")


class Opinion(BaseModel):
    """One person's decision about a flagged interval."""

    decision: Literal["confirmed", "dismissed"] | None = None
    reason: str = ""
    note: str = ""
    by: str = ""
    at: Time | None = None


class ReviewAnswer(Opinion):
    """Where a flagged interval stands: the first person's decision, and a second person's opinion beside it."""

    second: Opinion | None = None
    state: Literal["open", "confirmed", "dismissed", "disputed"] = "open"


class IntervalAnswer(BaseModel):
    """One interval of a session: `start` and `end` in seconds on the session's clock."""

    video_id: str
    index: int
    start: float
    end: float
    started_at: Time | None = None
    ended_at: Time | None = None
    score: int
    flagged: bool
    flagged_at: Time | None = None
    closed: bool = Field(description="False while it goes on.")
    revision: int = 0
    violations: list[ViolationAnswer] = Field(default_factory=list)
    clip: ClipAnswer = Field(default_factory=ClipAnswer)
    review: ReviewAnswer = Field(default_factory=ReviewAnswer)
    stills: int = Field(default=0, description="How many stills of the shared screen there were in it.")


class FlaggedAnswer(IntervalAnswer):
    """A flagged interval, with its session and the reasons as sentences."""

    session_id: str
    user_id: str
    exam_id: str | None
    url: str | None = Field(description="Where its clip is, once there is one.")
    reasons: list[str]


class FlaggedList(BaseModel):
    """Flagged intervals, newest first. `count` is how many are in this answer."""

    flagged: list[FlaggedAnswer]
    count: int
    next_after: str | None = Field(default=None, description="`after` for the next ones; null: there are no more.")


class CheckAnswer(BaseModel):
    """What was read between two checks."""

    model_config = ConfigDict(extra="allow")
    number: int
    start: float
    end: float
    started_at: Time | None = None
    gaze: dict[str, float] = Field(default_factory=dict, description="Share of each direction.")
    persons: dict[str, int | None] = Field(default_factory=dict, description="`least` and `greatest`.")
    speech_s: float = 0
    voices: int | None = None
    acts: dict[str, int] = Field(default_factory=dict)
    unknown: dict[str, float] = Field(default_factory=dict, description="What couldn't be told, by reason.")
    phone: bool | None = None
    rates: dict[str, Any] = Field(default_factory=dict)
    readings: dict[str, Any] | None = Field(default=None, description="Every reading, where `readings=true` asked for them.")


class SessionAnswer(BaseModel):
    """A session as it is stored, with what is newer while it runs."""

    session_id: str
    user_id: str
    exam_id: str | None = None
    source: str = "local"
    station: str | None = None
    state: Literal["running", "ended", "interrupted"]
    is_running: bool
    started_at: Time
    ended_at: Time | None = None
    end_reason: str | None = None
    end_code: EndCode | None = None
    end_note: str | None = None
    ended_after_s: float | None = None
    elapsed_s: float | None = Field(default=None, description="While it runs.")
    total_score: int = 0
    flagged_intervals: int = 0
    intervals: int | None = Field(default=None, description="How many there are.")
    interval_index: int | None = Field(default=None, description="While it runs.")
    interval_score: int | None = Field(default=None, description="While it runs.")
    devices: dict[str, Any] = Field(default_factory=dict)
    rates: dict[str, Any] = Field(default_factory=dict)
    baseline: dict[str, Any] = Field(default_factory=dict)
    on_break: bool = False
    accommodation: dict[str, Any] | None = Field(default=None, description="As it was when the session started; null: none.")
    breaks: list[dict[str, Any]] = Field(default_factory=list, description="`start`, `end` (s on the session's clock), `by`, `reason`.")
    messages: list[dict[str, Any]] = Field(default_factory=list, description="What the student was told: `text`, `level`, `by`, `at`, `delivered`.")
    checks_before: dict[str, Any] | None = Field(default=None, description="The check before the exam: `at`, `results`, `user_agent`.")
    rehearsal: dict[str, Any] | None = Field(default=None, description="The student's last rehearsal of this check, likewise.")


class SessionDetails(BaseModel):
    """A session, its rules, its intervals and its checks."""

    session: SessionAnswer
    rules: dict[str, Any]
    intervals: list[IntervalAnswer]
    checks: list[CheckAnswer]
    next_after: str | None = Field(default=None, description="`after` for the next intervals; null: there are no more.")
    next_checks_after: str | None = Field(default=None, description="`checks_after` for the next checks; null: there are no more.")


class Health(BaseModel):
    """`degraded`: it serves, and some part needs a look. Without a login only `status` is told."""

    status: Literal["ok", "degraded"]
    uptime_s: float | None = None
    notes: list[str] | None = Field(default=None, description="What an operator should know of this server.")
    parts: dict[str, Any] | None = Field(default=None, description="Each part's `state`, with the `reason` where it isn't well.")


Model = TypeVar("Model", bound=BaseModel)


def read_body(request: Request, model: type[Model]) -> Model:
    """The body of `request` as a `model`. Raise `TooLarge`, `Unsupported`, or `InvalidInput`, which names the field."""
    raw = request.get_data(cache=False)
    limit = request.max_content_length or 0
    if request.content_length is None and limit and len(raw) >= limit:  # a chunked body is cut there without a word
        raise TooLarge(f"The body is larger than the {limit // 1024} KB allowed (MAX_BODY_KB).")
    if not request.is_json:
        if not raw and not request.mimetype:
            raise InvalidInput('The body is missing. Send JSON such as {"user_id": "student123"} with the header Content-Type: application/json.')
        given = request.mimetype[:100] or "no Content-Type"
        mend = "Send the header Content-Type: application/json (curl: -H 'Content-Type: application/json')."
        raise Unsupported(f"The body must be JSON, and this one is said to be {given}. {mend}")
    try:
        content = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f'The body isn\'t JSON: {str(error)[:200]}. Send an object such as {{"user_id": "student123"}}.') from None
    if not isinstance(content, dict):
        raise InvalidInput(f'The body must be a JSON object such as {{"user_id": "student123"}}, not {_json_type(content)}.')
    return _validate(model, content)


def read_query(request: Request, model: type[Model]) -> Model:
    """The query of `request` as a `model`. Raise `InvalidInput`, which names the field."""
    return _validate(model, request.args.to_dict())


def reply(answer: BaseModel, status: int = 200) -> Response:
    """`answer` as JSON."""
    return Response(answer.model_dump_json(by_alias=True), status=status, mimetype="application/json")


def _validate(model: type[Model], content: dict[str, Any]) -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    message = problem["msg"].removeprefix("Value error, ")
    name = str(problem["loc"][0])
    if problem["type"] == "missing":
        message = "is missing"
    elif not message.startswith(("is ", "has ", "must ", "begins ")):
        message = f"is wrong: {message}"
    raise InvalidInput(f"{name} {message.rstrip('.')}.", field=name)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def _json_type(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _name(character: str) -> str:
    """A character for a message: itself where it shows, else its number (a control character or half a pair would spoil the message)."""
    shown = f"{character!r} " if character.isprintable() and character != " " else "a space " if character == " " else ""
    return f"{shown}(U+{ord(character):04X})"


ActiveSession.model_rebuild()
