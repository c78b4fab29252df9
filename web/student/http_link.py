"""The student's link for networks that block WebSockets: the same messages in batches, each a call that answers at once with what is to be said."""

from __future__ import annotations

import logging
from typing import Any, Literal

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, Field

from basics.errors import Conflict, InvalidInput, TooLarge, TooMany
from web.calls.bodies import read_query, reply
from web.calls.openapi import describe
from web.languages import said
from web.links import attempt_of
from web.parts import Parts, parts
from web.student.batches import AGAIN, BATCH_MAX_BYTES, MUCH, Exchange, Heard
from web.student.entry import ComeAgain, Elsewhere, begin, conversation_with, end_of, enter, leave, may_enter
from web.student.http_links import TURN_S, HttpLink, charge

log = logging.getLogger(__name__)

http_link = Blueprint("http_link", __name__, url_prefix="/api/student")

BY = "http"  # the reason of the device `connection` while it is so


class Batch(BaseModel):
    """Which batch of which connection."""

    connection: str = Field(pattern=r"^[0-9A-Za-z-]{16,64}$", description="The page's own name for this connection: a new UUID for each.")
    seb: str = Field(default="", max_length=100, description="`link_pass` of `POST /api/student/seb`, where the exam is taken in Safe Exam Browser.")
    batch: int = Field(ge=0, le=1_000_000_000, description="0, 1, 2, …: a batch that comes again is answered as it was, and counts once.")
    page: str = Field(default="", max_length=64, description="The page's name, a new UUID for each load.")
    attempt: str = Field(default="", max_length=9, description="Which of its attempts to connect this is: one that comes late replaces no newer one.")


class BatchHeard(BaseModel):
    """What the server says. `over`: this connection has ended."""

    batch: int
    messages: list[dict[str, Any]] = Field(description="The link's messages, in their order.")
    over: Literal["", "ended", "replaced", "moved", "silent", "again", "stops", "much"] = Field(
        default="", description="Empty while it goes on; after `ended` and `replaced` the page stays away, after any other it comes again."
    )


@http_link.post("/link")
@describe(BatchHeard, query=Batch, errors=(400, 409, 413, 429, 503), takes="application/octet-stream")
def student_link_by_http() -> Response:
    """Take a batch of the student's link where its network lets no WebSocket through, and say what waits to be said.

    The body holds the link's messages, each behind a header of five bytes: u8 kind (1 text, 2 media), u32 length, little endian. At most 2 MB (by
    eventlet MAX_BODY_KB) and 600 messages. It answers at once; the page calls about twice a second.
    """
    asked = read_query(request, Batch)
    request.max_content_length = BATCH_MAX_BYTES
    size = request.content_length or 0
    if size > BATCH_MAX_BYTES:
        raise TooLarge(f"A batch has at most {BATCH_MAX_BYTES:,} bytes.")
    owner, session_id = parts(), g.student_session_id
    with owner.links.place(session_id):
        try:
            heard = _serve(owner, session_id, asked, size)
        except ComeAgain as again:
            log.debug("student's link by HTTP: %s", again, extra={"session_id": session_id})
            heard = Heard(asked.batch, (again.told,) if again.told else (), "moved" if isinstance(again, Elsewhere) else AGAIN)
    return reply(BatchHeard(batch=heard.batch, messages=said(list(heard.messages)), over=heard.over))  # type: ignore[arg-type]


def _serve(owner: Parts, session_id: str, asked: Batch, size: int) -> Heard:
    link = owner.by_http.find(session_id, asked.connection)
    if link is None:
        if asked.batch > 0:
            raise ComeAgain("this connection is not known here, or over")
        found = may_enter(owner, session_id, asked.seb)
        if found is None:
            return Heard(asked.batch, (end_of(owner, session_id),), "ended")
        session, budget = found
        link = HttpLink(session, Exchange(conversation_with(session, owner)), budget, owner.by_http.now(), attempt_of(request.args))
    try:
        charge(link.budget, size)
    except TooMany:
        _over(owner, link)
        raise
    body = request.get_data(cache=False)
    if not link.turn.acquire(timeout=TURN_S):
        raise Conflict("A batch of this connection is being taken.", retry_after_s=1)
    try:
        return _take(owner, link, asked, body)
    finally:
        link.turn.release()


def let_go(owner: Parts, link: HttpLink) -> None:
    """The page of a connection is silent. Raise `TooMany` where its session's places are all taken now."""
    with owner.links.place(link.session.session_id):
        leave(owner, link)


def _take(owner: Parts, link: HttpLink, asked: Batch, body: bytes) -> Heard:
    session_id = link.session.session_id
    known = owner.by_http.find(session_id, asked.connection)
    if known is not None and known is not link:
        raise Conflict("This connection is being opened already.", retry_after_s=1)
    if known is None:
        if asked.batch > 0:
            raise ComeAgain("this connection is over")
        dropped = owner.by_http.add(asked.connection, link)
        if dropped is not None:
            leave(owner, dropped)
        begin(owner, link.session, request)
        try:
            entered = enter(owner, link, by=BY)
        except ComeAgain:
            owner.by_http.forget(link)
            raise
        if not entered:
            _over(owner, link)
            return Heard(asked.batch, (end_of(owner, session_id),), "ended")
    try:
        heard = owner.by_http.take(link, asked.batch, body)
    except InvalidInput:
        raise  # nothing of it counted
    except TooMany as much:
        log.warning("student's link closed: %s", much.message, extra={"session_id": session_id})
        _over(owner, link)
        raise
    except Exception:
        _over(owner, link)  # what was taken of it can't be told: the page comes again, and says what matters again
        raise
    if heard.over == MUCH:
        log.warning("student's link closed: more was to be said of its errors than an answer may hold", extra={"session_id": session_id})
        owner.by_http.forget(link)
    if heard.over:
        leave(owner, link)
    return heard


def _over(owner: Parts, link: HttpLink) -> None:
    """Let a connection go."""
    leave(owner, link)
    owner.by_http.forget(link)
