"""The calls and the page by which people compare who takes an exam: pictures side by side, accepted or queried; and by which they ask for more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from flask import Blueprint, Response, render_template, request
from pydantic import BaseModel, ValidationError

from basics.errors import Conflict, NotFound, StorageError
from basics.locks import KeyedLocks
from basics.stored_fields import is_moment
from basics.texts import _
from database import Document
from records.conclusions import Person
from records.files_elsewhere import servers_with
from records.identity import ASKED_MAX, Asked, Request, Whose, days_kept, requests_of, revision_of, rows_of, stands
from records.keep_times import part_of
from records.results import page_of
from sessions.session import ExamSession
from web.access.callers import caller, signature
from web.calls.audit import note, note_look
from web.calls.bodies import read_body, read_query, reply
from web.calls.errors import FileAway, NotHere
from web.calls.openapi import describe
from web.calls.paging import next_after
from web.calls.told import tell_session
from web.calls.values import DOCUMENT_ID_PATTERN, check_session_id
from web.operator.people_pages import for_people
from web.parts import parts
from web.proctor.answers import is_away
from web.proctor.damaged import readable_part
from web.proctor.identity_schemas import (
    AskedAnswer,
    AskPicture,
    DecideIdentity,
    ExamIdentity,
    IdentityAct,
    IdentityAnswer,
    IdentityLine,
    IdentityPicture,
    IdentityQuery,
    IdentitySums,
    SaidAnswer,
)
from web.proctor.running import running

identity = Blueprint("identity", __name__)

Read = TypeVar("Read", bound=BaseModel)

STORED_WITHIN_S = 10.0
_ASKING = KeyedLocks()  # of two who ask for the same at once the second is told
WORDS: Mapping[Asked, str] = {  # as the proctors' pages have them; the student's page says it in its own language
    "face": _("Please take a picture of your face."),
    "card": _("Please take a picture of your card."),
    "room": _("Please take pictures of your room. You may decline."),
}


@identity.get("/api/exams/<exam_key>/identity")
@describe(ExamIdentity, query=IdentityQuery, errors=(404, 503))
def listed(exam_key: str) -> Response:
    """List the students of an exam that asks for pictures, with face, card and stills to compare, and what people decided."""
    query = read_query(request, IdentityQuery)
    exam = parts().exams.by_key(exam_key)
    rows = parts().identity.of_exam(exam.exam_id)
    left = page_of(rows, len(rows), query.after)  # one whose state is another by now is a place in the list all the same
    found = [row for row in left if query.state in ("all", row["stands"])][: query.limit + 1]
    kept = parts().identity.of_sessions(row["_id"] for row in found[: query.limit])
    note_look("identity: looked at", "proctor", exam_id=exam.exam_id)
    lines = [_line(row, kept.get(row["_id"])) for row in found[: query.limit]]
    states = [row["stands"] for row in rows]
    return reply(
        ExamIdentity(
            exam_id=exam.exam_id,
            title=exam.definition.title,
            asks=exam.definition.identity_step,
            room_view=exam.definition.room_view,
            anonymous=exam.definition.anonymous_review or parts().settings.anonymous_review,
            keep_days=days_kept(exam.definition, parts().settings),
            sums=IdentitySums(all=len(rows), **{state: states.count(state) for state in ("open", "accepted", "queried")}),
            sessions=lines,
            count=len(lines),
            next_after=next_after(found, query.limit),
        )
    )


@identity.get("/exams/<exam_key>/identity")
def page(exam_key: str) -> str:
    """Show the page on which people compare the students of an exam with their cards. It says itself when there is no such exam."""
    if not re.fullmatch(DOCUMENT_ID_PATTERN, exam_key):
        raise NotFound(_("There is no exam of this address."), field="exam_key")
    return render_template("identity.html", active="exams", exam_key=exam_key, **for_people())


@identity.get("/api/session/<session_id>/identity")
@describe(IdentityAnswer, errors=(404, 503))
def shown(session_id: str) -> Response:
    """Show one session with all that there is to compare."""
    check_session_id(session_id)
    note_look("identity: looked at", "proctor", session_id=session_id)
    return _answer(session_id)


@identity.get("/api/session/<session_id>/identity/<name>")
@describe(errors=(404, 409, 503), media_type="image/jpeg")
def picture(session_id: str, name: str) -> Response:
    """Show one picture. That somebody looked is noted. One whose file is no longer what was recorded is no evidence: 409."""
    check_session_id(session_id)
    try:
        data = parts().identity.picture(session_id, name)
    except NotFound as missing:
        kept, servers = parts().identity.of_session(session_id) or {}, servers_with(parts().database, session_id)
        if name not in part_of(kept, "pictures"):
            raise
        away = [one for one in servers if is_away({"on": one})] if kept.get("pictures_deleted_at") is None else []
        told = FileAway(_("It may be on the server %(server)s, which is away. Ask again when that is back.", server=away[0])) if away else missing
        raise NotHere(servers, told) from None
    except Conflict:
        note_look("identity: picture changed", "server", session_id=session_id, picture=name)
        raise
    note_look("identity: picture looked at", "proctor", session_id=session_id, picture=name)
    response = Response(data, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "no-store, private"
    return response


@identity.post("/api/session/<session_id>/identity")
@describe(IdentityAnswer, body=DecideIdentity, errors=(404, 409, 503))
def decide(session_id: str) -> Response:
    """Accept who took the exam, or query it in a sentence. It decides nothing else: flags and conclusions are by themselves.

    A change of mind is another decision; those before stay in `history`. 409 with `reason` `meanwhile`, where somebody decided since `revision`.
    """
    check_session_id(session_id)
    wanted = read_body(request, DecideIdentity)
    person = Person(signature(wanted.by), caller().account_id)
    session = parts().database.session(session_id)
    parts().identity.decide(session, wanted.decision, text=wanted.text, person=person, revision=wanted.revision)
    named = {"session_id": session_id, "exam_id": session.get("exam_id"), "user_id": session["user_id"]}
    note(f"identity: {wanted.decision}", person.name, **named, text=wanted.text, revision=wanted.revision + 1)
    _tell(session_id, session.get("exam_id"))
    return _answer(session_id)


@identity.post("/api/session/<session_id>/identity/ask")
@describe(IdentityAnswer, body=AskPicture, errors=(404, 409, 429, 503))
def ask(session_id: str) -> Response:
    """Ask the student of a running session for a picture of the face or the card, or, where the exam allows it, of the room.

    The student reads it as a message and may decline. 409 with `reason`: `not_allowed`, `no_page`, `asked` where one waits for its answer.
    """
    session = running(session_id)
    wanted = read_body(request, AskPicture)
    if session.source != "browser":
        raise Conflict(_("This session watches a station of the server, whose student has no page to be asked on. Speak to them."), reason="no_page")
    if wanted.what not in _allowed(session):
        raise Conflict(_("This exam doesn’t allow to ask for this picture. Its page says what it allows."), reason="not_allowed")
    by = signature(wanted.by)
    with _ASKING.held(session_id):
        if any(message.asks == wanted.what for message in session.messages.unread()):
            raise Conflict(_("It is asked for already. Wait for the answer."), reason="asked")
        kept = parts().identity.of_session(session_id)
        if len(part_of(kept or {}, "asked")) >= ASKED_MAX:
            raise Conflict(_("Pictures were asked for %(most)s times in this session, which is the limit.", most=ASKED_MAX), reason="too_many")
        message, ticket = session.talk.send(str(WORDS[wanted.what]), "message", by, wanted.what)
    if not ticket.wait(STORED_WITHIN_S):
        raise StorageError(_("The request can't be stored now; see /api/health."))
    parts().identity.ask(Whose(session_id, session.user_id, session.exam_id), Request(message.id, wanted.what, by, session.wall(message.at)))
    note("identity: asked", by, session_id=session_id, picture=wanted.what, message_id=message.id)
    _tell(session_id, session.exam_id)
    return _answer(session_id)


def _allowed(session: ExamSession) -> list[Asked]:
    """What pictures the exam of a running session allows to ask for."""
    exam = session.limit.exam
    if exam is None:
        return []
    allowed: list[Asked] = ["face", "card"] if exam.definition.identity_step else []
    return [*allowed, "room"] if exam.definition.room_view else allowed


def _answer(session_id: str) -> Response:
    session, unreadable = readable_part(parts().database.session(session_id))
    named = {"name": parts().names.of(session["user_id"], session.get("exam_id")), "unreadable": unreadable}
    return reply(IdentityAnswer(session=_line({**session, **named}, parts().identity.of_session(session_id))))


def _line(row: Mapping[str, Any], kept: Document | None) -> IdentityLine:
    """The line of a session. What was damaged is left out and named: what else there is, and others, are shown all the same."""
    session_id, exam_id, kept = str(row["_id"]), row.get("exam_id"), kept or {}
    wrong: set[str] = set(row["unreadable"])
    gone = kept.get("pictures_deleted_at")
    if gone is not None and not is_moment(gone):
        wrong.add("pictures_deleted_at")

    def read(name: str, model: type[Read], stored: Any) -> Read | None:
        try:
            return None if stored is None else model.model_validate(stored)
        except ValidationError:
            wrong.add(name)
            return None

    def rows(name: str, model: type[Read], stored: Iterable[Any]) -> list[Read]:
        return [one for each in stored if (one := read(name, model, each)) is not None]

    named = part_of(kept, "pictures").items()
    pictures = rows("pictures", IdentityPicture, [] if is_moment(gone) else [_picture(session_id, name, one) for name, one in named])
    asked = rows("asked", AskedAnswer, requests_of(kept))
    wrong |= {name for name in ("pictures", "asked", "decision") if not isinstance(kept.get(name) or {}, Mapping)}
    wrong |= {"asked"} if len(asked) < len(part_of(kept, "asked")) else set()
    wrong |= {"history"} if not isinstance(kept.get("history") or [], list) else set()
    wrong |= {"revision"} if revision_of(kept) != (kept.get("revision") or 0) else set()
    live = parts().monitor.get(session_id)
    may_ask = live is not None and live.source == "browser" and caller().may("desk", exam_id)
    return IdentityLine(
        session_id=session_id,
        user_id=row["user_id"],
        state=row["state"],
        exam_id=exam_id,
        name=row.get("name") or "",
        begun=row.get("begun") is not False,
        stands=stands(kept),
        revision=revision_of(kept),
        said=read("said", SaidAnswer, kept.get("said")),
        pictures_deleted_at=gone if is_moment(gone) else None,
        pictures=sorted(pictures, key=lambda one: (one.at, one.name)),
        asked=asked,
        decision=read("decision", IdentityAct, kept.get("decision")),
        history=rows("history", IdentityAct, rows_of(kept, "history")),
        may_decide=caller().may("decide", exam_id),
        may_ask=_allowed(live) if live is not None and may_ask else [],
        unreadable=sorted(wrong),
    )


def _picture(session_id: str, name: str, stored: Any) -> dict[str, Any]:
    fields = stored if isinstance(stored, Mapping) else {}
    return {**fields, "name": name, "url": f"/api/session/{session_id}/identity/{name}"}


def _tell(session_id: str, exam_id: str | None) -> None:
    """Tell the dashboards that something is decided or asked."""
    tell_session("identity_changed", {"session_id": session_id}, exam_id)
