"""What a person asks of the learning platform that has a session proctored: to flag, pause, resume or end its assessment, or to give more time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationInfo, field_validator

from basics.errors import Conflict, Forbidden
from basics.plain_text import one_line, printable
from basics.texts import _
from records.keep_times import part_of
from records.lti_attempts import Attempt
from records.platform_acts import Action, Why
from records.stores import Document
from web.access.callers import caller, signature
from web.access.local import is_browser
from web.access.who_may import PROCTOR
from web.calls.audit import note
from web.calls.bodies import read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.values import Person, Text, Time, check_session_id
from web.parts import parts

lti_acts = Blueprint("lti_acts", __name__, url_prefix="/api/session/<session_id>/platform")

MINUTES_MAX = 1_000
Code = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40), AfterValidator(printable), AfterValidator(one_line)]
State = Literal["waiting", "taken", "not_taken"]
_STATES: dict[str, State] = {"waiting": "waiting", "delivered": "taken"}


class AskPlatform(BaseModel):
    """An act of the person who signs it. The platform decides what follows from it."""

    action: Action
    severity: float | None = Field(default=None, ge=0, le=1, description="How grave it is, 0 to 1; null: not said.")
    reason_code: Code = Field(default="", description="As the platform numbers reasons; some want one to end an assessment.")
    reason: Text = Field(default="", description="Told to the platform.")
    extra_min: int | None = Field(
        default=None, ge=1, le=MINUTES_MAX, validate_default=True, description="Minutes, where `action` is `update` (or `resume`)."
    )
    by: Person = "proctor"

    @field_validator("extra_min")
    @classmethod
    def _where_it_belongs(cls, minutes: int | None, info: ValidationInfo) -> int | None:
        action = info.data.get("action")
        if action == "update" and minutes is None:
            raise ValueError(_("is missing: say how many minutes are given"))
        if minutes is not None and action not in ("update", "resume", None):
            raise ValueError(_("belongs to update or resume only"))
        return minutes


class WithdrawAct(BaseModel):
    """Who withdraws it."""

    by: Person | None = Field(default=None, description="Whose word it is; whoever is signed in signs with their own name.")


class PlatformAct(BaseModel):
    """What was asked for, and what came of it."""

    id: str
    action: Action
    by: str
    at: Time
    state: State
    tries: int
    answered_at: Time | None = Field(description="When it was tried last.")
    status: int | None = Field(description="The HTTP status of the platform's answer.")
    attempt_state: Literal["none", "running", "paused", "terminated", "complete"] | None = Field(description="How the attempt stands there.")
    extra_min: int | None = Field(description="What the platform says of more time.")
    said: str = Field(description="The platform's words, or why it could not be reached.")
    why: Why = Field(description="Why it was not taken (yet).")


class ProctoredShown(BaseModel):
    """How a session stands with the platform that has it proctored. `platform` is empty where none has."""

    success: Literal[True] = True
    platform: str = Field(description="Its name here.")
    attempt: int | None
    actions: list[Action] = Field(description="What it takes.")
    started_at: Time | None = Field(description="When it was told to start its assessment.")
    ended_at: Time | None = Field(description="When it said that the assessment is over.")
    problem: str = Field(description="What went wrong there, in its words.")
    problem_log: str
    acts: list[PlatformAct] = Field(description="Newest first, at most 200.")


class ActTaken(BaseModel):
    """It is kept, and sent in a moment."""

    success: Literal[True] = True
    act: PlatformAct


@lti_acts.get("")
@describe(ProctoredShown, errors=(404, 503))
def shown(session_id: str) -> Response:
    """Show how a session stands with the learning platform that has it proctored, and what people asked of that."""
    check_session_id(session_id)
    attempt = parts().lti_attempts.of_session(session_id)
    acts = parts().platform_acts.of_session(session_id)
    return reply(
        ProctoredShown(
            platform=_name(attempt) if attempt is not None else "",
            attempt=int(attempt.number) if attempt is not None else None,
            actions=list(attempt.actions) if attempt is not None else [],  # type: ignore[arg-type]
            started_at=attempt.started_at if attempt is not None else None,
            ended_at=attempt.ended_at if attempt is not None else None,
            problem=attempt.problem if attempt is not None else "",
            problem_log=attempt.problem_log if attempt is not None else "",
            acts=[_act(row) for row in acts],
        )
    )


@lti_acts.post("")
@describe(ActTaken, body=AskPlatform, errors=(404, 409, 503))
def ask(session_id: str) -> Response:
    """Ask the learning platform for something: only what it takes, and only a person. A script that needs no token says in `by` whose word it brings.

    It is kept and sent in the order in which it was asked for, again where the platform is away: a flag for three days, all else for 15 minutes. More
    time is sent again only where it surely was not taken.
    """
    check_session_id(session_id)
    wanted = read_body(request, AskPlatform)
    _check_person(is_named="by" in wanted.model_fields_set)
    attempt = parts().lti_attempts.of_session(session_id)
    if attempt is None or wanted.action not in attempt.actions or not attempt.control_url:
        raise Conflict(_("The learning platform does not take this (%(action)s) for this session.", action=wanted.action), field="action")
    registration = parts().lti.registrations.get(attempt.registration_id)
    said: dict[str, Any] = {"incident_severity": f"{wanted.severity:.2f}"} if wanted.severity is not None else {}
    said |= {name: text for name, text in (("reason_code", wanted.reason_code), ("reason_msg", wanted.reason)) if text}
    said |= {"extra_time": wanted.extra_min} if wanted.extra_min is not None else {}
    row = parts().platform_acts.ask(attempt, session_id, wanted.action, said, registration.issuer, wanted.by)
    note("platform: asked", wanted.by, **_of(attempt, session_id), act=row["_id"], action=wanted.action, **said)
    if (sender := parts().act_sender) is not None:
        sender.wake()
    return reply(ActTaken(act=_act(row)))


@lti_acts.delete("/<act_id>")
@describe(ProctoredShown, query=WithdrawAct, errors=(404, 409, 503))
def withdraw(session_id: str, act_id: str) -> Response:
    """Send what a person asked for no more. 409 where it was sent already, or is being sent."""
    check_session_id(session_id)
    said = read_query(request, WithdrawAct).by
    _check_person(is_named=said is not None)
    by = signature(said or PROCTOR)
    row = parts().platform_acts.withdraw(session_id, act_id[:100], by)
    note("platform: withdrawn", by, session_id=session_id, user_id=row.get("user_id"), act=row["_id"], action=row["action"])
    return shown(session_id)


def _check_person(*, is_named: bool) -> None:
    """Raise `Forbidden` for a script: nothing that a program makes out decides over an assessment. One of this machine's own account, where no
    password is set, may bring a person's word, where it `is_named` whose.
    """
    if caller().kind in ("token", "api_token"):
        raise Forbidden(_("Only a person who is logged in asks a learning platform for something; a token does not."))
    if caller().kind == "local" and not is_named and (request.authorization is not None or not is_browser(request)):
        raise Forbidden(_("Only a person asks a learning platform for something. A script says in `by` whose word it brings."), field="by")


def _name(attempt: Attempt) -> str:
    known = {one.registration_id: one.name for one in parts().lti.registrations.all()}
    return known.get(attempt.registration_id) or str(_("a platform that is not registered any more"))


def _of(attempt: Attempt, session_id: str) -> dict[str, Any]:
    return {"session_id": session_id, "user_id": attempt.user_id, "exam_id": attempt.exam_id, "registration": attempt.registration_id}


def _act(row: Document) -> PlatformAct:
    last = part_of(row, "last")
    return PlatformAct(
        id=str(row["_id"]),
        action=row["action"],
        by=str(row.get("by") or ""),
        at=row["made_at"],
        state=_STATES.get(str(row["state"]), "not_taken"),
        tries=int(row.get("tries") or 0),
        answered_at=last.get("at"),
        status=last.get("status"),
        attempt_state=last.get("state"),
        extra_min=last.get("extra_time"),
        said=str(last.get("said") or ""),
        why=last.get("why") or "",
    )
