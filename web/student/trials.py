"""The calls behind the check before an exam: how fast the network takes what a page sends, and whether a picture shows a face. Nothing is kept."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Literal, cast

from flask import Blueprint, Response, current_app, request
from flask.sansio.blueprints import BlueprintSetupState
from pydantic import BaseModel, Field

from basics.errors import InvalidInput, TooMany
from basics.texts import _
from sessions.picture_trial import PictureTrial, try_picture
from web.access.limits import RateLimit
from web.calls.bodies import reply
from web.calls.openapi import describe
from web.parts import parts

trials = Blueprint("trials", __name__, url_prefix="/api/student")

TRIALS = 3000  # from one address in TRIALS_WINDOW: an exam room of a hundred behind one address checks at once
TRIALS_WINDOW = 60.0  # s
CHECKS = 60  # results of a check that are stored of one exam in TRIALS_WINDOW: its page sends them each time they change
LOOK_WAIT_S = 1.0  # one picture is judged at a time
WAITS_S = 0.5  # a picture of an exam that is due for so long waits for the machine: exams come first, and
REST = 9.0  # times as long as a picture of a check has taken, no other is judged then

EXTENSION = "student_trials"  # this module's state in `app.extensions`: each app has its own


class SpeedTrial(BaseModel):
    """How much arrived."""

    bytes: int


class LookTrial(BaseModel):
    """What the detectors make of one picture. `loading`: the models aren't there yet."""

    state: Literal["read", "loading"]
    face: bool | None = None
    persons: int | None = Field(default=None, description="Null where it can't be told.")
    reason: str = Field(default="", description="Why the face can't be read: `dark`, `blurred`, `small`, `turned`, `hidden`, …; empty where it can.")


@dataclass(slots=True)
class _Trials:
    limit: RateLimit = field(default_factory=lambda: RateLimit(TRIALS, TRIALS_WINDOW, "Too many checks from this address."))
    checks: RateLimit = field(default_factory=lambda: RateLimit(CHECKS, TRIALS_WINDOW, _("The results of this exam's check came too often.")))
    looking: threading.Lock = field(default_factory=threading.Lock)
    rests_until: float = 0.0  # by the monotonic clock; while `looking` is held


@trials.record
def _set_up(state: BlueprintSetupState) -> None:
    state.app.extensions[EXTENSION] = _Trials()


def _own() -> _Trials:
    return cast(_Trials, current_app.extensions[EXTENSION])


@trials.post("/speed")
@describe(SpeedTrial, errors=(413, 429), takes="application/octet-stream")
def speed() -> Response:
    """Take bytes and count them, so that a page can time how fast it can send. At most MAX_BODY_KB; they are dropped."""
    may_try()
    return reply(SpeedTrial(bytes=len(request.get_data(cache=False))))


@trials.post("/look")
@describe(LookTrial, errors=(400, 413, 429), takes="image/jpeg")
def look() -> Response:
    """Say whether one JPEG shows a face that the detectors can read, and how many persons are in view. The picture is dropped."""
    may_try()
    models = parts().monitor.models
    if not models.loaded.is_set():
        return reply(LookTrial(state="loading"))
    jpeg = request.get_data(cache=False)
    if not jpeg:
        raise InvalidInput(_("The body is empty. Send one picture as JPEG."))
    own = _own()
    if not own.looking.acquire(timeout=LOOK_WAIT_S):
        raise _later()
    try:
        found = _look(own, jpeg)
    finally:
        own.looking.release()
    return reply(LookTrial(state="read", face=found.face, persons=found.persons, reason=found.reason))


def _look(own: _Trials, jpeg: bytes) -> PictureTrial:
    """Judge a picture, whose turn it is. Raise `TooMany` where the exams need the machine."""
    begun = time.monotonic()
    if begun < own.rests_until:
        raise _later()
    try:
        return try_picture(parts().monitor.models, parts().settings, jpeg)
    finally:
        if any((session.picture_waits() or 0.0) > WAITS_S for session in parts().monitor.active()):
            ended = time.monotonic()
            own.rests_until = ended + REST * (ended - begun)


def _later() -> TooMany:
    return TooMany(_("Other students' pictures are being looked at."), retry_after_s=2)


def may_try() -> None:
    """Count a trial. Raise `Unauthorized` where the portal is closed and the caller has no exam's link, `TooMany` after too many of an address."""
    if not parts().settings.is_portal_open:
        parts().access.student_session(request)
    if not parts().access.protected:
        _own().limit.take(request.remote_addr)


def count_check(session_id: str) -> None:
    """Count the results of one exam's check, which are stored. Raise `TooMany`."""
    _own().checks.take(session_id)
