"""The bodies and answers of the calls on webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.texts import from_kept
from basics.times import utc_now
from records.hook_address import LONGEST
from records.hook_events import EVENTS, TEST, Event
from records.hooks import ENDPOINTS_MAX, EXAMS_MAX, NAME_MAX, Endpoint
from scoring.exam import TITLE_MAX
from web.calls.paging import LONGEST_PAGE
from web.calls.values import Identifier, Time, one_line, printable
from web.languages import said

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_MAX), AfterValidator(printable), AfterValidator(one_line)
]
Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]
Course = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_MAX), AfterValidator(printable), AfterValidator(one_line)
]
Courses = Annotated[list[Course], Field(max_length=EXAMS_MAX)]
Events = Annotated[list[Event], Field(max_length=len(EVENTS))]
Exams = Annotated[list[Identifier], Field(max_length=EXAMS_MAX)]
State = Literal["waiting", "delivered", "given_up"]


class Hook(BaseModel):
    """One webhook. Its secret is not among what is told."""

    id: str
    name: str
    url: str
    events: list[str] = Field(description="Empty: all of them.")
    exams: list[str] = Field(description="The exams of which it is told; without any exams and courses: all.")
    courses: list[str]
    names: bool = Field(description="Names of students and of who decided are told, where they are known and the exam's review is not anonymous.")
    enabled: bool
    disabled_why: str = Field(description="Why the server disabled it; empty where it did not.")
    failing_since: Time | None = Field(description="Since when it has taken nothing of what it was sent; null where it takes it.")
    failing_why: str
    slow_until: Time | None = Field(description="Until when the endpoint asked to be left alone.")
    old_secret_until: Time | None = Field(description="Until when the secret from before the newest signs too.")
    made_at: Time | None
    made_by: str


class HookList(BaseModel):
    """The webhooks, by name; every event that there is; how many there may be; the hosts of HOOKS_PRIVATE_HOSTS."""

    hooks: list[Hook]
    events: list[str]
    most: int = ENDPOINTS_MAX
    private_hosts: list[str]


class HookAnswer(BaseModel):
    """The webhook as it is now."""

    hook: Hook


class HookMade(BaseModel):
    """The webhook, and the secret by which its receiver tells who sends: shown this once."""

    hook: Hook
    secret: str


class AddHook(BaseModel):
    """A new webhook: it is told what happens from now on."""

    name: Name = Field(examples=["Exam office"])
    url: Url = Field(examples=["https://exams.uni.example/hooks/proctor"], description="https, or http for a host of HOOKS_PRIVATE_HOSTS.")
    events: Events = Field(default_factory=list, description="Empty: all of them.")
    exams: Exams = Field(default_factory=list, description="Only these exams, and those of `courses`; both empty: all.")
    courses: Courses = Field(default_factory=list)
    names: bool = Field(default=False, description="Tell names, too.")


class ChangeHook(BaseModel):
    """What is to be different; what is left out stays. What waits is sent once it is enabled again."""

    name: Name | None = None
    url: Url | None = None
    events: Events | None = None
    exams: Exams | None = None
    courses: Courses | None = None
    names: bool | None = None
    enabled: bool | None = None


class Delivery(BaseModel):
    """One notice, and what came of the last try to send it."""

    id: str
    event_id: str = Field(description="The header `webhook-id`: the same with every try.")
    type: str
    session_id: str | None
    sequence: int = Field(description="Its place among the notices of its session.")
    state: State
    made_at: Time | None
    due_at: Time | None = Field(description="When it is tried, where it waits.")
    tries: int
    tried_at: Time | None
    status: int = Field(description="What was answered; 0: nothing.")
    said: str = Field(description="How the answer begins.")
    reason: str = Field(description="Why there was no answer.")
    is_page: bool = Field(description="A web page answered: something in front of the endpoint, perhaps.")
    took_ms: int


class DeliveryList(BaseModel):
    """Notices of one webhook, newest first."""

    deliveries: list[Delivery]
    count: int
    next_after: str | None = None


class DeliveryAnswer(BaseModel):
    """The notice, which is sent as soon as those of its session before it are."""

    delivery: Delivery


class DeliveryQuery(BaseModel):
    """Which notices."""

    state: State | None = None
    limit: int = Field(20, ge=1, le=LONGEST_PAGE)
    after: str | None = Field(default=None, max_length=200, description="`next_after` of the answer before.")


def hook_answer(endpoint: Endpoint) -> Hook:
    """A webhook as it is answered."""
    now = utc_now()
    old = [one.until for one in endpoint.secrets if one.until is not None and one.until > now]
    return Hook(
        id=endpoint.id,
        name=endpoint.name,
        url=endpoint.url,
        events=sorted(endpoint.events),
        exams=list(endpoint.exams),
        courses=list(endpoint.courses),
        names=endpoint.names,
        enabled=endpoint.enabled,
        disabled_why=said(endpoint.disabled_why),
        failing_since=endpoint.failing_since,
        failing_why=said(endpoint.failing_why),
        slow_until=endpoint.slow_until if endpoint.slow_until is not None and endpoint.slow_until > now else None,
        old_secret_until=max(old, default=None),
        made_at=endpoint.made_at,
        made_by=endpoint.made_by,
    )


def delivery_answer(row: dict[str, Any]) -> Delivery:
    """A notice as it is answered."""
    last = row["last"] if isinstance(row.get("last"), dict) else {}
    waits = row.get("state") == "waiting"
    return Delivery(
        id=str(row["_id"]),
        event_id=str(row.get("event_id")),
        type=str(row.get("type")),
        session_id=None if row.get("type") == TEST else str(row.get("of")),
        sequence=_number(row.get("sequence")),
        state=row["state"],
        made_at=_time(row.get("made_at")),
        due_at=_time(row.get("due_at")) if waits else None,
        tries=_number(row.get("tries")),
        tried_at=_time(last.get("at")),
        status=_number(last.get("status")),
        said=str(last.get("said") or ""),
        reason=said(from_kept(last.get("reason"))),
        is_page=last.get("is_page") is True,
        took_ms=_number(last.get("took_ms")),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _time(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
