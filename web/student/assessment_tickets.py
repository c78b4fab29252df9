"""What stands in the addresses of an attempt's own pages, in place of a login: signed for one session, one purpose and the student's newest link."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

from flask import request
from itsdangerous import BadData, URLSafeTimedSerializer

from basics.errors import Forbidden
from basics.texts import _
from web.access.signing import opened
from web.calls.addresses import server_address
from web.parts import parts
from web.student.surface import AT_PLATFORM

Purpose = Literal["start", "over"]
START: Purpose = "start"
OVER: Purpose = "over"
GOOD_S = {START: 24 * 3600, OVER: 600}  # the page that records a student may be open for long; the other is led to at once


def at_platform(session_id: str, route: str) -> dict[str, str] | None:
    """What a student's page is told of an exam that is at a learning platform which waits for this session; None: none does."""
    if not parts().lti_attempts.is_awaited(session_id):
        return None
    query = urlencode({**({"e": route} if route else {}), "t": ticket_of(session_id, START)})
    return {"at": AT_PLATFORM, "exam_url": f"{server_address(request)}/lti/session/{session_id}/assessment?{query}"}


def ticket_of(session_id: str, purpose: Purpose) -> str:
    """A ticket for the session's page of this purpose. Raise `StorageError`."""
    return str(_signer(purpose).dumps([session_id, parts().access.link_number(session_id)]))


def check_ticket(session_id: str, purpose: Purpose, ticket: str) -> None:
    """Raise `Forbidden` for one that is another session's, too old, or of a link that is over; `StorageError`."""
    try:
        whose, number = opened(_signer(purpose), ticket, GOOD_S[purpose])
    except (BadData, UnicodeError, TypeError, ValueError):
        whose, number = "", 0
    if whose != session_id or number < parts().access.link_number(session_id):
        raise Forbidden(_("This address is not good any more. Load the page that records you again, and go on from there."))


def _signer(purpose: Purpose) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts().access.secret_key, salt=f"lti {purpose}")
