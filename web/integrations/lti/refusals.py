"""The pages that somebody sees who isn't led on at once: why not, or that a window of its own is needed. They are shown inside other pages, too."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Response, g, render_template, request, url_for

from basics.errors import ProctorError
from web.calls.audit import note
from web.calls.errors import retry_after, status_of
from web.integrations.lti.errors import Refused, reason_of
from web.languages import said
from web.parts import parts

log = logging.getLogger(__name__)

AGAIN_WITHIN_S = 4  # who came too many at once don't come again at once


def window_page(begun_by: Mapping[str, str]) -> Response:
    """One button, by which the same login begins again in a window of its own: inside another site's page there is neither cookie nor camera."""
    return _page(200, again=_again(begun_by))


def refusal(error: ProctorError, registration_id: str = "", begun_by: Mapping[str, str] | None = None) -> Response:
    """Tell the person what is wrong and what to do, and the log and the audit what it was."""
    status, reason, address = status_of(error), reason_of(error), request.remote_addr
    level, counted = logging.ERROR if status >= 500 else logging.WARNING, {"counted_as": f"platform {registration_id}"}
    log.log(level, "lti: refused from %s, registration %s: %s", address, registration_id or "-", reason, extra=counted)
    refusals = parts().lti.refusals
    if refusals.is_kept(registration_id):
        note("lti: refused", "lti", registration=registration_id, reason=reason)
    elif count := refusals.count():
        note("lti: many refused", "lti", count=count)
    wait = retry_after(error)
    helps = wait is not None or (isinstance(error, Refused) and error.in_window)
    return _page(status, message=said(error.message), again=_again(begun_by or {}) if helps else "", wait=wait)


def _page(status: int, *, again: str, message: str = "", wait: int | None = None) -> Response:
    g.may_be_framed = True
    refresh = wait + random.randint(0, AGAIN_WITHIN_S) if wait is not None and again else None
    page = render_template("lti.html", status=status, message=message, again=again, refresh=refresh)
    response = Response(page, status=status, mimetype="text/html")
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    return response


def _again(begun_by: Mapping[str, str]) -> str:
    """The address of our own where the login begins again; empty where it isn't known any more how it began."""
    return f"{url_for('lti.login')}?{urlencode(begun_by)}" if begun_by else ""
