"""How a student stands, for the server of an exam's own site: what its pages hear in the browser a student can forge, this no student can."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field

from basics.errors import Unauthorized
from basics.texts import _
from cluster.owning import run_of
from database import Document
from records.keep_times import part_of
from records.spellings import sought_spelling
from sessions.focus_watch import AWAY_DOUBTS
from web.calls.bodies import read_body, reply
from web.calls.openapi import describe
from web.calls.values import DOCUMENT_ID_PATTERN
from web.integrations.snippet.entering import started_by_pages
from web.integrations.snippet.tokens import TOKEN_MAX, Refused, read_ask
from web.parts import parts

log = logging.getLogger(__name__)

snippet_asking = Blueprint("snippet_asking", __name__)

Stands = Literal["none", "check", "watched", "paused", "offline", "over"]


class AskForStudent(BaseModel):
    """Of whom an exam's own site asks."""

    exam_key: str = Field(pattern=DOCUMENT_ID_PATTERN)
    token: str = Field(
        max_length=TOKEN_MAX, description="Signed as a start token is, with `use: ask`, `exam`, `sub` and `exp`. It may be used again."
    )


class StudentStands(BaseModel):
    """How the student stands now."""

    success: Literal[True] = True
    state: Stands = Field(
        description="`none`: has not come. `check`: gets ready. `watched`: the exam runs, and the window that watches is connected. "
        "`paused`: a break. `offline`: it runs, and that window is not connected. `over`: it has ended, or broke off."
    )
    devices: dict[str, str] = Field(
        default={}, description="While it runs, by `camera`, `microphone` and `screen`, as far as they were told of: `ok`, or what is wrong with it."
    )
    page_away: bool | None = Field(
        default=None,
        description="Has the exam's page not been before the student for half a minute or longer, as that window hears it? Null: not known.",
    )
    session_id: str | None = None


@snippet_asking.post("/api/snippet/student")
@describe(StudentStands, body=AskForStudent, errors=(401, 404, 429, 503))
def stands() -> Response:
    """Tell the server of an exam's own site how a student stands, to show questions only to those who are watched, say.

    401 for a token that is not believed.
    """
    wanted = read_body(request, AskForStudent)
    exam = started_by_pages(wanted.exam_key)
    parts().snippet_asks.take(request.remote_addr)
    try:
        user_id = read_ask(wanted.token, parts().snippet_secrets.of(exam.key), exam.key, time.time())
    except Refused as refused:
        counted = {"counted_as": f"exam {exam.exam_id}"}
        log.warning("snippet: a question refused from %s, exam %s: %.200s", request.remote_addr, exam.exam_id, refused.reason, extra=counted)
        raise Unauthorized(_("The token is not believed: %(why)s.", why=refused.why), field="token") from None
    parts().snippet_asks.give_back(request.remote_addr)  # only what is refused counts
    return reply(stands_of(user_id, exam.exam_id))


def stands_of(user_id: str, exam_id: str) -> StudentStands:
    """How a student stands in an exam, wherever that runs. Raise `StorageError`."""
    session = parts().monitor.find(user_id, exam_id)
    if session is not None:
        status = session.status().to_dict()
        away = any(doubt["code"] in AWAY_DOUBTS for doubt in status["doubts"])
        return StudentStands(state=_state(status), devices=_devices(status), page_away=away, session_id=session.session_id)
    found = parts().database.latest_session(sought_spelling(parts().database, "user_id", user_id), exam_id)
    if found is None:
        return StudentStands(state="none")
    if found.get("state") != "running":
        return StudentStands(state="over", session_id=found["_id"])
    status = _recorded(found)
    return StudentStands(state=_state(status), devices=_devices(status), session_id=found["_id"])


def _recorded(document: Document) -> dict[str, Any]:
    """How a session stands by its record alone, which may lack anything, or be damaged."""
    breaks = document.get("breaks")
    last = breaks[-1] if isinstance(breaks, list) and breaks else None
    on_break = isinstance(last, Mapping) and last.get("end") is None
    told = part_of(document, "devices") if _is_in_hand(document) else {}  # else what its record says of them may be long over
    devices = {name: device for name, device in told.items() if isinstance(device, Mapping)}
    return {"begun": document.get("begun") is not False, "on_break": on_break, "devices": devices}


def _is_in_hand(document: Document) -> bool:
    """Does another server that lives have the session, in the run in which it took it?"""
    membership, owner = parts().membership, parts().monitor.elsewhere.instance(document)
    return bool(owner) and membership is not None and membership.still_runs(owner or "", run_of(document))


def _state(status: Mapping[str, Any]) -> Stands:
    if not status["begun"]:
        return "check"
    if status["on_break"]:
        return "paused"
    return "watched" if status["devices"].get("connection", {}).get("state") == "ok" else "offline"


def _devices(status: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(device.get("state")) for name, device in status["devices"].items() if name != "connection"}
