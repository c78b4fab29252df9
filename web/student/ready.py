"""What must be so before a student is led on to an exam elsewhere: begun here, with a check that has passed, and a camera that is seen here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from sessions.session import ExamSession
from web.parts import parts

BORNE = frozenset({"microphone"})  # an exam may be begun without it, as the page has it
BY_CAMERA = frozenset({"camera", "face"})  # of a check, what must be there where the exam asks for a camera

Lacks = Literal["", "not_begun", "check", "picture"]


def lacks(session: ExamSession) -> Lacks:
    """What keeps the student of a running session from the exam as yet; empty: nothing. Raise `StorageError`."""
    if not session.begun:
        return "not_begun"
    by_camera = "camera" not in session.changes.not_asked
    if not has_passed(parts().database.session(session.session_id).get("checks_before"), BY_CAMERA if by_camera else frozenset()):
        return "check"
    return "picture" if by_camera and not _is_seen(session) else ""


def has_passed(check: Any, needed: Collection[str]) -> bool:
    """Has the check before the exam passed: was it made, with all that is `needed`, and is nothing not ready without which an exam isn't begun?"""
    results = check.get("results") if isinstance(check, Mapping) else None
    if not isinstance(results, list) or not results or not all(isinstance(one, Mapping) for one in results):
        return False
    if not {one.get("item") for one in results} >= set(needed):
        return False
    return all(one.get("state") != "not_ready" or one.get("item") in BORNE for one in results)


def _is_seen(session: ExamSession) -> bool:
    """Has this server read one of the newest pictures, whatever was in it? What the page says of its check is only the page's word."""
    gaze = session.watch_over.seen(session.clock()).gaze
    return gaze is not None and gaze.reason != "error"
