"""Whether a student's page is in Safe Exam Browser: what it must prove, at which address, and what is made of that.

The proof is a hash of the page's address with a key that only a Safe Exam Browser with the exam's settings has. The address is put together here, of
what the server itself knows, and never taken from the page; a part of its query belongs to one session alone, so that a proof seen elsewhere is worth
nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from urllib.parse import urlencode

from flask import request
from itsdangerous import BadData, URLSafeTimedSerializer

from records.exams import Exam
from records.seb import as_browsers_write, config_key, exam_settings, proves
from scoring.exam import ExamDefinition
from scoring.session_exam import SessionExam
from sessions.seb_seen import SebState
from sessions.session import ExamSession
from web.calls.addresses import server_address
from web.languages import known_languages
from web.parts import parts
from web.student.entry import definition_of, exam_now
from web.student.presence import plain
from web.student.seb_said import SebChecked, SebSaid
from web.student.surface import AT_PLATFORM

TICKET_S = 15 * 60  # from the page in another browser to Safe Exam Browser, which may have to be installed first
CONFIG_KEY_HEADER, BROWSER_EXAM_KEY_HEADER = "X-SafeExamBrowser-ConfigKeyHash", "X-SafeExamBrowser-RequestHash"
CALLS_ITSELF = re.compile(r"\bSEB\w*/\S+")
VERSION_MAX = 200


def here() -> str:
    """The address of this server as a browser writes it, without the slash at its end."""
    return as_browsers_write(server_address(request))


def settings_of(exam_key: str, definition: ExamDefinition) -> dict[str, object]:
    """The settings that this server makes for an exam, as it is reached now. Of the exam's definition alone: the key is to stay the same."""
    return exam_settings(
        here(),
        exam_key,
        addresses=[address for address in (definition.address, *definition.sites) if address],
        screen=definition.screen_capture != "off",
        windows=bool(definition.address) and (definition.place == "tab" or definition.opens_in != "frame"),
    )


def own_key(exam: Exam) -> str:
    """The Config Key of those settings; empty where the exam asks for no Safe Exam Browser, or not with them."""
    definition = exam.definition
    return config_key(settings_of(exam.key, definition)) if definition.seb != "off" and definition.seb_own_file else ""


def terms_of(session_id: str, exam: SessionExam | None, route: str) -> dict[str, str] | None:
    """What the page of a running session is told; None where the exam asks for no Safe Exam Browser. `exam` is as the session has it."""
    if exam is None:
        return None
    definition = (parts().exams.known(exam.definition.exam_id) or exam).definition
    if definition.seb == "off":
        return None
    ticket = str(_tickets().dumps([session_id, _link_number(session_id)]))
    return {"mode": definition.seb, "page": page_of(session_id, exam, route), "ticket": ticket}


def session_of_ticket(ticket: str) -> str | None:
    """The session to which a link to a `.seb` file led, None where the ticket is old, of a link that is over, or none of ours."""
    try:
        content, made = _tickets().loads(ticket, return_timestamp=True)
        session_id, number = content
    except (BadData, UnicodeError, TypeError, ValueError):
        return None
    fresh = abs(time.time() - made.timestamp()) <= TICKET_S
    return session_id if fresh and number >= _link_number(session_id) else None


def page_of(session_id: str, exam: SessionExam, route: str) -> str:
    """Path and query of the session's page: where it must be open for its proof."""
    at = {"at": AT_PLATFORM} if parts().lti_attempts.is_awaited(session_id) else {}
    return f"/portal?{urlencode({'exam': exam.key, **({'e': route} if route else {}), 'seb': part_of(session_id), **at})}"


def part_of(session_id: str) -> str:
    """The part of the page's address that is this session's alone, and that nobody can tell who has not been given it."""
    return hmac.new(parts().access.secret_key.encode(), f"seb {session_id}".encode(), hashlib.sha256).hexdigest()[:32]


def look_for_seb(session: ExamSession, said: SebSaid) -> SebChecked:
    """Take what the page said, by its body and by the present request's headers, and keep what follows with the session."""
    exam, definition = exam_now(parts(), session), definition_of(session, parts().exams)
    if definition is None or exam is None or definition.seb == "off":
        return SebChecked(mode="off", state="unknown")
    by_header = (request.headers.get(CONFIG_KEY_HEADER, ""), request.headers.get(BROWSER_EXAM_KEY_HEADER, ""))
    by_page = (said.config_key, said.browser_exam_key)
    agent = request.headers.get("User-Agent", "")
    version = plain(said.version or next(iter(CALLS_ITSELF.findall(agent)), ""), VERSION_MAX)
    keys = (_config_keys(exam, definition), definition.seb_browser_exam_keys)
    page = here() + page_of(session.session_id, exam, session.identity.route)
    pages = [page, *([f"{page}&lang={said.lang}"] if said.lang in known_languages() else [])]
    calls = [f"{here()}{request.path}?{request.query_string.decode('latin-1')}"] if _is_own(session) else []
    state: SebState = "no"
    if any(proves(one, where, of) for both, where in ((by_header, calls), (by_page, pages)) for one, of in zip(both, keys, strict=True)):
        state = "yes"
    elif any((*by_header, *by_page, version)):
        state = "unknown"
    seen = session.watch_over.seb
    seen.see(state, version, session.clock())
    return SebChecked(mode=definition.seb, state=state, link_pass=seen.make_pass() if state == "yes" else None)


def _config_keys(exam: SessionExam, definition: ExamDefinition) -> list[str]:
    """The Config Keys that are allowed now. A student who has begun by the exam's own file goes on by it when the exam is changed."""
    own = [config_key(settings_of(exam.key, one)) for one in (definition, exam.definition)] if definition.seb_own_file else []
    return [*own, *(definition.seb_config_keys or parts().settings.config_keys)]


def _is_own(session: ExamSession) -> bool:
    """Does the address of the present call belong to this session alone?"""
    return hmac.compare_digest(request.args.get("seb", "").encode("utf-8", "replace"), part_of(session.session_id).encode())


def _tickets() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts().access.secret_key, salt="seb")


def _link_number(session_id: str) -> int:
    return parts().access.link_number(session_id)
