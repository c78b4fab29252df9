"""A launch's second step: the platform's signed word of who comes is checked and used up, and the person led on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import ProctorError
from basics.texts import _, joined
from records.lti_registrations import Registration
from web.calls.audit import note
from web.integrations.lti import proctoring
from web.integrations.lti.arrivals import arrive
from web.integrations.lti.choosing import is_choosing
from web.integrations.lti.claims import END_ASSESSMENT, RESOURCE_LINK, START_PROCTORING, Launch, told
from web.integrations.lti.cookies import WAY_S, State, check_browser, is_framed
from web.integrations.lti.deep_linking import DEEP_LINKING, begin
from web.integrations.lti.errors import BEGIN_AGAIN, Refused
from web.integrations.lti.login import check_enabled, lti
from web.integrations.lti.refusals import refusal, window_page
from web.integrations.lti.tokens import read_launch
from web.parts import parts

NONCE_S = 2 * WAY_S  # that a nonce is remembered: longer than any state is good

MESSAGES: Mapping[str, Callable[[Launch], BaseResponse]] = {
    RESOURCE_LINK: arrive,
    DEEP_LINKING: begin,
    START_PROCTORING: proctoring.begin,
    END_ASSESSMENT: proctoring.end,
}
"""What is done with each kind of message."""


@lti.post("/launch")
def launch() -> BaseResponse:
    """Take a launch from a learning platform: a student is led to the exam's portal, a teacher to the exam's page."""
    tool, state, foreign = parts().lti, State("", "", ""), None
    try:
        state = tool.states.read(request.form.get("state", ""))  # first: whoever comes too early is told where to begin again
    except Refused as error:
        foreign = error
    try:
        tool.line.take(tool.launches, request.remote_addr)
        if foreign is not None:
            raise foreign
        with tool.place():
            return _launched(state)
    except ProctorError as error:
        return refusal(error, state.registration_id, state.begun_by)


def _launched(state: State) -> BaseResponse:
    tool = parts().lti
    registration = tool.registrations.get(state.registration_id)
    check_enabled(registration)
    stays = is_choosing(state.begun_by)  # in the frame in which it is shown
    if is_framed(request) and state.begun_by and not stays:
        return window_page(state.begun_by)
    check_browser(state, request)
    if "error" in request.form:
        raise _said_no()
    found = read_launch(tool.platform_keys, registration, request.form.get("id_token", ""), state.nonce, MESSAGES)
    if not tool.used.take("nonce", state.nonce, NONCE_S):
        raise Refused(joined(" ", [_("This launch was used already."), BEGIN_AGAIN]), "a launch that was used already")
    tool.line.take(tool.of_registration, registration.registration_id)  # only now: nobody uses it up but the platform, once by each word of its own
    tool.line.take(tool.of_all, "")
    _take_deployment(registration, found)
    if found.is_framed and "Sec-Fetch-Dest" not in request.headers and state.begun_by and not stays:  # a browser that doesn't say it itself
        return window_page(state.begun_by)
    return MESSAGES[found.message_type](found)


def _take_deployment(registration: Registration, found: Launch) -> None:
    if found.deployment_id not in registration.deployments:
        parts().lti.registrations.take_deployment(registration.registration_id, found.deployment_id)
        note("lti: deployment new", "lti", registration=registration.registration_id, deployment=found.deployment_id)


def _said_no() -> Refused:
    """What the platform says in place of a token, bounded."""
    code, more = told(request.form.get("error"), 80), told(request.form.get("error_description"), 300)
    why = f"{code}: {more}" if more else code or "?"
    return Refused(
        joined(" ", [_("Your learning platform did not let you in here. It says: %(why)s.", why=repr(why)), BEGIN_AGAIN]),
        f"the platform says {why!r}",
    )


__all__ = ["lti"]
