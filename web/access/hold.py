"""Holds every request to the table of rights, in the exam that it is about, before its view runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from flask import Flask, Response, current_app, g, request

from basics.errors import Forbidden, NotFound
from basics.looks import folded
from basics.texts import _
from records.spellings import sought_spelling
from web.access.callers import Caller, Right, caller
from web.access.rights import Rule
from web.access.who_may import Access
from web.calls.bodies import given_id
from web.calls.values import VIDEO_ID, check_session_id, check_video_id
from web.parts import parts

EXAM = "exam_of_session"  # in `app.extensions`: which exam each session is of, those asked for last
REMEMBERED = 10_000
NO_RIGHT = _("You are logged in, and may not do this. An administrator gives the rights to it.")


def register_access(app: Flask, access: Access) -> None:
    """Hold every request to `app` to the table. A student's session is then in `g.student_session_id`, the caller is `caller()`."""
    app.extensions[EXAM] = lru_cache(REMEMBERED)(_stored_exam_of)

    @app.before_request
    def check() -> Any:
        welcome = access.local.welcome(request) if access.local is not None else None
        if welcome is not None:
            return welcome
        access.check_caller(request, request.endpoint)
        if request.endpoint is None:  # no such page: routing says so afterwards
            return None
        rule, g.caller = access.check_endpoint(request, request.endpoint)
        g.student_session_id = g.caller.name if g.caller.kind == "student" else None
        if rule.rights:
            _hold(rule, g.caller)
        return None

    @app.after_request
    def check_lists(response: Response) -> Response:
        """A list that a view forgot to leave others' exams out of is kept back."""
        rule: Rule | None = g.get("held_list")
        if rule is not None and response.status_code < 300 and not g.get("rights_held"):
            raise RuntimeError(f"{request.endpoint} gives a list and never asked for the caller's exam_filter")
        return response


def hold(right: Right, exam_id: str | None) -> None:
    """Raise `Forbidden`, or `NotFound` where even that it exists is none of the caller's business, unless the right is had in this exam."""
    who = caller()
    if who.may(right, exam_id):
        return
    if right != "look" and who.may("look", exam_id):
        raise Forbidden(NO_RIGHT)
    raise NotFound(_("There is nothing here that you may see."))


def _hold(rule: Rule, who: Caller) -> None:
    if not any(who.may_at_all(right) for right in rule.rights):
        raise Forbidden(NO_RIGHT)
    right = rule.rights[0]
    if rule.where == "page" or (rule.where != "server" and who.everywhere(right)):
        return
    if rule.where == "server":
        if not any(who.everywhere(each) for each in rule.rights):
            raise Forbidden(NO_RIGHT)
    elif rule.where == "list":
        g.held_list = rule
    elif rule.where == "every":
        given = given_id(request, "exam_id")
        if given is None:  # of every exam there is
            raise Forbidden(_("This would hold in every exam, and you may do it in some only. Name the exam."))
        hold(right, _exam_of(given))
    elif rule.where == "body":
        given = given_id(request, "exam_id")
        if given is None or isinstance(given, str):  # else the view says what is wrong with it
            hold(right, given)
    else:
        _IN_THE_EXAM_OF[rule.where](right, request.view_args or {})


def _hold_session(right: Right, named: Mapping[str, Any]) -> None:
    check_session_id(named["session_id"])
    _hold_in(right, named["session_id"], _("There is no session %(id)s.", id=repr(named["session_id"])))


def _hold_video(right: Right, named: Mapping[str, Any]) -> None:
    check_video_id(named["video_id"])
    _hold_in(right, named["video_id"].partition("-")[0], _("There is no interval %(id)s.", id=repr(named["video_id"])))


def _hold_in(right: Right, session_id: str, missing: str) -> None:
    try:
        hold(right, exam_of_session(session_id))
    except NotFound:
        raise NotFound(missing) from None


def _hold_clip(right: Right, named: Mapping[str, Any]) -> None:
    interval = parts().database.interval_of_clip(str(named["filepath"]))
    if interval is None or not VIDEO_ID.fullmatch(str(interval.get("_id", ""))):
        raise NotFound(
            _("No record names %(filepath)s: it is no evidence of this server's.", filepath=repr(named["filepath"][:200])), field="filepath"
        )
    _hold_video(right, {"video_id": interval["_id"]})


def _hold_student(right: Right, _named: Mapping[str, Any]) -> None:
    """A running session that is named by its student: by every exam in which one runs that could be meant."""
    exam_id, user_id = given_id(request, "exam_id"), given_id(request, "user_id")
    if exam_id is not None or not isinstance(user_id, str):
        if exam_id is None or isinstance(exam_id, str):
            hold(right, exam_id)
        return
    meant: set[str | None] = {session.exam_id for session in parts().monitor.active() if folded(session.user_id) == folded(user_id)}
    if parts().hops.has_others:
        known = sought_spelling(parts().database, "user_id", user_id)
        meant |= {session.get("exam_id") for session in parts().monitor.ownership.running_elsewhere(known)}
    for each in meant or {None}:
        hold(right, each)


def _hold_accommodation(right: Right, named: Mapping[str, Any]) -> None:
    database = parts().database
    with database.reading():
        found = database.collection("accommodations").find_one({"_id": str(named["accommodation_id"])[:64]}, {"exam_id": 1})
    if found is None:
        return  # the view says so
    if found.get("exam_id") is None:
        raise Forbidden(_("This holds in every exam, and you may change it in some only."))
    hold(right, found["exam_id"])


def _hold_exam(right: Right, named: Mapping[str, Any]) -> None:
    found = parts().people.exam_id_of_key(str(named["exam_key"]))
    if found is not None:  # else the view says that there is none
        hold(right, found)


_IN_THE_EXAM_OF: Mapping[str, Callable[[Right, Mapping[str, Any]], None]] = {
    "session": _hold_session,
    "video": _hold_video,
    "clip": _hold_clip,
    "student": _hold_student,
    "accommodation": _hold_accommodation,
    "exam": _hold_exam,
}


def _exam_of(given: object) -> str | None:
    return given if isinstance(given, str) else None


def exam_of_session(session_id: str) -> str | None:
    """The exam of a session, whether it runs or not. Raise `NotFound`, `StorageError`."""
    session = parts().monitor.get(session_id)
    if session is not None:
        return session.exam_id
    found: str | None = current_app.extensions[EXAM](session_id)
    return found


def _stored_exam_of(session_id: str) -> str | None:
    exam_id: str | None = parts().database.session(session_id).get("exam_id")
    return exam_id
